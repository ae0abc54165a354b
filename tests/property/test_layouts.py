"""However the manifests of arrays are laid out, commit after commit, the references are those that were set."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import frazil
from frazil._core import ChunkRef
from frazil.format.node_path import NodePath
from tests.property.layouts import array_document, num_manifests, refs_of, shrink

SHAPES = st.sampled_from([(40,), (9, 9), (1, 60), (4, 1, 7), ()])
PATHS = ["/a", "/b"]


@st.composite
def boxes(draw):
    """Blocks, rows and single chunks, as fractions of the grid."""
    start = draw(st.tuples(*[st.integers(0, 9)] * 3))
    size = draw(st.tuples(*[st.integers(1, 6)] * 3))
    return tuple((s / 10, n) for s, n in zip(start, size, strict=True))


# A commit: what it does to which array; 0 deletes, another number sets.
EDITS = st.lists(st.tuples(st.sampled_from(PATHS), boxes(), st.integers(0, 3)), min_size=1, max_size=3)


def chunks_in(shape, box) -> list[tuple[int, ...]]:
    found: list[tuple[int, ...]] = [()]
    for length, (start, size) in zip(shape, box, strict=False):
        first = int(start * length)
        found = [(*c, i) for c in found for i in range(first, min(first + size, length))]
    return found


@given(
    shape=SHAPES,
    commits=st.lists(st.tuples(EDITS, st.none() | st.integers(1, 60)), min_size=1, max_size=14),
    spec_version=st.sampled_from([1, 2]),
)
def test_every_layout_has_the_references_that_were_set(shape, commits, spec_version):
    repo = frazil.Repository.create(frazil.in_memory_storage(), spec_version=spec_version)
    session = repo.writable_session("main")
    for path in PATHS:
        session._session.tree.set_metadata(NodePath(path), array_document(shape))
    session.commit("arrays")
    expected: dict[str, dict[tuple[int, ...], ChunkRef]] = {path: {} for path in PATHS}
    counter = 0
    with pytest.MonkeyPatch.context() as patch:
        shrink(patch)
        for edits, length in commits:
            session = repo.writable_session("main")
            tree = session._session.tree
            if length is not None and shape:
                shape = (length, *shape[1:])
                for path in PATHS:
                    tree.set_metadata(NodePath(path), array_document(shape))
                    expected[path] = {c: ref for c, ref in expected[path].items() if c[0] < length}
            for path, box, value in edits:
                node = tree.existing_array(NodePath(path))
                for coords in chunks_in(shape, box):
                    if value == 0:
                        tree.delete_chunk(node, coords)
                        expected[path].pop(coords, None)
                        continue
                    counter += 1
                    ref = ChunkRef.virtual(f"s3://bucket/{value}", counter, value)
                    tree.set_chunk(node, coords, ref)
                    expected[path][coords] = ref
            made = session.commit("edit", allow_empty=True)
            for path in PATHS:
                assert refs_of(repo, made, path) == expected[path]
    # Without the small thresholds one manifest holds everything again.
    made = repo.rewrite_manifests("one manifest each", branch="main")
    for path in PATHS:
        assert refs_of(repo, made, path) == expected[path]
        assert num_manifests(repo, made, path) == (1 if expected[path] else 0)
