"""Adds references, commits them and reads some back, in a process of its own; prints what memory that took."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from pathlib import Path

import numpy as np
import zarr

import frazil


def memory(which: str) -> int:
    """A figure of this process, in bytes."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(which))
    return int(line.split()[1]) * 1024


def main(path: str, rows: int, columns: int) -> None:
    repo = frazil.Repository.create(frazil.local_filesystem_storage(path))
    session = repo.writable_session("main")
    zarr.create_array(session.store, name="a", shape=(rows, columns), chunks=(1, 1), dtype="u1", compressors=None)
    before = memory("VmRSS")
    for start in range(0, rows, 100):
        add(session.store, start, min(100, rows - start), columns)
    held = memory("VmRSS") - before
    session.commit("references")
    fresh = frazil.Repository.open(frazil.local_filesystem_storage(path))
    store = fresh.readonly_session("main").store
    chosen = random.Random(1)
    for _ in range(200):
        row, column = chosen.randrange(rows), chosen.randrange(columns)
        assert asyncio.run(store.getsize(f"a/c/{row}/{column}")) == 1 + column
    counted = sum(len(batch[0]) for batch in store.array_chunk_iterator("a"))
    print(json.dumps({"held": held, "peak": memory("VmHWM"), "before": before, "counted": counted}))


def add(store: frazil.IcechunkStore, start: int, rows: int, columns: int) -> None:
    names = [f"s3://bucket/some/folder/file-{start + row:08d}.nc" for row in range(rows) for _ in range(columns)]
    offsets = np.tile(np.arange(columns, dtype="u8") * 1000, rows)
    lengths = np.tile(np.arange(columns, dtype="u8") + 1, rows)
    store.set_virtual_refs_arr(
        "a", (rows, columns), names, offsets, lengths, validate_containers=False, arr_offset=(start, 0)
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
