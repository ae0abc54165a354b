"""Kills a committing process again and again and checks the repository after each kill.

Run as a program, so that the parent has no threads when it forks.  Every commit ``k`` fills one array with ``k`` and
names itself ``k``, so that any snapshot can be checked by itself.

    python killing.py DIRECTORY KILLS SEED
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

import numpy as np
import zarr

import frazil

SHAPE, CHUNKS = (6, 200), (1, 200)


def create(path: str) -> None:
    repo = frazil.Repository.create(frazil.local_filesystem_storage(path))
    with repo.transaction("main", message="0") as store:
        root = zarr.create_group(store, attributes={"k": 0})
        root.create_array("a", shape=SHAPE, chunks=CHUNKS, dtype="i8", compressors=None)[:] = 0


def commit_until_killed(path: str, report: int) -> None:
    """Commit on and on, telling the parent the id of every commit that succeeded."""
    while True:
        repo = frazil.Repository.open(frazil.local_filesystem_storage(path))
        k = int(next(iter(repo.ancestry(branch="main"))).message) + 1
        session = repo.writable_session("main")
        root = zarr.open_group(session.store, mode="r+")
        root.attrs["k"] = k
        root["a"][:] = k
        os.write(report, f"{session.commit(str(k))}\n".encode())


def check(path: str, reported: list[str], depth: int) -> None:
    """Everything reported is in the history, and the newest ``depth`` snapshots hold what they should."""
    repo = frazil.Repository.open(frazil.local_filesystem_storage(path))
    history = list(repo.ancestry(branch="main"))
    missing = set(reported) - {entry.id for entry in history}
    assert not missing, f"reported as committed, but not in the history: {missing}"
    assert history[-1].message == "Repository initialized"
    assert [int(entry.message) for entry in history[:-1]] == list(range(len(history) - 2, -1, -1))
    for entry in history[: min(depth, len(history) - 1)]:
        root = zarr.open_group(repo.readonly_session(snapshot_id=entry.id).store, mode="r")
        k = int(entry.message)
        assert root.attrs["k"] == k, f"snapshot {entry.id}: attribute {root.attrs['k']}, not {k}"
        assert np.all(root["a"][:] == k), f"snapshot {entry.id}: wrong data"


def in_child(work: object, *args: object) -> int:
    """Fork; the child runs ``work`` and exits, the parent gets its pid."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        work(*args)  # type: ignore[operator]
        status = 0
    except BaseException as failure:  # noqa: BLE001 - the child must never run the parent's code
        print(f"{type(failure).__name__}: {failure}", file=sys.stderr, flush=True)
    os._exit(status)


def wait(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def main(path: str, kills: int, seed: int) -> None:
    rng = random.Random(seed)
    assert wait(in_child(create, path)) == 0
    reported: list[str] = []
    leftover = b""
    survived = 0
    for number in range(kills):
        receiving, sending = os.pipe()
        pid = in_child(commit_until_killed, path, sending)
        os.close(sending)
        time.sleep(rng.uniform(0.0, 0.2))
        os.kill(pid, signal.SIGKILL)
        status = wait(pid)
        assert status == -signal.SIGKILL, f"the writer ended by itself with status {status} before kill {number}"
        with os.fdopen(receiving, "rb") as pipe:
            leftover = pipe.read()
        lines = leftover.decode().splitlines()
        reported += lines
        survived += bool(lines)
        assert wait(in_child(check, path, reported, 1 + len(lines))) == 0, f"broken after kill {number} (seed {seed})"
    assert wait(in_child(check, path, reported, 10**9)) == 0
    files = sum(1 for file in Path(path).rglob("*") if file.is_file())
    print(f"{kills} kills, {len(reported)} commits reported, {survived} runs with at least one, {files} files")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
