"""What does one ``await store.get(key)`` cost?"""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import zarr
from zarr.core.buffer import default_buffer_prototype

from harness import Bench, case

SIZES = {"1KiB": 1 << 10, "64KiB": 1 << 16, "1MiB": 1 << 20, "8MiB": 8 << 20}


def write_raw(store: Any, name: str, chunks: int, nbytes: int, **kwargs: Any) -> None:
    """An uncompressed uint8 array of ``chunks`` chunks of ``nbytes`` each."""
    data = np.random.default_rng(0).integers(1, 255, chunks * nbytes, dtype="u1")
    array = zarr.create_array(
        store, name=name, shape=data.shape, chunks=(nbytes,), dtype="u1", compressors=None, **kwargs
    )
    array[:] = data


def stores_with(bench: Bench, root: Any, chunks: int, nbytes: int) -> dict[str, Any]:
    stores = {}
    for subject in bench.subjects:
        handle = subject.create(root / subject.spec.replace(":", "_"))
        write_raw(handle.writable(), "a", chunks, nbytes)
        handle.commit()
        stores[subject.spec] = handle.readable()
    return stores


async def one_by_one(store: Any, keys: list[str]) -> None:
    prototype = default_buffer_prototype()
    for key in keys:
        await store.get(key, prototype)


async def together(store: Any, keys: list[str]) -> None:
    prototype = default_buffer_prototype()
    await asyncio.gather(*[store.get(key, prototype) for key in keys])


def compare_gets(bench: Bench, name: str, stores: dict[str, Any], keys: list[str], **kw: Any) -> None:
    for mode, fn in (("one_by_one", one_by_one), ("together", together)):
        runs = {spec: (lambda s=store, f=fn: f(s, keys)) for spec, store in stores.items()}
        bench.measure(name, runs, ops=len(keys), mode=mode, **kw)


@case("get.chunk")
def chunk(bench: Bench) -> None:
    """Stored chunks of four sizes, one by one and 1000 (or all) at once."""
    for label, nbytes in SIZES.items():
        chunks = min(bench.scale(1000, 300), (64 << 20) // nbytes)
        with bench.workdir() as root:
            stores = stores_with(bench, root, chunks, nbytes)
            keys = [f"a/c/{i}" for i in range(chunks)]
            compare_gets(bench, "get.chunk", stores, keys, size=label, nbytes=chunks * nbytes)


@case("get.cached")
def cached(bench: Bench) -> None:
    """Stored chunks that are already in the chunk cache (off by default)."""

    def config(package: Any) -> Any:
        caching = package.CachingConfig(num_bytes_chunks=1 << 28)
        return package.RepositoryConfig(caching=caching)

    for label in ("1KiB", "64KiB", "1MiB"):
        nbytes = SIZES[label]
        chunks = min(bench.scale(1000, 300), (64 << 20) // nbytes)
        with bench.workdir() as root:
            stores = {}
            for subject in bench.packages:
                path = root / subject.spec.replace(":", "_")
                handle = subject.create(path)
                write_raw(handle.writable(), "a", chunks, nbytes)
                handle.commit()
                stores[subject.spec] = subject.open(path, config=config).readable()
            keys = [f"a/c/{i}" for i in range(chunks)]
            compare_gets(bench, "get.cached", stores, keys, size=label)


@case("get.inline")
def inline(bench: Bench) -> None:
    """Chunks small enough to live inside the manifest."""
    chunks = bench.scale(1000, 300)
    with bench.workdir() as root:
        stores = stores_with(bench, root, chunks, 400)
        compare_gets(bench, "get.inline", stores, [f"a/c/{i}" for i in range(chunks)], size="400B")


@case("get.missing")
def missing(bench: Bench) -> None:
    """Chunks that were never written, and metadata keys of another format."""
    chunks = bench.scale(1000, 300)
    with bench.workdir() as root:
        stores = {}
        for subject in bench.subjects:
            handle = subject.create(root / subject.spec.replace(":", "_"))
            zarr.create_array(handle.writable(), name="a", shape=(chunks,), chunks=(1,), dtype="u1", compressors=None)[
                0
            ] = 7
            handle.commit()
            stores[subject.spec] = handle.readable()
        compare_gets(bench, "get.missing", stores, [f"a/c/{i}" for i in range(1, chunks)], key="chunk")
        compare_gets(bench, "get.missing", stores, ["a/.zarray"] * chunks, key="v2 metadata")


@case("get.metadata")
def metadata(bench: Bench) -> None:
    """The ``zarr.json`` of an array."""
    with bench.workdir() as root:
        stores = stores_with(bench, root, 1, 1024)
        compare_gets(bench, "get.metadata", stores, ["a/zarr.json"] * bench.scale(1000, 300))


@case("get.range")
def ranges(bench: Bench) -> None:
    """4 KiB out of a 1 MiB chunk, as a partial shard read asks for it."""
    from zarr.abc.store import RangeByteRequest

    chunks, prototype = 64, default_buffer_prototype()
    want = [(f"a/c/{i % chunks}", RangeByteRequest(4096 * i, 4096 * (i + 1))) for i in range(200)]

    async def partial(store: Any) -> None:
        for key, byte_range in want:
            await store.get(key, prototype, byte_range)

    with bench.workdir() as root:
        stores = stores_with(bench, root, chunks, 1 << 20)
        runs = {spec: (lambda s=store: partial(s)) for spec, store in stores.items()}
        bench.measure("get.range", runs, ops=len(want))


@case("get.sync")
def sync_get(bench: Bench) -> None:
    """``get_sync``, for stores that have it (zarr's synchronous hook)."""
    prototype = default_buffer_prototype()
    for label in ("1KiB", "64KiB"):
        chunks = bench.scale(1000, 300)
        with bench.workdir() as root:
            stores = stores_with(bench, root, chunks, SIZES[label])
            keys = [f"a/c/{i}" for i in range(chunks)]

            def loop(store: Any) -> None:
                for key in keys:
                    store.get_sync(key, prototype=prototype)

            runs = {spec: (lambda s=store: loop(s)) for spec, store in stores.items() if hasattr(store, "get_sync")}
            if runs:
                bench.measure("get.sync", runs, ops=chunks, size=label)
