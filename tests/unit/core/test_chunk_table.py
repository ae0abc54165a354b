"""The chunk table against a dict."""

import threading
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from frazil._core import ChunkRef, ChunkTable, CoordSet
from frazil.errors import IcechunkError

COORDS = st.tuples(st.integers(0, 5), st.integers(0, 5))
NUMBERS = st.integers(0, 500) | st.integers(0, 2**64 - 1)
LOCATIONS = st.sampled_from(["s3://b/a", "s3://b/ab", "gs://ü/x", ""]) | st.text(max_size=5)
REFS = st.one_of(
    st.binary(max_size=20).map(ChunkRef.inline),
    st.builds(ChunkRef.native, st.binary(min_size=12, max_size=12), NUMBERS, NUMBERS),
    st.builds(ChunkRef.virtual, LOCATIONS, NUMBERS, NUMBERS, etag=st.none() | st.text(max_size=3)),
    st.builds(ChunkRef.virtual, LOCATIONS, NUMBERS, NUMBERS, last_modified=st.integers(1, 2**32 - 1)),
)
CHANGES = st.dictionaries(COORDS, st.none() | REFS, max_size=20)


def make(changes: dict[tuple[int, int], ChunkRef | None]) -> ChunkTable:
    table = ChunkTable(2)
    for coords, ref in changes.items():
        if ref is None:
            table.delete(coords)
        else:
            table.set(coords, ref)
    return table


class TableMachine(RuleBasedStateMachine):
    """Every operation of the table, and the same on a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.table = ChunkTable(2)
        self.model: dict[tuple[int, ...], ChunkRef | None] = {}

    @rule(coords=COORDS, ref=REFS)
    def set(self, coords, ref):
        self.table.set(coords, ref)
        self.model[coords] = ref

    @rule(coords=COORDS)
    def delete(self, coords):
        self.table.delete(coords)
        self.model[coords] = None

    @rule(coords=st.lists(COORDS, max_size=4))
    def forget(self, coords):
        self.table.forget(CoordSet(coords))
        for at in coords:
            self.model.pop(at, None)

    @rule(rows=st.lists(st.tuples(COORDS, LOCATIONS, NUMBERS, NUMBERS), max_size=20), etag=st.none() | st.just("tag"))
    def set_columns(self, rows, etag):
        self.table.set_virtual_columns(
            np.array([row[0] for row in rows], dtype="u4").reshape(-1, 2),
            [row[1] for row in rows],
            np.array([row[2] for row in rows], dtype="u8"),
            np.array([row[3] for row in rows], dtype="u8"),
            etag,
        )
        for coords, location, offset, length in rows:
            self.model[coords] = ChunkRef.virtual(location, offset, length, etag)

    @rule(changes=CHANGES)
    def merge(self, changes):
        self.table.merge(make(changes))
        self.model.update(changes)

    @rule()
    def carry(self):
        self.table = ChunkTable.from_bytes(self.table.to_bytes())

    @rule()
    def copy(self):
        copied = self.table.copy()
        copied.set((9, 9), ChunkRef.inline(b"only in the copy"))

    @rule(coords=COORDS)
    def get(self, coords):
        expected = self.model[coords] or False if coords in self.model else None
        assert self.table.get(coords) == expected

    @invariant()
    def same(self):
        assert self.table.items() == sorted(self.model.items(), key=lambda item: item[0])
        assert len(self.table) == len(self.model)
        assert self.table.coords() == CoordSet(self.model)
        assert self.table.deleted_coords() == CoordSet(at for at, ref in self.model.items() if ref is None)
        assert self.table.set_coords() == CoordSet(at for at, ref in self.model.items() if ref is not None)


TestTable = TableMachine.TestCase


@given(st.binary(max_size=60))
def test_broken_bytes_are_an_error_of_ours(data):
    for start in (b"", b"FZCT\x01", b"FZCT\x01\x02"):
        with suppress(IcechunkError):
            ChunkTable.from_bytes(start + data).items()


def test_bytes_of_another_version_are_refused():
    with pytest.raises(IcechunkError, match="another version"):
        ChunkTable.from_bytes(b"FZCT\x02")


def test_a_table_of_a_scalar():
    table = ChunkTable(0)
    assert table.get(()) is None
    table.set((), ChunkRef.inline(b"x"))
    assert table.items() == [((), ChunkRef.inline(b"x"))]
    table.set_virtual_columns(np.zeros((1, 0), "u4"), ["s3://b/k"], np.array([1], "u8"), np.array([2], "u8"))
    assert ChunkTable.from_bytes(table.to_bytes()).get(()) == ChunkRef.virtual("s3://b/k", 1, 2)
    assert table.ndim == 0


def test_coordinates_of_another_rank():
    table = ChunkTable(2)
    for change in (lambda: table.set((1,), ChunkRef.inline(b"x")), lambda: table.delete((1, 2, 3))):
        with pytest.raises(IcechunkError, match="2 dimensions") as caught:
            change()
        assert caught.value.kind == "invalid-chunk-index"
    assert table.get((1,)) is None
    with pytest.raises(OverflowError):
        table.delete((-1, 0))


def columns(count: int = 3) -> tuple[np.ndarray, list[str], np.ndarray, np.ndarray]:
    return np.zeros((count, 2), "u4"), ["s3://b/k"] * count, np.zeros(count, "u8"), np.zeros(count, "u8")


def test_columns_of_different_lengths_change_nothing():
    coords, locations, offsets, lengths = columns()
    table = ChunkTable(2)
    for bad in (
        (coords[1:], locations, offsets, lengths),
        (coords, locations[1:], offsets, lengths),
        (coords, locations, offsets[1:], lengths),
        (coords, locations, offsets, lengths[1:]),
        (coords[:, :1], locations, offsets, lengths),
    ):
        with pytest.raises(ValueError, match="one length"):
            table.set_virtual_columns(*bad)
    assert len(table) == 0


def test_columns_of_other_types_change_nothing():
    coords, locations, offsets, lengths = columns()
    table = ChunkTable(2)
    with pytest.raises(BufferError):
        table.set_virtual_columns(coords.astype("u8"), locations, offsets, lengths)
    with pytest.raises(BufferError):
        table.set_virtual_columns(coords, locations, offsets.astype(">u8"), lengths)
    with pytest.raises(TypeError):
        table.set_virtual_columns(coords, ["s3://b/k", b"x", "y"], offsets, lengths)  # type: ignore[list-item]
    with pytest.raises(UnicodeEncodeError):
        table.set_virtual_columns(coords, ["s3://b/k", "\ud800", "y"], offsets, lengths)
    assert len(table) == 0


def test_columns_need_not_be_contiguous():
    table = ChunkTable(2)
    coords = np.arange(12, dtype="u4").reshape(3, 4)[:, ::2]
    numbers = np.arange(6, dtype="u8")[::2]
    table.set_virtual_columns(coords, ["s3://b/k"] * 3, numbers, numbers)
    assert table.items() == [((0, 2), VIRTUAL(0)), ((4, 6), VIRTUAL(2)), ((8, 10), VIRTUAL(4))]


def VIRTUAL(number: int) -> ChunkRef:  # noqa: N802 - reads as the constant it stands for
    return ChunkRef.virtual("s3://b/k", number, number)


def test_many_rows_come_in_blocks():
    count = 200_000
    order = np.random.default_rng(0).permutation(count)
    coords = np.stack([order // 500, order % 500], axis=1).astype("u4")
    names = [f"s3://bucket/{number // 1000}" for number in order]
    table = ChunkTable(2)
    table.set_virtual_columns(coords, names, order.astype("u8"), np.full(count, 7, "u8"))
    assert len(table) == count
    for number in (0, 1, 65_535, 65_536, 131_072, count - 1):
        at = (number // 500, number % 500)
        assert table.get(at) == ChunkRef.virtual(f"s3://bucket/{number // 1000}", number, 7)
    assert table.nbytes < 40 * count


def test_merging_a_table_into_itself_changes_nothing():
    table = make({(1, 1): None, (0, 1): ChunkRef.inline(b"x")})
    before = table.items()
    table.merge(table)
    assert table.items() == before
    with pytest.raises(IcechunkError, match="dimensions"):
        table.merge(ChunkTable(1))


def test_threads_merge_into_each_other():
    one, other = make({(0, 0): None}), make({(1, 1): None})

    def merge(into: ChunkTable, table: ChunkTable) -> None:
        for number in range(300):
            into.merge(table)
            into.delete((number % 6, 3))

    threads = [threading.Thread(target=merge, args=pair) for pair in [(one, other), (other, one)] * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    one.merge(other)
    assert one.coords() == CoordSet([(0, 0), (1, 1), *((number, 3) for number in range(6))])
