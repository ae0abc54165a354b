"""Sets of coordinates against the sets of Python."""

from hypothesis import given
from hypothesis import strategies as st

from frazil._core import CoordSet

ROWS = st.lists(st.lists(st.integers(0, 4), max_size=3).map(tuple), max_size=30)


@given(ROWS, ROWS)
def test_a_set_is_a_sorted_set(one, other):
    left, right = CoordSet(one), CoordSet(other)
    assert list(left) == sorted(set(one))
    assert len(left) == len(set(one))
    assert list(left.union(right)) == sorted({*one, *other})
    assert list(left.intersection(right)) == sorted(set(one) & set(other))
    assert (left == right) == (set(one) == set(other))
    assert left != set(one)
    for row in other:
        assert (row in left) == (row in set(one))
    if left == right:
        assert hash(left) == hash(right)


def test_any_sequences_are_rows():
    assert list(CoordSet([[2, 1], (0, 5)])) == [(0, 5), (2, 1)]
    assert CoordSet(iter([(1,)])) == CoordSet([(1,), (1,)])
    assert len(CoordSet()) == 0
    assert list(CoordSet([()])) == [()]


def test_what_is_no_coordinate_is_not_in_a_set():
    rows = CoordSet([(1, 2)])
    assert (1,) not in rows
    assert "x" not in rows  # type: ignore[operator]
    assert (-1, 2) not in rows


def test_iterators_are_independent():
    rows = CoordSet([(1,), (2,)])
    first, second = iter(rows), iter(rows)
    assert next(first) == next(second) == (1,)
    assert list(first) == list(second) == [(2,)]
