"""Metadata values between JSON and their binary encodings."""

import json
import struct
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frazil._core import flexbuffer_to_json, json_to_flexbuffer, json_to_msgpack, msgpack_to_json
from frazil.errors import IcechunkError

INTEGERS = st.integers(-(2**63), 2**64 - 1)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | INTEGERS | FLOATS | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=6)
        | st.lists(INTEGERS, max_size=6)
        | st.lists(FLOATS, max_size=6)
        | st.dictionaries(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6), inner)
    ),
    max_leaves=30,
)


def same(one: Any, other: Any) -> bool:
    """Equal, and of the same types throughout: 1, 1.0 and True are three values."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other) and (not isinstance(one, float) or struct.pack("d", one) == struct.pack("d", other))


@given(VALUES)
def test_flexbuffers_give_back_the_value(value):
    assert same(json.loads(flexbuffer_to_json(json_to_flexbuffer(json.dumps(value)))), value)


@given(VALUES)
def test_msgpack_gives_back_the_value(value):
    assert same(json.loads(msgpack_to_json(json_to_msgpack(json.dumps(value)))), value)


@given(st.binary(max_size=80))
def test_random_bytes_are_an_error_of_ours_or_a_value(data):
    for decode in (flexbuffer_to_json, msgpack_to_json):
        with suppress(IcechunkError):
            json.loads(decode(data))


@pytest.mark.parametrize("text", ["", "{", "NaN", "[1,]", "[" * 200])
def test_what_is_not_json_is_an_error(text):
    for encode in (json_to_flexbuffer, json_to_msgpack):
        with pytest.raises(IcechunkError, match="not JSON"):
            encode(text)


def test_a_key_with_nul_cannot_be_a_flexbuffer():
    with pytest.raises(IcechunkError, match="NUL"):
        json_to_flexbuffer('{"a\\u0000b": 1}')
