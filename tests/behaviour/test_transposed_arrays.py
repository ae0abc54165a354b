"""Transposed arrays are read in their own order, however their chunks are stored and however much of them is read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import zarr
from zarr.codecs import TransposeCodec, ZstdCodec

import frazil


@pytest.mark.parametrize("place", ["memory", "disk"])
@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.parametrize("compressors", [None, [ZstdCodec()]], ids=["plain", "zstd"])
@pytest.mark.parametrize("dtype", ["u1", "<i2", ">i4", "<f8"])
@pytest.mark.parametrize("shape", [(3, 2), (7, 5)], ids=["one chunk", "several"])
def test_whole_chunks_and_parts(
    tmp_path: Path, place: str, inline: bool, compressors: list[ZstdCodec] | None, dtype: str, shape: tuple[int, int]
) -> None:
    storage = frazil.in_memory_storage() if place == "memory" else frazil.local_filesystem_storage(str(tmp_path))
    config = frazil.RepositoryConfig(inline_chunk_threshold_bytes=60_000 if inline else 0)
    session = frazil.Repository.create(storage, config).writable_session("main")
    base = np.arange(1, shape[0] * shape[1] + 1, dtype=dtype).reshape(shape)
    array = zarr.create_array(
        session.store,
        shape=shape,
        chunks=(3, 2),
        dtype=dtype,
        filters=[TransposeCodec(order=(1, 0))],
        compressors=compressors,
    )
    array[...] = base
    assert np.array_equal(array[...], base)
    assert np.array_equal(array[:3, :2], base[:3, :2])
    assert np.array_equal(array[1:3, :1], base[1:3, :1])
    assert np.array_equal(array[::2, 1:], base[::2, 1:])
