"""Garbage collection, expiration and commits at the same time: nothing that is reachable may get lost."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import numpy as np
import pytest
import zarr

import frazil

WRITERS = 3
CHUNKS = 6


class OpenSessions:
    """When the sessions that are open now were opened: collection must look no further than before the first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._starts: dict[int, float] = {}

    @contextmanager
    def one(self):
        with self._lock:
            self._starts[threading.get_ident()] = time.time()
        try:
            yield
        finally:
            with self._lock:
                del self._starts[threading.get_ident()]

    def cutoff(self) -> datetime:
        with self._lock:
            return datetime.fromtimestamp(min([time.time(), *self._starts.values()]), UTC)


def opened(storage, *, content_ids):
    return frazil.Repository.open(storage, content_derived_chunk_ids=content_ids)


def set_up(storage, *, content_ids):
    repo = frazil.Repository.create(storage, content_derived_chunk_ids=content_ids)
    session = repo.writable_session("main")
    root = zarr.create_group(session.store)
    for number in range(WRITERS):
        # Chunks of 800 bytes: objects of their own.  Few different values, so that names made of content come back.
        root.create_array(f"a{number}", shape=(CHUNKS * 100,), chunks=(100,), dtype="i8", compressors=None)
    start = session.commit("start")
    for number in range(WRITERS):
        repo.create_branch(f"b{number}", start)


def write(storage, open_sessions, number, rounds, *, content_ids):
    """Commit to ``main`` and to a branch of one's own, which is set back now and then; returns what was written last."""
    choice = random.Random(number)
    repo = opened(storage, content_ids=content_ids)
    expected = {"main": np.zeros(CHUNKS, int), f"b{number}": np.zeros(CHUNKS, int)}
    saved: dict[str, np.ndarray] = {}
    for _ in range(rounds):
        branch = choice.choice(list(expected))
        with open_sessions.one():
            session = repo.writable_session(branch)
            chunk, value = choice.randrange(CHUNKS), choice.randrange(1, 5)
            zarr.open_array(session.store, path=f"a{number}")[chunk * 100 : chunk * 100 + 100] = value
            kind = choice.random()
            if kind < 0.15:
                with suppress(frazil.SnapshotNotFoundError):  # its parent was expired meanwhile
                    session.flush("detached")
                continue
            if kind < 0.25:
                continue
            before = repo.lookup_branch(branch) if branch != "main" else None
            session.commit("commit", rebase_with=frazil.ConflictDetector())
        if before is not None and kind < 0.5:
            with suppress(frazil.SnapshotNotFoundError):  # it was expired meanwhile
                repo.reset_branch(branch, before)
                continue
        expected[branch][chunk] = value
        if kind > 0.95:
            name = f"{branch}-{len(saved)}-{number}"
            repo.create_tag(name, repo.lookup_branch(f"b{number}"))
            saved[name] = expected[f"b{number}"].copy()
    return expected, saved


def tidy(storage, open_sessions, stop, *, content_ids):
    repo = opened(storage, content_ids=content_ids)
    runs = 0
    while not stop.is_set() or runs == 0:
        if runs % 3 == 2:
            repo.expire_snapshots(open_sessions.cutoff())
        repo.garbage_collect(open_sessions.cutoff())
        runs += 1
    return runs


@pytest.mark.parametrize("content_ids", [False, True], ids=["random ids", "content ids"])
@pytest.mark.parametrize("place", ["memory", "local"])
def test_nothing_that_is_reachable_gets_lost(tmp_path, amount, place, content_ids):
    storage = frazil.in_memory_storage() if place == "memory" else frazil.local_filesystem_storage(str(tmp_path))
    set_up(storage, content_ids=content_ids)
    open_sessions, stop = OpenSessions(), threading.Event()
    with ThreadPoolExecutor(WRITERS + 1) as pool:
        tidying = pool.submit(tidy, storage, open_sessions, stop, content_ids=content_ids)
        writing = [
            pool.submit(write, storage, open_sessions, number, amount(25, 2000), content_ids=content_ids)
            for number in range(WRITERS)
        ]
        try:
            written = [one.result() for one in writing]
        finally:
            stop.set()
        assert tidying.result() > 0

    repo = opened(storage, content_ids=content_ids)
    repo.garbage_collect(datetime(2100, 1, 1, tzinfo=UTC))
    for number, (expected, saved) in enumerate(written):
        for branch, values in expected.items():
            check(repo.readonly_session(branch), number, values)
        for tag, values in saved.items():
            check(repo.readonly_session(tag=tag), number, values)


def check(session, number, values):
    array = zarr.open_array(session.store, path=f"a{number}", mode="r")
    assert np.array_equal(np.asarray(array[:]), np.repeat(values, 100))
