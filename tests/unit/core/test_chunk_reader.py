"""Chunks by coordinate, against a plain dictionary."""

import itertools
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frazil._core import (
    Assets,
    Buffer,
    ChunkReader,
    ChunkRef,
    ChunkTable,
    ManifestBuilder,
    ObjectStore,
    encode_id,
)
from frazil.errors import FormatError, InvalidInputError, StorageError

NODE = b"12345678"
OTHER = b"87654321"
GRID = (6, 7)

Region = tuple[tuple[int, int], ...]
Chunks = Mapping[Any, ChunkRef]
"""By coordinates."""


def assets(store: ObjectStore, *, chunk_refs: int = 10_000, chunk_bytes: int = 0) -> Assets:
    return Assets(
        store,
        snapshot_nodes=1000,
        chunk_refs=chunk_refs,
        transaction_changes=1000,
        chunk_bytes=chunk_bytes,
        max_requests=8,
    )


@dataclass
class World:
    """An array whose chunks are known."""

    store: ObjectStore = field(default_factory=ObjectStore.memory)
    manifests: list[tuple[bytes, int, Region]] = field(default_factory=list)
    bytes_of: dict[ChunkRef, bytes] = field(default_factory=dict)
    ids: int = 0

    def new_id(self) -> bytes:
        self.ids += 1
        return self.ids.to_bytes(12, "big")

    def reference(self, kind: int, source: random.Random) -> ChunkRef:
        data = source.randbytes(source.randrange(1, 40))
        match kind:
            case 1:
                chunk_id = self.new_id()
                offset = source.choice([0, 0, 3])
                self.store.put(f"chunks/{encode_id(chunk_id)}", bytes(offset) + data + b"more")
                made = ChunkRef.native(chunk_id, offset, len(data))
            case 2:
                made = ChunkRef.virtual(f"s3://bucket/{self.new_id().hex()}", 5, len(data), etag="x")
            case _:
                made = ChunkRef.inline(data)
        self.bytes_of[made] = data
        return made

    def add_manifest(self, chunks: Chunks, region: Region, node: bytes = NODE) -> None:
        table = ChunkTable(len(region))
        for coords, made in chunks.items():
            table.set(coords, made)
        builder = ManifestBuilder()
        added = builder.add_array(node, region, [], table)
        if added is None:
            return
        manifest_id = self.new_id()
        data, _ = builder.finish(
            id=manifest_id,
            spec_version=2,
            writer="test",
            level=1,
            min_virtual_refs=1000,
            dictionary_samples=100,
            dictionary_bytes=2048,
            location_level=3,
        )
        self.store.put(f"manifests/{encode_id(manifest_id)}", data)
        self.manifests.append((manifest_id, len(data), added[1] if node == NODE else region))


@st.composite
def worlds(draw: st.DrawFn) -> tuple[World, Chunks, ChunkTable, Chunks]:
    """(world, chunks of the base, the session's table, chunks as the session sees them)."""
    world = World()
    source = random.Random(draw(st.integers(0, 2**32)))
    anywhere = st.tuples(st.integers(0, GRID[0] + 1), st.integers(0, GRID[1] + 1))
    kinds = st.integers(1, 3)
    base = {coords: world.reference(kind, source) for coords, kind in draw(st.dictionaries(anywhere, kinds)).items()}
    # manifests that split the rows; each coordinate is in exactly one
    cuts = sorted({0, GRID[0] + 2, *draw(st.lists(st.integers(1, GRID[0]), max_size=5))})
    for start, stop in itertools.pairwise(cuts):
        part = {coords: made for coords, made in base.items() if start <= coords[0] < stop}
        world.add_manifest(part, ((start, stop), (0, GRID[1] + 2)))
    changes = ChunkTable(2)
    seen = dict(base)
    for coords, kind in draw(st.lists(st.tuples(anywhere, st.integers(0, 3)), max_size=15)):
        if kind == 0:
            changes.delete(coords)
            seen.pop(coords, None)
        else:
            made = world.reference(kind, source)
            changes.set(coords, made)
            seen[coords] = made
    inside = {c: made for c, made in seen.items() if c[0] < GRID[0] and c[1] < GRID[1]}
    return world, base, changes, inside


def whole(world: World, made: ChunkRef) -> bytes | ChunkRef:
    return made if made.kind == 2 else world.bytes_of[made]


def plain(read: Buffer | ChunkRef | None) -> bytes | ChunkRef | None:
    return bytes(read) if isinstance(read, Buffer) else read


@given(worlds(), st.booleans(), st.booleans())
def test_a_reader_sees_base_and_changes(made, cached, batched):
    world, _, changes, expected = made
    reader = ChunkReader(
        assets(world.store, chunk_refs=10_000 if cached else 0, chunk_bytes=10_000 if cached else 0),
        NODE,
        GRID,
        world.manifests,
        changes,
    )
    everywhere = [(i, j) for i in range(GRID[0] + 3) for j in range(GRID[1] + 3)]
    if batched:
        got = [plain(read) for read in reader.read_many(everywhere)]
        assert got == [whole(world, expected[c]) if c in expected else None for c in everywhere]
    for coords in everywhere:
        assert reader.lookup(coords) == expected.get(coords)
        assert plain(reader.read(coords)) == (whole(world, expected[coords]) if coords in expected else None)
    assert set(reader.coords()) == set(expected)


@given(worlds(), st.integers(1, 20))
def test_columns_are_the_rows_of_the_coordinates(made, batch):
    world, _, changes, expected = made
    reader = ChunkReader(assets(world.store), NODE, GRID, world.manifests, changes)
    rows = []
    start = 0
    while True:
        coords, kinds, paths, offsets, lengths, inline = reader.columns(start, start + batch)
        if not kinds:
            break
        for row in range(len(kinds)):
            at = tuple(memoryview(coords).cast("I")[2 * row : 2 * row + 2])
            offset, length = memoryview(offsets).cast("Q")[row], memoryview(lengths).cast("Q")[row]
            assert (row in inline) == (kinds[row] == 3)
            rows.append((at, kinds[row], paths[row], offset, length, bytes(inline[row]) if row in inline else None))
        start += len(kinds)
    model = []
    for at in sorted(expected):
        ref = expected[at]
        path = ref.location or (encode_id(ref.chunk_id) if ref.chunk_id else "")
        data = world.bytes_of[ref] if ref.kind == 3 else None
        model.append((at, ref.kind, path, ref.offset, ref.length, data))
    assert rows == model


def test_columns_follow_changes_between_batches():
    world = World()
    world.add_manifest({(i, 0): ChunkRef.inline(b"x") for i in range(4)}, ((0, 6), (0, 7)))
    changes = ChunkTable(2)
    reader = ChunkReader(assets(world.store), NODE, GRID, world.manifests, changes)
    assert len(reader.columns(0, 2)[1]) == 2
    changes.set((0, 0), ChunkRef.inline(b"y"))
    changes.set((5, 5), ChunkRef.inline(b"z"))
    assert len(reader.columns(2, 100)[1]) == 3


def test_the_first_manifest_whose_extents_contain_a_chunk_decides():
    world = World()
    first = {(0, 0): ChunkRef.inline(b"first"), (2, 2): ChunkRef.inline(b"first")}
    second = {(1, 1): ChunkRef.inline(b"hidden"), (2, 2): ChunkRef.inline(b"hidden"), (5, 5): ChunkRef.inline(b"seen")}
    world.add_manifest(first, ((0, 6), (0, 7)))
    world.add_manifest(second, ((0, 6), (0, 7)))
    reader = ChunkReader(assets(world.store), NODE, GRID, world.manifests, None)
    assert reader.read((2, 2)) == b"first"
    assert reader.read((1, 1)) is None
    assert reader.read((5, 5)) == b"seen"
    assert list(reader.coords()) == [(0, 0), (2, 2), (5, 5)]


@pytest.mark.parametrize("coords", [(), (0,), (0, 0, 0), (6, 0), (0, 7), (-1, 0), (2**32, 0), (2**80, 0)])
def test_other_ranks_and_places_outside_the_grid_hold_nothing(coords):
    world = World()
    world.add_manifest({(0, 0): ChunkRef.inline(b"x")}, ((0, 6), (0, 7)))
    reader = ChunkReader(assets(world.store), NODE, GRID, world.manifests, None)
    assert reader.lookup(coords) is None
    assert reader.read(coords) is None
    assert reader.read_many([coords, (0, 0), coords]) == [None, b"x", None]


def test_rank_zero():
    world = World()
    world.add_manifest({(): ChunkRef.inline(b"scalar")}, ())
    reader = ChunkReader(assets(world.store), NODE, (), world.manifests, None)
    assert reader.read(()) == b"scalar"
    assert list(reader.coords()) == [()]
    assert reader.columns(0, 10)[0] == b""
    assert reader.read((0,)) is None


# --------------------------------------------------------------------------------------------------------------------
# byte ranges


@pytest.fixture(params=["inline", "native", "native-cached"])
def ten_bytes(request):
    """A reader whose chunk (0, 0) is ``0123456789``."""
    world = World()
    if request.param == "inline":
        made = ChunkRef.inline(b"0123456789")
    else:
        chunk_id = world.new_id()
        world.store.put(f"chunks/{encode_id(chunk_id)}", b"..0123456789..")
        made = ChunkRef.native(chunk_id, 2, 10)
    world.add_manifest({(0, 0): made}, ((0, 6), (0, 7)))
    reader = ChunkReader(
        assets(world.store, chunk_bytes=1000 * request.param.endswith("cached")), NODE, GRID, world.manifests, None
    )
    if request.param.endswith("cached"):
        reader.read((0, 0))
    return reader


@pytest.mark.parametrize(
    ("start", "end", "suffix", "expected"),
    [
        (None, None, None, b"0123456789"),
        (0, 10, None, b"0123456789"),
        (3, 5, None, b"34"),
        (3, None, None, b"3456789"),
        (None, 4, None, b"0123"),
        (None, None, 3, b"789"),
        (None, None, 10, b"0123456789"),
        (4, 4, None, b""),
        (None, None, 0, b""),
    ],
)
def test_parts_of_a_chunk(ten_bytes, start, end, suffix, expected):
    assert ten_bytes.read((0, 0), start, end, suffix) == expected


@pytest.mark.parametrize(
    ("start", "end", "suffix"),
    [(10, None, None), (10, 10, None), (0, 11, None), (5, 4, None), (None, None, 11), (2**63, 2**64 - 1, None)],
)
def test_parts_outside_a_chunk(ten_bytes, start, end, suffix):
    with pytest.raises(InvalidInputError, match="byte range") as caught:
        ten_bytes.read((0, 0), start, end, suffix)
    assert caught.value.kind == "invalid-byte-range"


def test_a_missing_chunk_has_no_range_to_be_outside_of(ten_bytes):
    assert ten_bytes.read((1, 1), 100, 200) is None


def test_a_virtual_reference_is_cut_to_the_range():
    changes = ChunkTable(2)
    changes.set((0, 0), ChunkRef.virtual("s3://b/k", 100, 10, etag="e"))
    reader = ChunkReader(assets(ObjectStore.memory()), NODE, GRID, [], changes)
    assert reader.read((0, 0)) == ChunkRef.virtual("s3://b/k", 100, 10, etag="e")
    assert reader.read((0, 0), 3, 5) == ChunkRef.virtual("s3://b/k", 103, 2, etag="e")
    assert reader.read((0, 0), None, None, 4) == ChunkRef.virtual("s3://b/k", 106, 4, etag="e")
    assert reader.lookup((0, 0)) == ChunkRef.virtual("s3://b/k", 100, 10, etag="e")


# --------------------------------------------------------------------------------------------------------------------
# broken repositories


def test_a_missing_chunk_object_is_named():
    changes = ChunkTable(2)
    changes.set((0, 0), ChunkRef.native(b"a" * 12, 0, 10))
    reader = ChunkReader(assets(ObjectStore.memory()), NODE, GRID, [], changes)
    for read in (lambda: reader.read((0, 0)), lambda: reader.read_many([(0, 0)])):
        with pytest.raises(StorageError, match=encode_id(b"a" * 12)) as caught:
            read()
        assert caught.value.kind == "object-not-found"


def test_a_short_chunk_object_is_an_error():
    store = ObjectStore.memory()
    store.put(f"chunks/{encode_id(b'a' * 12)}", b"123")
    changes = ChunkTable(2)
    changes.set((0, 0), ChunkRef.native(b"a" * 12, 0, 10))
    reader = ChunkReader(assets(store), NODE, GRID, [], changes)
    for read in (lambda: reader.read((0, 0)), lambda: reader.read_many([(0, 0)]), lambda: reader.read((0, 0), 2, 6)):
        with pytest.raises(StorageError) as caught:
            read()
        assert caught.value.kind == "invalid-object-size"


def test_a_manifest_that_the_snapshot_does_not_list():
    reader = ChunkReader(assets(ObjectStore.memory()), NODE, GRID, [(b"m" * 12, 0, ((0, 6), (0, 7)))], None)
    for use in (lambda: reader.read((0, 0)), lambda: reader.lookup((0, 0)), reader.coords):
        with pytest.raises(FormatError, match=encode_id(b"m" * 12)) as caught:
            use()
        assert caught.value.kind == "manifest-info-not-found"
    assert reader.read((9, 9)) is None


def test_a_missing_or_corrupt_manifest_is_named():
    store = ObjectStore.memory()
    reader = ChunkReader(assets(store), NODE, GRID, [(b"m" * 12, 40, ((0, 6), (0, 7)))], None)
    with pytest.raises(StorageError, match=encode_id(b"m" * 12)) as missing:
        reader.read((0, 0))
    assert missing.value.kind == "object-not-found"
    assert "fetch_manifest" in str(missing.value)
    store.put(f"manifests/{encode_id(b'm' * 12)}", bytes(40))
    with pytest.raises(FormatError) as corrupt:
        reader.read((0, 0))
    assert "fetch_manifest" in str(corrupt.value)


def test_extents_of_another_rank_hold_nothing():
    reader = ChunkReader(assets(ObjectStore.memory()), NODE, GRID, [(b"m" * 12, 40, ((0, 6),))], None)
    assert reader.read((0, 0)) is None
    assert len(reader.coords()) == 0
