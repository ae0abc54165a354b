"""Manifests built and read, against dicts of references."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frazil._core import ChunkRef, ChunkTable, CoordSet, Manifest, ManifestBuilder
from frazil.errors import FormatError, IcechunkError, InvalidInputError
from tests.unit.core.test_chunk_table import CHANGES, COORDS, REFS, make

NODE, OTHER, ID = b"8 bytes.", b"another ", bytes(range(12))
EXTENT = st.tuples(st.integers(0, 6), st.integers(0, 7))


def finish(builder: ManifestBuilder, spec_version: int = 2, min_virtual_refs: int = 1000) -> Manifest:
    data, opened = builder.finish(
        id=ID,
        spec_version=spec_version,
        writer="frazil-test",
        level=1,
        min_virtual_refs=min_virtual_refs,
        dictionary_samples=100,
        dictionary_bytes=2048,
        location_level=3,
    )
    manifest = Manifest.decode(data, ID)
    assert opened.id == manifest.id
    assert opened.nbytes == manifest.nbytes
    assert [opened.refs(node) for node, _ in opened.arrays()] == [manifest.refs(node) for node, _ in manifest.arrays()]
    return manifest


def build(refs: dict[tuple[int, int], ChunkRef], **settings: int) -> Manifest:
    builder = ManifestBuilder()
    builder.add_array(NODE, [(0, 99), (0, 99)], [], make(dict(refs)))
    return finish(builder, **settings)


@given(
    st.lists(st.dictionaries(COORDS, REFS, min_size=1, max_size=15), max_size=3),
    st.none() | CHANGES,
    st.tuples(EXTENT, EXTENT),
    st.sampled_from([1, 2]),
    st.sampled_from([1, 1000]),
)
def test_a_build_merges_old_and_new(olds, changes, region, spec_version, min_virtual_refs):
    builder = ManifestBuilder()
    table = None if changes is None else make(changes)
    added = builder.add_array(NODE, region, [build(refs) for refs in olds], table)
    # Of several manifests the first one that has a chunk counts; changes go over all of them.
    merged: dict[tuple[int, int], ChunkRef | None] = {}
    for refs in reversed(olds):
        merged.update(refs)
    merged.update(changes or {})
    expected = {
        at: ref
        for at, ref in sorted(merged.items())
        if ref is not None and all(a <= c < b for c, (a, b) in zip(at, region, strict=True))
    }
    axes = list(zip(*expected, strict=True))
    assert added == ((len(expected), tuple((min(a), max(a) + 1) for a in axes)) if expected else None)
    manifest = finish(builder, spec_version, min_virtual_refs)
    assert manifest.refs(NODE) == list(expected.items())
    assert manifest.num_refs == len(expected)
    assert manifest.coords(NODE) == CoordSet(expected)
    assert all(manifest.get(NODE, at) == ref for at, ref in expected.items())
    kinds = [ref.kind for ref in expected.values()]
    counts = [(NODE, len(kinds), kinds.count(3), kinds.count(1), kinds.count(2))]
    assert manifest.statistics() == (counts if kinds else [])
    native = {ref.chunk_id for ref in expected.values() if ref.chunk_id is not None}
    assert manifest.chunk_ids() == b"".join(sorted(native))
    assert set(manifest.virtual_locations()) == {ref.location for ref in expected.values()} - {None}
    assert (manifest.id, manifest.file_spec_version, manifest.writer) == (ID, spec_version, "frazil-test")


def test_look_ups_that_find_nothing():
    manifest = build({(1, 2): ChunkRef.inline(b"x")})
    assert manifest.get(NODE, (1, 3)) is None
    with pytest.raises(FormatError, match="has 2 coordinates, where the snapshot says 1"):
        manifest.get(NODE, (1,))
    assert manifest.get(OTHER, (1, 2)) is None
    assert manifest.refs(OTHER) == []
    assert len(manifest.coords(OTHER)) == 0


def test_slices_of_references():
    refs = {(row, 0): ChunkRef.native(ID, row, 1) for row in range(10)}
    manifest = build(refs)
    listed = list(refs.items())
    for start, stop in [(0, None), (3, None), (3, 5), (8, 50), (20, 30), (5, 2)]:
        assert manifest.refs(NODE, start, stop) == listed[start:stop]


def test_several_arrays_in_one_file():
    builder = ManifestBuilder()
    for node, count in [(OTHER, 2), (NODE, 3)]:
        table = ChunkTable(1)
        for number in range(count):
            table.set((number,), ChunkRef.inline(node))
        assert builder.add_array(node, [(0, 9)], [], table) == (count, ((0, count),))
    manifest = finish(builder)
    assert manifest.arrays() == [(NODE, 3), (OTHER, 2)]
    assert manifest.get(OTHER, (1,)) == ChunkRef.inline(OTHER)
    with pytest.raises(InvalidInputError, match="already"):
        builder.add_array(NODE, [(0, 9)], [manifest], None)


def virtual(count: int, first: int = 0) -> ChunkTable:
    table = ChunkTable(1)
    for number in range(first, first + count):
        table.set((number,), ChunkRef.virtual(f"s3://bucket/archive/of/files/{number:06}.nc", 0, 1))
    return table


def test_locations_are_compressed_from_a_number_on():
    compressions = []
    for count, spec_version in [(999, 2), (1000, 2), (1000, 1)]:
        builder = ManifestBuilder()
        builder.add_array(NODE, [(0, 10_000)], [], virtual(count))
        manifest = finish(builder, spec_version)
        compressions.append(manifest.compression()[::2])
        assert len(manifest.virtual_locations()) == count
    assert compressions == [(False, 0), (True, 1000), (False, 0)]


def test_builders_of_one_commit_share_a_dictionary():
    first = ManifestBuilder()
    first.add_array(NODE, [(0, 10_000)], [], virtual(1000))
    second = ManifestBuilder(like=first)
    second.add_array(NODE, [(0, 10_000)], [], virtual(1000, 1000))
    one, two = finish(first), finish(second)
    assert one.compression() == two.compression()
    assert two.virtual_locations()[0] == "s3://bucket/archive/of/files/001000.nc"


def test_a_table_may_go_on_while_its_manifest_is_built():
    table = virtual(10)
    builder = ManifestBuilder()
    builder.add_array(NODE, [(0, 100)], [], table)
    table.set((50,), ChunkRef.inline(b"later"))
    assert finish(builder).num_refs == 10


@given(st.binary(max_size=60))
def test_what_is_no_manifest_is_an_error_of_ours(data):
    with pytest.raises(IcechunkError):
        Manifest.decode(data, ID)
