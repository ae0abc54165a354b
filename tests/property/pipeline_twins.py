"""One array twice, through Frazil's codec pipeline and through zarr's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import zarr
from hypothesis import assume
from zarr.core import array as zarr_array
from zarr.core.buffer import default_buffer_prototype
from zarr.core.sync import sync
from zarr.storage import MemoryStore

import frazil
from tests.property.pipeline_arrays import ArraySetup

ZARRS = "zarr.core.codec_pipeline.BatchedCodecPipeline"
OURS = "frazil.codec_pipeline.FrazilCodecPipeline"


class Twins:
    """One array twice: in a Frazil repository through our pipeline, and in memory through zarr's."""

    def __init__(self, setup: ArraySetup, *, inline_limit: int = 512) -> None:
        self.setup = setup
        config = frazil.RepositoryConfig(inline_chunk_threshold_bytes=inline_limit)
        self.repository = frazil.Repository.create(frazil.in_memory_storage(), config)
        self.session = self.repository.writable_session("main")
        self.plain_store = MemoryStore()
        with zarr.config.set({"codec_pipeline.path": OURS}):
            self.ours = zarr.create_array(self.session.store, name="group/a", **setup.arguments)
        with zarr.config.set({"codec_pipeline.path": ZARRS}):
            self.zarrs = zarr.create_array(self.plain_store, name="group/a", **setup.arguments)

    def same(self, act: Callable[[zarr.Array[Any]], Any]) -> None:
        """Act on both; the outcomes, be they arrays or exceptions, are alike."""
        expected, found = outcome(act, self.zarrs), outcome(act, self.ours)
        # zarr 3.1 cannot look up the fill value of raw and structured elements in the caches of its shards.
        if isinstance(expected, TypeError) and "unhashable" in str(expected):
            assume(False)
        assert type(expected) is type(found), (expected, found)
        if isinstance(expected, BaseException):
            return
        assert np.asarray(expected).dtype == np.asarray(found).dtype
        assert np.asarray(expected).shape == np.asarray(found).shape
        assert canonical(expected) == canonical(found)

    def is_inside(self, key: str) -> bool:
        """Whether a chunk key lies in the grid that the array has now."""
        indices = [int(part) for part in key.removeprefix("group/a/c").split("/") if part]
        counts = [
            -(-size // chunk) for size, chunk in zip(self.zarrs.shape, self.setup.arguments["chunks"], strict=True)
        ]
        return all(index < count for index, count in zip(indices, counts, strict=True))

    def stored(self, array: zarr.Array[Any]) -> dict[str, bytes]:
        """The chunks of an array as they are stored."""

        async def read() -> dict[str, bytes]:
            found = {}
            store = array.store
            async for key in store.list_prefix("group/a"):
                if not key.endswith("zarr.json"):
                    value = await store.get(key, default_buffer_prototype())
                    assert value is not None
                    found[key] = value.to_bytes()
            return found

        return sync(read())


def outcome(act: Callable[[zarr.Array[Any]], Any], array: zarr.Array[Any]) -> Any:
    try:
        return act(array)
    except Exception as failure:  # noqa: BLE001 - whatever zarr raises is what we have to raise
        return failure


def canonical(value: Any) -> bytes:
    array = np.asarray(value)
    if array.dtype.names is not None:
        # Bytes between fields mean nothing.
        return b"".join(np.ascontiguousarray(array[name]).tobytes() for name in array.dtype.names)
    return np.ascontiguousarray(array).tobytes()


def resize(array: zarr.Array[Any], shape: tuple[int, ...], *, delete_outside_chunks: bool) -> None:
    """``Array.resize``, with the choice that zarr has inside only."""
    function = getattr(zarr_array, "_resize", None)
    if function is None:
        sync(array._async_array.resize(shape, delete_outside_chunks))
    else:
        sync(function(array._async_array, shape, delete_outside_chunks))
