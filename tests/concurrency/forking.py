"""A process that forks while its threads are busy with one repository.

    python forking.py CHILDREN DIRECTORY
    python forking.py CHILDREN URL-OF-AN-S3-SERVER

Prints how many children worked, how many said why they cannot, and what became of the others.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable

import zarr

import frazil
from frazil import BasicConflictSolver, Repository
from tests.contract.served_storage import s3_storage_at

WORKED, SAID_WHY = 0, 3
_LIMIT = 60
"""Seconds after which a child counts as hanging."""


def storage_at(place: str) -> frazil.Storage:
    return s3_storage_at(place) if place.startswith("http") else frazil.local_filesystem_storage(place)


def commit(repo: Repository, row: int, value: int) -> None:
    session = repo.writable_session("main")
    zarr.open_array(session.store, path="a", mode="r+")[row] = value
    session.commit(f"{row}: {value}", rebase_with=BasicConflictSolver())


def work(repo: Repository, reader: frazil.Session) -> None:
    """What a child does with what it inherited, and with what it opens itself."""
    name = f"b{os.getpid()}"
    assert zarr.open_array(reader.store, path="a", mode="r")[0, 0] == 1
    repo.create_branch(name, reader.snapshot_id)
    commit(repo, 5, os.getpid())
    own = Repository.open(repo.storage)
    assert zarr.open_array(own.readonly_session("main").store, path="a", mode="r")[5, 0] != 1
    commit(own, 6, os.getpid())
    repo.delete_branch(name)


def child(repo: Repository, reader: frazil.Session) -> int:
    signal.alarm(_LIMIT)
    try:
        work(repo, reader)
    except frazil.IcechunkError as failure:
        if "fork" in str(failure):
            return SAID_WHY
        print(f"{type(failure).__name__}: {failure}", file=sys.stderr)
        return 1
    return WORKED


def fork(repo: Repository, reader: frazil.Session) -> str:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = child(repo, reader)
        finally:
            os._exit(code)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return {WORKED: "worked", SAID_WHY: "said why", -signal.SIGALRM: "hung"}.get(status, f"ended with {status}")


def main(children: int, place: str) -> None:
    repo = Repository.create(storage_at(place), frazil.RepositoryConfig(inline_chunk_threshold_bytes=0))
    session = repo.writable_session("main")
    array = zarr.create_array(session.store, name="a", shape=(8, 64), chunks=(1, 8), dtype="i4")
    array[:] = 1
    base = session.commit("start")
    reader = repo.readonly_session("main")
    stop = threading.Event()
    rounds: Counter[str] = Counter()

    def busy(name: str, step: Callable[[int], object]) -> None:
        while not stop.is_set():
            step(rounds[name])
            rounds[name] += 1

    def refs(number: int) -> None:
        repo.create_branch(f"x{number}", base)
        repo.delete_branch(f"x{number}")

    def read(_: int) -> None:
        zarr.open_array(repo.readonly_session("main").store, path="a", mode="r")[:]
        zarr.open_array(reader.store, path="a", mode="r")[:]

    steps = {"refs": refs, "commits": lambda number: commit(repo, 1, number), "reads": read}
    threads = [threading.Thread(target=busy, args=item, daemon=True) for item in steps.items()]
    for thread in threads:
        thread.start()
    found = Counter(fork(repo, reader) for _ in range(children))
    stop.set()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), rounds
    assert all(rounds[name] > 0 for name in steps), rounds
    print(dict(found))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
