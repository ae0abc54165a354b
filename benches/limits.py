"""What this machine and interpreter allow: the floor under every case.

``python limits.py`` prints one JSON line per limit: memory and file bandwidth,
zstd, and what asyncio and zarr cost when the store costs nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.core.buffer import default_buffer_prototype
from zarr.core.codec_pipeline import BatchedCodecPipeline
from zarr.core.sync import sync
from zarr.registry import register_pipeline

MIB = 1 << 20


def show(name: str, fn: Callable[[], Any], *, ops: int = 1, nbytes: int = 0, rounds: int = 9) -> None:
    """Time ``fn``; report microseconds per op, and MB/s when bytes move."""
    fn()
    wall, cpu = [], []
    for _ in range(rounds):
        c0, t0 = time.process_time(), time.perf_counter()
        fn()
        wall.append((time.perf_counter() - t0) / ops * 1e6)
        cpu.append((time.process_time() - c0) / ops * 1e6)
    line = {
        "limit": name,
        "us_min": round(min(wall), 3),
        "us_median": round(statistics.median(wall), 3),
        "cpu_us_median": round(statistics.median(cpu), 3),
    }
    if nbytes:
        line["mb_per_s_best"] = round(nbytes / ops / min(wall), 1)
    print(json.dumps(line), flush=True)


def memory() -> None:
    source, target = np.ones(64 * MIB, "u1"), np.ones(64 * MIB, "u1")
    show("memcpy 64 MiB, pages present", lambda: np.copyto(target, source), nbytes=64 * MIB)
    show("memcpy 64 MiB into new pages", lambda: source.copy(), nbytes=64 * MIB)
    small, into = np.ones(64 << 10, "u1"), np.ones(64 << 10, "u1")
    show(
        "memcpy 64 KiB, in cache",
        lambda: [np.copyto(into, small) for _ in range(1000)],
        ops=1000,
        nbytes=64000 << 10,
    )


def files() -> None:
    for label, size, count in (
        ("1 KiB", 1 << 10, 1000),
        ("64 KiB", 64 << 10, 1000),
        ("1 MiB", MIB, 64),
        ("8 MiB", 8 * MIB, 8),
    ):
        with tempfile.TemporaryDirectory() as folder:
            names = [os.path.join(folder, str(i)) for i in range(count)]
            data = os.urandom(size)

            def write() -> None:
                for name in names:
                    Path(name).write_bytes(data)

            show(f"write a new file of {label}", write, ops=count, nbytes=size * count, rounds=3)
            buffer = bytearray(size)

            def readinto(part: list[str] = names, into: bytearray = buffer) -> None:
                for name in part:
                    fd = os.open(name, os.O_RDONLY)
                    os.preadv(fd, [into], 0)
                    os.close(fd)

            def fresh() -> None:
                for name in names:
                    with open(name, "rb", buffering=0) as file:
                        file.read()

            show(f"open, pread, close of {label} (page cache)", readinto, ops=count, nbytes=size * count)
            show(f"open, read into new bytes, {label}", fresh, ops=count, nbytes=size * count)
            with ThreadPoolExecutor(2) as pool:
                halves = [(names[::2], bytearray(size)), (names[1::2], bytearray(size))]
                show(
                    f"open, pread, close of {label}, 2 threads",
                    lambda: list(pool.map(lambda job: readinto(*job), halves)),
                    ops=count,
                    nbytes=size * count,
                )


def zstd() -> None:
    from numcodecs.zstd import Zstd

    from questions.whole_arrays import sample

    codec = Zstd(level=0)
    for label, size, count in (("4 KiB", 4096, 500), ("64 KiB", 64 << 10, 100), ("1 MiB", MIB, 16)):
        data = sample(size)
        packed = codec.encode(data)
        total = size * count
        show(f"zstd encode {label}", lambda: [codec.encode(data) for _ in range(count)], ops=count, nbytes=total)
        into = np.empty_like(data)
        show(
            f"zstd decode {label}, ratio {size / len(packed):.1f}",
            lambda: [codec.decode(packed, into) for _ in range(count)],
            ops=count,
            nbytes=total,
        )


def loop() -> None:
    async def nothing() -> None:
        return None

    async def awaits(n: int) -> None:
        for _ in range(n):
            await nothing()

    async def sleeps(n: int) -> None:
        for _ in range(n):
            await asyncio.sleep(0)

    async def tasks(n: int) -> None:
        await asyncio.gather(*[nothing() for _ in range(n)])

    async def limited(n: int) -> None:
        gate = asyncio.Semaphore(10)

        async def one() -> None:
            async with gate:
                await nothing()

        await asyncio.gather(*[asyncio.ensure_future(one()) for _ in range(n)])

    async def threads(n: int) -> None:
        for _ in range(n):
            await asyncio.to_thread(int)

    async def wakes(n: int) -> None:
        """One future at a time, completed from another thread."""
        running = asyncio.get_running_loop()
        wanted: list[asyncio.Future[None]] = []
        ready, stop = threading.Semaphore(0), [False]

        def other() -> None:
            while True:
                ready.acquire()
                if stop[0]:
                    return
                running.call_soon_threadsafe(wanted.pop().set_result, None)

        thread = threading.Thread(target=other)
        thread.start()
        for _ in range(n):
            future = running.create_future()
            wanted.append(future)
            ready.release()
            await future
        stop[0] = True
        ready.release()
        thread.join()

    async def complete(n: int, batched: bool) -> None:
        """``n`` futures completed from another thread, singly or in one call."""
        running = asyncio.get_running_loop()
        futures = [running.create_future() for _ in range(n)]

        def finish() -> None:
            for future in futures:
                future.set_result(None)

        def other() -> None:
            if batched:
                running.call_soon_threadsafe(finish)
            else:
                for future in futures:
                    running.call_soon_threadsafe(future.set_result, None)

        thread = threading.Thread(target=other)
        thread.start()
        await asyncio.gather(*futures)
        thread.join()

    run = asyncio.new_event_loop().run_until_complete
    show("await a coroutine that does not suspend", lambda: run(awaits(10000)), ops=10000)
    show("await asyncio.sleep(0)", lambda: run(sleeps(10000)), ops=10000)
    show("gather of tasks that do not suspend", lambda: run(tasks(10000)), ops=10000)
    show("gather of tasks behind a semaphore", lambda: run(limited(10000)), ops=10000)
    show("asyncio.to_thread", lambda: run(threads(500)), ops=500)
    show("future completed by another thread, one at a time", lambda: run(wakes(500)), ops=500)
    show("1000 futures, a call_soon_threadsafe each", lambda: run(complete(1000, False)), ops=1000)
    show("1000 futures, one call_soon_threadsafe", lambda: run(complete(1000, True)), ops=1000)
    show("zarr sync() of a coroutine", lambda: [sync(nothing()) for _ in range(300)], ops=300)
    buffer, data = default_buffer_prototype().buffer, bytes(1024)
    show("Buffer.from_bytes", lambda: [buffer.from_bytes(data) for _ in range(10000)], ops=10000)


class Nothing(BatchedCodecPipeline):
    """A pipeline that fetches and decodes nothing: what zarr costs around it."""

    async def read(self, batch_info: Any, out: Any, drop_axes: Any = ()) -> Any:
        return tuple({"status": "present"} for _ in batch_info)

    async def write(self, batch_info: Any, value: Any, drop_axes: Any = ()) -> None:
        list(batch_info)


def zarr_floor() -> None:
    """Reads and writes over a MemoryStore, by pipeline, per chunk."""
    register_pipeline(Nothing)
    name = f"{Nothing.__module__}.Nothing"
    pipelines = {"nothing": name, "batched": "zarr.core.codec_pipeline.BatchedCodecPipeline"}
    if hasattr(zarr.core.codec_pipeline, "FusedCodecPipeline"):
        pipelines["fused"] = "zarr.core.codec_pipeline.FusedCodecPipeline"
    count, items = 2048, 256
    data = np.random.default_rng(0).random(count * items).astype("f4")
    for label, path in pipelines.items():
        for comp, compressor in (("none", None), ("zstd", "auto")):
            with zarr.config.set({"codec_pipeline.path": path}):
                array = zarr.create_array(
                    zarr.storage.MemoryStore(),
                    shape=data.shape,
                    chunks=(items,),
                    dtype="f4",
                    compressors=compressor,
                )
                array[:] = data
                what = f"zarr {zarr.__version__}, {label} pipeline, {comp}"
                show(f"{what}: read, per chunk", lambda: array[:], ops=count, rounds=5)
                show(
                    f"{what}: write, per chunk",
                    lambda: array.__setitem__(slice(None), data),
                    ops=count,
                    rounds=5,
                )
                show(
                    f"{what}: array[one chunk]",
                    lambda: [array[:items] for _ in range(100)],
                    ops=100,
                    rounds=5,
                )


GROUPS = {"memory": memory, "files": files, "zstd": zstd, "loop": loop, "zarr": zarr_floor}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("groups", nargs="*", default=list(GROUPS), help=", ".join(GROUPS))
    for group in parser.parse_args().groups:
        GROUPS[group]()


if __name__ == "__main__":
    main()
