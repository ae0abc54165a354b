"""Arrays with chunks of different lengths keep what lies beyond their end, as zarr does and the official package."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st
from zarr.core.buffer import default_buffer_prototype
from zarr.core.sync import sync
from zarr.storage import MemoryStore

import frazil
from tests.property.pipeline_twins import resize

needs_zarr = pytest.mark.skipif("array.rectilinear_chunks" not in zarr.config, reason="zarr reads no such grids")


def _document(length: int) -> bytes:
    grid = '{"name":"rectilinear","configuration":{"kind":"inline","chunk_shapes":[[2,[3,1],5]]}}'
    return (
        f'{{"zarr_format":3,"node_type":"array","shape":[{length}],"data_type":"int8","chunk_grid":{grid},'
        '"chunk_key_encoding":{"name":"default","configuration":{"separator":"/"}},"fill_value":0,"codecs":'
        '[{"name":"bytes"}],"attributes":{}}'
    ).encode()


@pytest.mark.parametrize("length", [0, 1, 3])
def test_chunks_beyond_the_end_outlive_commits(length: int) -> None:
    """Without zarr, whose first versions know no such grids."""
    repo = frazil.Repository.create(frazil.in_memory_storage())
    buffer = default_buffer_prototype().buffer
    chunks = {"a/c/0": b"12", "a/c/1": b"345", "a/c/2": b"67890"}
    store = repo.writable_session("main").store
    for key, data in {"a/zarr.json": _document(10), **chunks}.items():
        sync(store.set(key, buffer.from_bytes(data)))
    store.session.commit("long")
    for shape in (length, 10):
        store = repo.writable_session("main").store
        sync(store.set("a/zarr.json", buffer.from_bytes(_document(shape))))
        store.session.commit(f"{shape} long")
        store = repo.readonly_session("main").store
        for key, data in chunks.items():
            found = sync(store.get(key, default_buffer_prototype()))
            assert found is not None, (shape, key)
            assert found.to_bytes() == data


@needs_zarr
@given(data=st.data())
def test_they_are_zarrs(data: st.DataObject) -> None:
    rank = data.draw(st.integers(1, 2))
    chunks = data.draw(st.lists(st.sampled_from([[2, 3, 5], [3, 3, 4], [1, 9]]), min_size=rank, max_size=rank))
    shapes = st.tuples(*[st.sampled_from([0, 1, 3, 10, 13])] * rank)
    repo = frazil.Repository.create(frazil.in_memory_storage())
    stores: list[Any] = [repo.writable_session("main").store, MemoryStore()]
    with zarr.config.set({"array.rectilinear_chunks": True}):
        arrays = [
            zarr.create_array(store, name="a", shape=(10,) * rank, chunks=chunks, dtype="i4", compressors=None)
            for store in stores
        ]
        value = np.arange(1, 10**rank + 1, dtype="i4").reshape((10,) * rank)
        for array in arrays:
            array[...] = value
        for number in range(data.draw(st.integers(1, 5))):
            shape, deleting = data.draw(shapes), data.draw(st.booleans())
            chosen = tuple(slice(*sorted(data.draw(st.tuples(*[st.integers(0, 12)] * 2)))) for _ in range(rank))
            change = data.draw(st.sampled_from(["resize", "resize", "write", "commit"]))
            for array in arrays:
                if change == "resize":
                    resize(array, shape, delete_outside_chunks=deleting)
                elif change == "write":
                    array[chosen] = number
            if change == "commit":
                stores[0].session.commit("kept", allow_empty=True)
                stores[0] = repo.writable_session("main").store
                arrays[0] = zarr.open_array(stores[0], path="a", mode="r+")
            assert np.array_equal(arrays[0][...], arrays[1][...])
        keys = [sorted(_keys(store)) for store in stores]
        assert keys[0] == keys[1]


def _keys(store: Any) -> list[str]:
    async def listed() -> list[str]:
        return [key async for key in store.list_prefix("a/")]

    return sync(listed())
