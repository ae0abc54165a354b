"""What does it cost to walk a tree of a thousand arrays?"""

from __future__ import annotations

import json
from typing import Any

import zarr
from zarr.core.buffer import default_buffer_prototype

from harness import Bench, Handle, case

ARRAY = {
    "zarr_format": 3,
    "node_type": "array",
    "shape": [100],
    "data_type": "float32",
    "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [10]}},
    "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
    "fill_value": 0.0,
    "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
    "attributes": {"units": "K", "long_name": "air temperature"},
}
GROUP = {"zarr_format": 3, "node_type": "group", "attributes": {}}


def hierarchy(handle: Handle, loop: Any, groups: int, arrays: int) -> None:
    """``groups`` groups of ``arrays`` arrays each, one chunk written per array."""
    buffer = default_buffer_prototype().buffer
    store = handle.writable()

    async def fill() -> None:
        group, array = (buffer.from_bytes(json.dumps(m).encode()) for m in (GROUP, ARRAY))
        chunk = buffer.from_bytes(bytes(range(40)))
        await store.set("zarr.json", group)
        for g in range(groups):
            await store.set(f"g{g:03d}/zarr.json", group)
            for a in range(arrays):
                await store.set(f"g{g:03d}/a{a:03d}/zarr.json", array)
                await store.set(f"g{g:03d}/a{a:03d}/c/0", chunk)

    loop.run_until_complete(fill())
    handle.commit()


async def drain(store: Any, method: str, *args: str) -> int:
    return len([item async for item in getattr(store, method)(*args)])


@case("meta.listing")
def listing(bench: Bench) -> None:
    """A tree of 1000 arrays: list, list_dir, list_prefix, exists, members."""
    groups, arrays = bench.scale(20, 5), 50
    with bench.workdir() as root:
        stores = {}
        for subject in bench.subjects:
            handle = subject.create(root / subject.spec.replace(":", "_"))
            hierarchy(handle, bench.loop, groups, arrays)
            stores[subject.spec] = handle.readable()
        total = groups * arrays

        async def existing(store: Any) -> None:
            for g in range(groups):
                for a in range(arrays):
                    assert await store.exists(f"g{g:03d}/a{a:03d}/zarr.json")

        async def every_dir(store: Any) -> None:
            for g in range(groups):
                assert await drain(store, "list_dir", f"g{g:03d}") >= arrays

        def runs(fn: Any) -> dict[str, Any]:
            return {spec: (lambda s=store: fn(s)) for spec, store in stores.items()}

        measure = lambda fn, what, ops: bench.measure(  # noqa: E731
            "meta.listing", runs(fn), ops=ops, op=what, arrays=total, rounds=bench.rounds
        )
        measure(lambda s: drain(s, "list"), "list", total)
        measure(lambda s: drain(s, "list_prefix", "g001/"), "list_prefix", arrays)
        measure(lambda s: drain(s, "list_dir", ""), "list_dir root", 1)
        measure(every_dir, "list_dir each group", total)
        measure(existing, "exists", total)
        measure(
            lambda s: len(zarr.open_group(s, mode="r", zarr_format=3).members(max_depth=None)),
            "members",
            total,
        )
