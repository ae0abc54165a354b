"""Ids between bytes and Crockford base32."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frazil._core import Buffer, content_id, decode_id, encode_id, random_id

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def encode(raw: bytes) -> str:
    """The definition: one big-endian number, filled up with zero bits on the right, five bits to a character."""
    bits = "".join(f"{byte:08b}" for byte in raw)
    bits += "0" * (-len(bits) % 5)
    return "".join(ALPHABET[int(bits[at : at + 5], 2)] for at in range(0, len(bits), 5))


@given(st.binary(max_size=40))
def test_text_is_that_of_the_definition(raw):
    assert encode_id(raw) == encode(raw)
    assert decode_id(encode_id(raw), len(raw)) == raw
    assert decode_id(encode_id(raw).lower(), len(raw)) == raw


def test_aliases_are_read():
    assert decode_id("iCECHNKREPoF1RSTCMT0", 12) == decode_id("1CECHNKREP0F1RSTCMT0", 12)
    assert decode_id("L" * 20, 12) == decode_id("1" * 20, 12)


@pytest.mark.parametrize("text", ["", "1CECHNKREP0F1RSTCMT", "1CECHNKREP0F1RSTCMT00", "1CECHNKREP0F1RSTCMTU", "é" * 10])
def test_what_is_no_id_is_a_value_error(text):
    with pytest.raises(ValueError, match="is not an id of 12 bytes"):
        decode_id(text, 12)


def test_random_ids_differ():
    ids = {random_id(12) for _ in range(1000)}
    assert len(ids) == 1000
    assert {len(raw) for raw in ids} == {12}
    assert random_id(0) == b""


def test_content_ids_name_the_content():
    assert content_id(b"") == bytes.fromhex("af1349b9f5f9a1a6a0404dea")
    assert content_id(bytearray(b"x")) == content_id(Buffer(b"x")) == content_id(b"x")
    assert content_id(b"x") != hashlib.sha256(b"x").digest()[:12]
