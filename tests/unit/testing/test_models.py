"""The stand-ins themselves."""

from __future__ import annotations

import asyncio
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st

import frazil
from frazil.testing.models import ArrayNode, GroupNode, ModelStore
from frazil.testing.strategies import chunk_coordinates
from frazil.testing.trees import trees

ARRAY = ArrayNode((2, 3), np.dtype("f8"))
ONE = ArrayNode((1,), np.dtype("i4"))
TREE = GroupNode({"g": GroupNode({"a": ARRAY, "h": GroupNode()}), "b": ONE})


def test_walking():
    assert list(TREE.walk()) == [
        (PurePosixPath("g"), TREE.children["g"]),
        (PurePosixPath("g/a"), ARRAY),
        (PurePosixPath("g/h"), GroupNode()),
        (PurePosixPath("b"), ONE),
    ]
    assert TREE.nodes() == ["g", "g/a", "g/h", "b"]
    assert TREE.nodes(include_root=True) == ["", "g", "g/a", "g/h", "b"]
    assert TREE.nodes("p", include_root=True)[:2] == ["p", "p/g"]
    assert (TREE.groups(), TREE.groups("p", include_root=True)) == (["g", "g/h"], ["p", "p/g", "p/g/h"])
    assert (TREE.arrays(), TREE.arrays("p")) == (["g/a", "b"], ["p/g/a", "p/b"])


def test_made_of_dictionaries_and_paths():
    assert GroupNode.from_dict({"g": {"a": ARRAY, "h": {}}, "b": ONE}) == TREE
    made = GroupNode.from_paths(arrays={"/g/a", "/b"}, groups={"/", "/g", "/g/h"})
    assert made == GroupNode({"g": GroupNode({"a": ONE, "h": GroupNode()}), "b": ONE})
    assert GroupNode.from_paths(arrays={"/x/y/z"}, groups=set()).nodes() == ["x", "x/y", "x/y/z"]
    assert GroupNode.from_paths(arrays=set(), groups=set()) == GroupNode()
    with pytest.raises(ValueError, match="path must start with '/'; got 'g'"):
        GroupNode.from_paths(arrays=set(), groups={"g"})
    with pytest.raises(ValueError, match="'a' is an array"):
        GroupNode.from_paths(arrays={"/a", "/a/b"}, groups=set())


@pytest.mark.parametrize("make", [ModelStore, lambda: store_of_a_session()], ids=["model", "ours"])
def test_a_hierarchy_survives_a_store(make):
    store = make()
    zarr.create_group(store, path="left/over")
    root = TREE.materialize(store)
    assert set(root) == {"g", "b"}
    assert GroupNode.from_store(store) == TREE
    assert asyncio.run(GroupNode.from_store_async(store)) == TREE


@given(trees())
def test_any_hierarchy_survives_our_store(tree):
    store = store_of_a_session()
    tree.materialize(store)
    assert GroupNode.from_store(store) == tree


def store_of_a_session() -> frazil.IcechunkStore:
    return frazil.Repository.create(frazil.in_memory_storage()).writable_session("main").store


def array_in(store: Any, path: str, shape: tuple[int, ...], chunks: tuple[int, ...]) -> Any:
    return zarr.create_array(store, name=path, shape=shape, chunks=chunks, dtype="i4", fill_value=0)


@given(st.data())
def test_shifting_is_what_a_session_does(data):
    counts = data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=2).map(tuple), label="chunks")
    session = frazil.Repository.create(frazil.in_memory_storage()).writable_session("main")
    model = ModelStore()
    filled = data.draw(st.sets(chunk_coordinates(counts)), label="filled")
    for store in (model, session.store):
        array = array_in(store, "g/a", counts, (1,) * len(counts))
        array_in(store, "g/ab", (2,), (1,))[:] = 9
        for number, coords in enumerate(sorted(filled), 1):
            array[coords] = number
    offset = data.draw(st.tuples(*(st.integers(-count, count) for count in counts)), label="offset")
    asyncio.run(model.shift_array(data.draw(st.sampled_from(["g/a", "/g/a"])), offset, counts))
    session.shift_array("/g/a", offset)
    for path in ("g/a", "g/ab"):
        expected, actual = (zarr.open_array(store, path=path, mode="r")[...] for store in (model, session.store))
        assert np.array_equal(actual, expected)


def test_moving_takes_all_below_and_nothing_beside():
    model = ModelStore()
    GroupNode.from_paths(arrays={"/a/x", "/a-b/x"}, groups={"/a", "/a-b", "/c"}).materialize(model)
    asyncio.run(model.move("/a", "/c/d"))
    assert set(GroupNode.from_store(model).nodes()) == {"c", "c/d", "c/d/x", "a-b", "a-b/x"}
    for source, dest in (("a", "/b"), ("/a", "b")):
        with pytest.raises(ValueError, match="paths must start with '/'"):
            asyncio.run(model.move(source, dest))


def test_a_copy_goes_its_own_way():
    model = ModelStore()
    assert model.spec_version == frazil.spec_version()
    model.spec_version = 1
    array_in(model, "a", (2,), (1,))[:] = 5
    made = asyncio.run(model.copy())
    assert (type(made), made.spec_version) == (ModelStore, 1)
    assert made == model
    array_in(made, "b", (2,), (1,))
    assert made != model
