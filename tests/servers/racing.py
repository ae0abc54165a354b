"""Processes that commit to one branch of one repository at the same time.

    python racing.py PLACE SECONDS PACKAGE...

Each PACKAGE, ``frazil`` or ``icechunk``, is one writer.  A writer counts up in its own row of the array ``a``, so that
every rebase can succeed and the final array says what was lost.  Prints, as JSON, a list with the ids of the commits
that each writer was told had succeeded, and the number of those that had to be repeated because of another writer.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from typing import Any

import zarr

import frazil  # noqa: F401 - once for all writers
from tests.servers.place import Place


def write(place: Place, package: Any, writer: int, seconds: float) -> tuple[list[str], int]:
    repo = package.Repository.open(place.storage(package))
    until = time.monotonic() + seconds
    committed: list[str] = []
    conflicts = 0
    while time.monotonic() < until:
        session = repo.writable_session("main")
        zarr.open_array(session.store, path="a", mode="r+")[writer, :] = len(committed) + 1
        while True:
            try:
                committed.append(session.commit(f"{writer}/{len(committed)}"))
            except package.ConflictError:
                conflicts += 1
                session.rebase(package.ConflictDetector())
            else:
                break
    return committed, conflicts


def in_child(place: Place, package: str, writer: int, seconds: float) -> tuple[int, int]:
    """Fork before any runtime has threads; the pid of the child, and the end of its report."""
    receiving, sending = os.pipe()
    pid = os.fork()
    if pid:
        os.close(sending)
        return pid, receiving
    status = 1
    try:
        os.close(receiving)
        outcome = write(place, importlib.import_module(package), writer, seconds)
        with os.fdopen(sending, "w") as report:
            json.dump(outcome, report)
        status = 0
    except BaseException as failure:  # noqa: BLE001 - the child must never run the parent's code
        print(f"writer {writer} ({package}): {type(failure).__name__}: {failure}", file=sys.stderr, flush=True)
    os._exit(status)


def main(place: str, seconds: float, packages: list[str]) -> int:
    where = Place.from_text(place)
    children = [in_child(where, package, writer, seconds) for writer, package in enumerate(packages)]
    outcomes = []
    for _, receiving in children:
        with os.fdopen(receiving) as pipe:
            outcomes.append(pipe.read())
    statuses = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid, _ in children]
    if any(statuses):
        return 1
    print(f"[{', '.join(outcomes)}]")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], float(sys.argv[2]), sys.argv[3:]))
