"""Shared bytes."""

import array
import gc
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frazil._core import Buffer


@given(st.binary(), st.none() | st.integers(-300, 300), st.none() | st.integers(-300, 300))
def test_slices_are_those_of_bytes(data, start, stop):
    assert bytes(Buffer(data)[start:stop]) == data[start:stop]


@given(st.binary(), st.binary())
def test_equality_and_hash_are_those_of_bytes(one, other):
    assert (Buffer(one) == Buffer(other)) == (one == other)
    assert (Buffer(one) == other) == (one == other)
    assert hash(Buffer(one)) == hash(one)


def test_it_is_a_read_only_buffer():
    view = memoryview(Buffer(b"hello"))
    assert view.readonly
    assert bytes(view) == b"hello"
    assert view.format == "B"
    with pytest.raises(TypeError, match="read-only"):
        view[0] = 1


def test_views_keep_the_bytes_alive():
    buffer = Buffer(b"x" * 1_000_000)
    watch = weakref.ref(buffer)
    view = memoryview(buffer[10:20])
    del buffer
    gc.collect()
    assert watch() is None
    assert bytes(view) == b"x" * 10


def test_what_can_change_is_copied():
    data = bytearray(b"abc")
    buffer = Buffer(data)
    data[0] = 0
    assert bytes(buffer) == b"abc"
    numbers = array.array("I", [1, 2])
    assert bytes(Buffer(numbers)) == numbers.tobytes()


def test_other_slices_and_types_are_refused():
    with pytest.raises(ValueError, match="step 1"):
        Buffer(b"abc")[::2]
    with pytest.raises(TypeError):
        Buffer("text")  # type: ignore[arg-type]
    assert Buffer(b"") != 5
    assert len(Buffer(b"")) == 0
