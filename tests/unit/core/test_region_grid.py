"""Split regions against their definition."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frazil._core import ChunkTable, RegionGrid
from frazil.errors import InvalidInputError

EDGES = st.lists(st.sets(st.integers(0, 9), max_size=4).map(sorted), max_size=3)
COORDS = st.lists(st.integers(0, 10), max_size=3).map(tuple)


def regions(edges):
    """Products of neighbouring edges, the last axis fastest."""
    return list(itertools.product(*[itertools.pairwise(axis) for axis in edges]))


def inside(region, coords):
    return len(region) == len(coords) and all(a <= c < b for (a, b), c in zip(region, coords, strict=True))


@given(EDGES, COORDS)
def test_regions(edges, coords):
    grid, expected = RegionGrid(edges), regions(edges)
    assert [grid.region(number) for number in range(len(grid))] == expected
    found = [number for number, region in enumerate(expected) if inside(region, coords)]
    assert grid.of(coords) == (found[0] if found else None)


@given(EDGES, st.data())
def test_touched_and_overlapping(edges, data):
    grid, expected = RegionGrid(edges), regions(edges)
    rows = data.draw(st.lists(st.tuples(*[st.integers(0, 10)] * len(edges)), max_size=10))
    table = ChunkTable(len(edges))
    for coords in rows:
        table.delete(coords)
    touched = [number for number, region in enumerate(expected) if any(inside(region, coords) for coords in rows)]
    assert grid.touched(table) == touched
    extents = data.draw(st.tuples(*[st.tuples(st.integers(0, 10), st.integers(0, 10))] * len(edges)))
    meets = [
        number
        for number, region in enumerate(expected)
        if all(max(a, c) < min(b, d) for (a, b), (c, d) in zip(region, extents, strict=True))
    ]
    assert grid.overlapping(extents) == meets


def test_edges_must_ascend():
    with pytest.raises(InvalidInputError, match="ascending"):
        RegionGrid([[0, 5, 3]])
    assert len(RegionGrid([[0, 0]])) == 0
    assert len(RegionGrid([])) == 1


def test_there_are_only_so_many_regions():
    grid = RegionGrid([[0, 5]])
    assert grid.region(0) == ((0, 5),)
    with pytest.raises(IndexError):
        grid.region(1)
    with pytest.raises(InvalidInputError, match="too many"):
        RegionGrid([range(2000)] * 7)
