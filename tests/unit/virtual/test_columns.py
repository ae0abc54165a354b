"""Columns of references: what is taken, what is refused."""

import itertools
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frazil.errors import InvalidInputError
from frazil.virtual import VirtualChunkSpec, columns
from frazil.virtual.columns import Checksum, ReferenceColumns


def u64(*values: int) -> npt.NDArray[np.uint64]:
    return np.array(values, dtype=np.uint64)


def block(shape: tuple[int, ...], start: tuple[int, ...] | None = None) -> ReferenceColumns:
    count = int(np.prod(shape, dtype=int))
    sizes = np.ones(count, dtype=np.uint64)
    return columns.from_arrays(shape, ["s3://b/k"] * count, sizes, sizes, start)


shapes = st.lists(st.integers(0, 4), max_size=4).map(tuple)


@given(shapes, st.data())
def test_a_block_is_row_major_from_its_start(shape: tuple[int, ...], data: st.DataObject) -> None:
    start = tuple(data.draw(st.integers(0, 2**32 - 4)) for _ in shape)
    expected = [
        tuple(first + index for first, index in zip(start, indices, strict=True))
        for indices in itertools.product(*map(range, shape))
    ]
    found = block(shape, start).coords
    assert found.dtype == np.uint32
    assert found.flags.c_contiguous
    assert list(map(tuple, found.tolist())) == expected


def test_rows_without_a_location_are_left_out() -> None:
    found = columns.from_arrays((3,), ["s3://b/x", "", "s3://b/y"], u64(1, 2, 3), u64(4, 0, 6), None)
    assert found.coords.tolist() == [[0], [2]]
    assert found.locations.tolist() == ["s3://b/x", "s3://b/y"]
    assert found.offsets.tolist() == [1, 3]
    assert found.lengths.tolist() == [4, 6]
    found.check("/a", (3,))  # the length of 0 is gone with its row


@pytest.mark.parametrize(
    ("shape", "names", "offsets", "lengths", "start", "message"),
    [
        ((3,), ["x"], u64(1, 2, 3), u64(1, 2, 3), None, "locations, offsets, and lengths must have the same length"),
        ((3,), ["x", "y"], u64(1, 2), u64(1, 2), None, r"product of chunk_grid_shape \(3\) != array length \(2\)"),
        ((2,), ["x", "y"], u64(1, 2), u64(1, 2), (1, 2), r"arr_offset length \(2\) != chunk_grid_shape length \(1\)"),
        ((2,), ["x", "y"], u64(1, 2, 3, 4)[::2], u64(1, 2), None, "offsets array must be contiguous"),
        ((2,), ["x", "y"], u64(1, 2), u64(1, 2, 3, 4)[::2], None, "lengths array must be contiguous"),
    ],
)
def test_parts_that_do_not_fit_are_refused(
    shape: tuple[int, ...], names: list[str], offsets: Any, lengths: Any, start: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        columns.from_arrays(shape, names, offsets, lengths, start)


@pytest.mark.parametrize("offsets", [np.array([1, 2]), [1, 2], np.ones((2, 1), dtype=np.uint64), None])
def test_offsets_must_be_unsigned_and_flat(offsets: Any) -> None:
    with pytest.raises(TypeError, match="offsets must be a 1-dimensional NumPy array of uint64"):
        columns.from_arrays((2,), ["x", "y"], offsets, u64(1, 2), None)


@pytest.mark.parametrize("names", ["xy", b"xy", 5, None])
def test_locations_must_be_a_column(names: Any) -> None:
    with pytest.raises(TypeError, match="locations must be a"):
        columns.from_arrays((2,), names, u64(1, 2), u64(1, 2), None)


@pytest.mark.parametrize(("shape", "start"), [((-1,), None), ((2,), (-1,)), ((2,), (2**32 - 1,))])
def test_blocks_stay_in_the_range_of_indices(shape: tuple[int, ...], start: tuple[int, ...] | None) -> None:
    with pytest.raises((OverflowError, ValueError)):
        columns.from_arrays(shape, ["x", "y"], u64(1, 2), u64(1, 2), start)


def test_numpy_strings_are_taken() -> None:
    names = np.array(["s3://b/x", "", "s3://b/y"])
    found = columns.from_arrays((3,), names, u64(1, 2, 3), u64(4, 5, 6), None)
    assert found.locations.tolist() == ["s3://b/x", "s3://b/y"]
    assert all(type(location) is str for location in found.locations.tolist())


@pytest.mark.parametrize("kind", ["string", "large_string", "dictionary", "chunked", "view"])
def test_arrow_columns_are_taken_and_nulls_leave_the_chunk_out(kind: str) -> None:
    pa = pytest.importorskip("pyarrow", reason="Arrow columns need the extra `arrow`")
    texts = ["s3://b/x", None, "s3://b/x"]
    names = {
        "string": lambda: pa.array(texts),
        "large_string": lambda: pa.array(texts, pa.large_string()),
        "dictionary": lambda: pa.array(texts).dictionary_encode(),
        "chunked": lambda: pa.chunked_array([texts[:1], texts[1:]]),
        "view": lambda: pa.array(texts, pa.string_view()),
    }[kind]()
    found = columns.from_arrays((3,), names, pa.array([1, 2, 3]), pa.array([4, 5, 6], pa.uint64()), None)
    assert found.coords.tolist() == [[0], [2]]
    assert found.locations.tolist() == ["s3://b/x", "s3://b/x"]
    assert found.offsets.tolist() == [1, 3]
    assert found.offsets.dtype == found.lengths.dtype == np.uint64


def test_arrow_numbers_must_be_whole_and_present() -> None:
    pa = pytest.importorskip("pyarrow", reason="Arrow columns need the extra `arrow`")
    for column in ([1, None], [1, -1], [1.5, 2.0]):
        with pytest.raises(TypeError, match="non-negative integers without nulls"):
            columns.from_arrays((2,), ["x", "y"], pa.array(column), u64(1, 2), None)


def test_coordinates_must_be_in_the_grid() -> None:
    block((2, 3)).check("/a", (2, 3))
    with pytest.raises(InvalidInputError, match=r"invalid chunk index \[0, 2\] for array `/a`") as raised:
        block((2, 3)).check("/a", (2, 2))
    assert raised.value.kind == "invalid-chunk-index"
    with pytest.raises(InvalidInputError, match="it has 2 dimensions, but array `/a` has 1"):
        block((2, 3)).check("/a", (6,))
    block((1,)).check("/a", (0,))  # as the store allows for arrays of length zero
    block(()).check("/a", ())
    block((0,)).check("/a", (5,))


def test_lengths_of_zero_and_ends_beyond_the_format_are_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"the reference at \[1\] of array `/a` has length 0") as raised:
        columns.from_arrays((2,), ["x", "y"], u64(0, 0), u64(1, 0), None).check("/a", (2,))
    assert raised.value.kind == "zero-length-chunk"
    with pytest.raises(InvalidInputError, match=r"the reference at \[1\] of array `/a` ends past"):
        columns.from_arrays((2,), ["x", "y"], u64(0, 2**64 - 1), u64(1, 1), None).check("/a", (2,))
    columns.from_arrays((2,), ["x", "y"], u64(0, 2**64 - 2), u64(2**63, 1), None).check("/a", (2,))


NOON = datetime(2020, 1, 1, 12, 0, 0, 999_999, tzinfo=UTC)


def test_checksums() -> None:
    assert Checksum.parse(None) == Checksum()
    assert Checksum.parse('"etag"') == Checksum(etag='"etag"')
    assert Checksum.parse(NOON) == Checksum(last_modified=1_577_880_000)
    assert Checksum.parse(NOON.astimezone(timezone(timedelta(hours=5)))) == Checksum.parse(NOON)


@pytest.mark.parametrize("value", [5, b"etag", datetime(2020, 1, 1)])  # noqa: DTZ001 - the naive time is the point
def test_other_checksums_are_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        Checksum.parse(value)


@pytest.mark.parametrize("year", [1960, 1970, 2107])
def test_times_that_the_format_cannot_hold_are_refused(year: int) -> None:
    with pytest.raises(ValueError, match="1970 to 2106"):
        Checksum.parse(datetime(year, 1, 1, tzinfo=UTC))


def test_references_are_grouped_by_checksum_in_their_order() -> None:
    specs = [
        VirtualChunkSpec([0, 1], "s3://b/x", 1, 2),
        VirtualChunkSpec([1, 1], "s3://b/y", 3, 4),
        VirtualChunkSpec([0, 0], "s3://b/z", 5, 6, "etag"),
        VirtualChunkSpec([0, 1], "s3://b/w", 7, 8),
        VirtualChunkSpec([1, 0], "s3://b/v", 9, 10, "etag", NOON),
    ]
    runs = list(columns.from_specs(specs, 2))
    assert [(run.coords.tolist(), checksum) for run, checksum in runs] == [
        ([[0, 1], [1, 1]], Checksum()),
        ([[0, 0]], Checksum(etag="etag")),
        ([[0, 1]], Checksum()),
        ([[1, 0]], Checksum(etag="etag")),
    ]
    assert [run.locations.tolist() for run, _ in runs] == [
        ["s3://b/x", "s3://b/y"],
        ["s3://b/z"],
        ["s3://b/w"],
        ["s3://b/v"],
    ]
    assert runs[0][0].offsets.tolist() == [1, 3]
    assert runs[0][0].lengths.tolist() == [2, 4]


def test_references_of_another_rank_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="it has 1 dimensions, but the array has 2"):
        list(columns.from_specs([VirtualChunkSpec([0], "s3://b/x", 0, 1)], 2))
