"""Ids."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frazil.errors import IcechunkError, InvalidInputError
from frazil.format import ids
from frazil.storage.credentials.refresh import random_fraction


def test_known_texts() -> None:
    assert ids.format_id(bytes(range(12))) == "000G40R40M30E209185G"
    assert ids.format_id(ids.INITIAL_SNAPSHOT_ID) == "1CECHNKREP0F1RSTCMT0"
    assert ids.parse_snapshot_id("1CECHNKREP0F1RSTCMT0") == ids.INITIAL_SNAPSHOT_ID


@given(st.binary(min_size=12, max_size=12))
def test_object_ids_round_trip(raw: bytes) -> None:
    text = ids.format_id(raw)
    assert len(text) == 20
    assert ids.parse_snapshot_id(text) == ids.parse_snapshot_id(text.lower()) == raw
    assert bytes(ids.parse_manifest_id(text)) == bytes(ids.parse_chunk_id(text)) == raw


@given(st.binary(min_size=8, max_size=8))
def test_node_ids_round_trip(raw: bytes) -> None:
    text = ids.format_id(raw)
    assert len(text) == 13
    assert ids.parse_node_id(text) == raw


def test_aliases_and_loose_bits() -> None:
    assert ids.parse_snapshot_id("lCECHNKREPOFIRSTCMTA") == ids.INITIAL_SNAPSHOT_ID


@pytest.mark.parametrize("text", ["", "x", "U" * 20, "1CECHNKREP0F1RSTCMT", "1CECHNKREP0F1RSTCMT00", "é" * 20])
def test_bad_snapshot_ids(text: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        ids.parse_snapshot_id(text)
    assert caught.value.kind == "invalid-snapshot-id"
    assert str(caught.value) == f"invalid snapshot id: `{text}`"


def test_other_bad_ids_name_what_they_were_for() -> None:
    with pytest.raises(IcechunkError, match="invalid manifest id: `zz`"):
        ids.parse_manifest_id("zz")
    with pytest.raises(IcechunkError, match="invalid node id"):
        ids.parse_node_id("1CECHNKREP0F1RSTCMT0")


def test_random_fractions_are_in_their_range() -> None:
    fractions = {random_fraction() for _ in range(50)}
    assert all(0 <= fraction < 1 for fraction in fractions)
    assert len(fractions) > 1


def test_random_ids_have_the_right_lengths_and_differ() -> None:
    source = ids.RandomIds()
    assert {len(source.snapshot_id()), len(source.manifest_id()), len(source.chunk_id()), len(source.backup_id())} == {
        12
    }
    assert len(source.node_id()) == 8
    assert source.snapshot_id() != source.snapshot_id()
