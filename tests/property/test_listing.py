"""What the extension lists is what Python lists node by node, whatever a session has changed."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import frazil
from frazil.format.node_path import NodePath
from frazil.store import listing
from frazil.working_tree import WorkingTree

GROUPS = ("", "a", "a/b", "a-b")
ARRAYS = ("a/x", "a/b/x", "a/b/0", "a-b/c", "ä", "x")
ENCODINGS: list[Any] = [
    None,
    "default",
    {"name": "default"},
    {"name": "default", "configuration": {"separator": "/"}},
    {"name": "default", "configuration": {"separator": "."}},
    {"name": "v2"},
    {"name": "v2", "configuration": {"separator": "/"}},
    {"name": "unheard of", "configuration": {"separator": "/"}},
]
NOT_JSON = float("nan")
"""Python writes and reads it, the standard does not know it."""


def document(encoding: Any, shape: list[int], attribute: Any) -> bytes:
    fields: dict[str, Any] = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": shape,
        "data_type": "uint8",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2] * len(shape)}},
        "fill_value": 0,
        "codecs": [{"name": "bytes"}],
        "attributes": {"x": attribute},
    }
    return json.dumps(fields if encoding is None else {**fields, "chunk_key_encoding": encoding}).encode()


EDITS = st.lists(
    st.one_of(
        st.tuples(st.just("group"), st.sampled_from(GROUPS)),
        st.tuples(
            st.just("array"),
            st.sampled_from(ARRAYS),
            st.sampled_from(ENCODINGS),
            st.lists(st.integers(0, 7), max_size=2),
            st.sampled_from([1, "text", NOT_JSON]),
        ),
        st.tuples(st.just("chunk"), st.sampled_from(ARRAYS), st.lists(st.integers(0, 3), max_size=2)),
        st.tuples(st.just("delete chunk"), st.sampled_from(ARRAYS), st.lists(st.integers(0, 3), max_size=2)),
        st.tuples(st.just("delete"), st.sampled_from(GROUPS + ARRAYS)),
    ),
    max_size=20,
)


def path_of(name: str) -> NodePath:
    return NodePath(f"/{name}")


def edit(tree: WorkingTree, kind: str, name: str, *given_: Any) -> None:
    path = path_of(name)
    node = tree.node(path)
    if kind == "group":
        if node is None or not node.is_array:
            tree.set_metadata(path, b'{"zarr_format": 3, "node_type": "group"}')
    elif kind == "array":
        if node is None or node.is_array:
            tree.set_metadata(path, document(*given_))
    elif kind == "delete":
        tree.delete_node(path)
    elif node is not None and node.array is not None:
        coords = given_[0]
        if len(coords) != len(node.array.num_chunks) or not tree.in_grid(node, coords):
            return
        if kind == "chunk":
            tree.set_chunk(node, coords, frazil._core.ChunkRef.inline(b"1"))
        else:
            tree.delete_chunk(node, coords)


@given(EDITS, EDITS, st.booleans())
def test_all_keys_of_every_node(committed: Any, uncommitted: Any, cut: bool) -> None:
    repo = frazil.Repository.create(frazil.in_memory_storage())
    session = repo.writable_session("main")
    for each in committed:
        edit(session.store._store.tree, *each)
    session.commit("base", allow_empty=True)
    tree = repo.writable_session("main").store._store.tree
    for each in uncommitted:
        edit(tree, *each)
    for prefix in map(path_of, GROUPS + ARRAYS):
        if tree.node(prefix) is not None:
            expected = Counter(listing._moved_keys(tree, prefix))
            assert Counter(listing._unmoved_keys(tree, prefix)) == expected
            assert set(expected.values()) <= {1}


def test_an_array_of_many_chunks_comes_in_pages() -> None:
    repo = frazil.Repository.create(frazil.in_memory_storage())
    session = repo.writable_session("main")
    tree = session.store._store.tree
    tree.set_metadata(path_of("many"), document(None, [60_000], 1))
    tree.set_metadata(path_of("few"), document(None, [4], 1))
    for name, count in [("many", 30_000), ("few", 2)]:
        node = tree.existing_array(path_of(name))
        for index in range(count):
            tree.set_chunk(node, (index,), frazil._core.ChunkRef.inline(b"1"))
    session.commit("many")
    tree = repo.readonly_session("main").store._store.tree
    pages = [len(keys) for keys, _ in frazil._core.KeyListing(tree.base, tree.context.assets, "/", [])]
    assert sum(pages) == 30_000 + 2 + 2
    assert len(pages) > 1
    assert Counter(listing._unmoved_keys(tree, path_of(""))) == Counter(listing._moved_keys(tree, path_of("")))


def test_edits_while_listing() -> None:
    repo = frazil.Repository.create(frazil.in_memory_storage())
    session = repo.writable_session("main")
    for name in ARRAYS:
        edit(session.store._store.tree, "array", name, None, [4], 1)
        edit(session.store._store.tree, "chunk", name, [1])
    session.commit("base")
    tree = repo.writable_session("main").store._store.tree
    listed = 0
    for key in listing.keys_below(tree, ""):
        listed += 1
        if key.endswith("zarr.json"):
            name = key.removesuffix("/zarr.json")
            edit(tree, "delete", name)
            edit(tree, "array", f"new-{listed}", None, [4], 1)
    assert listed >= len(ARRAYS)
    assert not any(tree.node(path_of(name)) for name in ARRAYS)


def test_a_missing_manifest_is_reported() -> None:
    repo = frazil.Repository.create(frazil.in_memory_storage())
    session = repo.writable_session("main")
    edit(session.store._store.tree, "array", "x", None, [4], 1)
    edit(session.store._store.tree, "chunk", "x", [1])
    session.commit("base")
    tree = repo.readonly_session("main").store._store.tree
    objects = tree.context.objects
    objects.delete_many([entry.key for entry in objects.list("manifests/")])
    tree.context.assets.clear()
    with pytest.raises(frazil.IcechunkError, match="not found"):
        list(listing.keys_below(tree, ""))
