"""Reads and commits for long, in one process, and prints the memory that it holds after each round, in KiB.

It is run as ``python staying.py DIRECTORY ROUNDS``.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from pathlib import Path

import numpy as np
import zarr
from zarr.core.buffer import default_buffer_prototype

import frazil

SHAPE, CHUNKS = (64, 64 << 10), (1, 64 << 10)
KEPT = 20
"""Commits between two collections of garbage: the history stays short, so that only leaks grow."""


def held() -> int:
    """Resident memory of this process in KiB."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


async def read_keys(store: frazil.IcechunkStore) -> None:
    prototype = default_buffer_prototype()
    keys = [f"a/c/{row}/0" for row in range(SHAPE[0])]
    await asyncio.gather(*[store.get(key, prototype) for key in keys])
    assert len([key async for key in store.list()]) == SHAPE[0] + 2


def one_round(repo: frazil.Repository, number: int) -> None:
    session = repo.writable_session("main")
    array = zarr.open_array(session.store, path="a", mode="r+")
    array[number % SHAPE[0]] = number
    array[:, 5] = number
    session.commit(str(number))
    reading = repo.readonly_session("main")
    values = np.asarray(zarr.open_array(reading.store, path="a", mode="r")[:])
    assert np.all(values[:, 5] == number)
    asyncio.run(read_keys(reading.store))


def main(path: str, rounds: int) -> None:
    repo = frazil.Repository.create(frazil.local_filesystem_storage(path))
    session = repo.writable_session("main")
    root = zarr.create_group(session.store)
    root.create_array("a", shape=SHAPE, chunks=CHUNKS, dtype="i4", fill_value=-1)
    session.commit("start")
    for number in range(rounds):
        one_round(repo, number)
        if number % KEPT == KEPT - 1:
            newest = next(iter(repo.ancestry(branch="main"))).written_at
            repo.expire_snapshots(newest)
            repo.garbage_collect(newest)
        gc.collect()
        print(held(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
