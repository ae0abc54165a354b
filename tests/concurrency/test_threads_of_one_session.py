"""Every method of a session decides under its lock: what waits for a commit finds the session committed.

The lock of a session is held while another thread calls a method.  Once that thread waits for it the session is
committed, and only then let go.
"""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
import pytest
import zarr
from zarr.core.buffer import default_buffer_prototype
from zarr.core.sync import sync

import frazil
from frazil import ConflictDetector, IcechunkError, Repository, Session, VirtualChunkSpec
from frazil.store import IcechunkStore

GROUP = b'{"zarr_format":3,"node_type":"group"}'
LOCATION = "s3://bucket/object"


class WatchedLock:
    """A reentrant lock that tells when a second thread comes to it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._holder: int | None = None
        self.met = threading.Event()

    def acquire(self, blocking: bool = True) -> bool:
        if self._holder not in (None, threading.get_ident()):
            self.met.set()
        taken = self._lock.acquire(blocking)
        self._holder = threading.get_ident()
        return taken

    def release(self) -> None:
        self._lock.release()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


def outcome_of(call: Callable[[], object]) -> object:
    try:
        return call()
    except IcechunkError as failure:
        return failure.kind
    except BaseException as failure:  # noqa: BLE001 - whatever it is, it is not what a test expects
        return failure


def raced(session: Session, call: Callable[[], object]) -> object:
    """What comes of a call that waits for the session's lock while another thread commits."""
    lock = WatchedLock()
    session._session.tree.lock = lock  # type: ignore[assignment]
    results: list[object] = []
    ended = threading.Event()

    def run() -> None:
        results.append(outcome_of(call))
        ended.set()
        lock.met.set()

    with lock:
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        assert lock.met.wait(30)
        assert not ended.is_set(), f"it did not ask for the lock, and came to {results}"
        session.commit("by the other thread")
    thread.join(30)
    assert not thread.is_alive()
    return results[0]


@pytest.fixture
def repo() -> Repository:
    config = frazil.RepositoryConfig(inline_chunk_threshold_bytes=8)
    config.set_virtual_chunk_container(frazil.VirtualChunkContainer("s3://bucket/", frazil.s3_store()))
    repo = Repository.create(frazil.in_memory_storage(), config)
    session = repo.writable_session("main")
    array = zarr.create_group(session.store).create_array("a", shape=(4,), chunks=(1,), dtype="i4")
    array[:] = [1, 2, 3, 4]
    session.commit("start")
    return repo


def changed_session(repo: Repository) -> Session:
    session = repo.writable_session("main")
    zarr.open_array(session.store, path="a", mode="r+")[0] = 10
    return session


def a_fork(session: Session) -> frazil.ForkSession:
    fork = session.fork()
    zarr.open_array(fork.store, path="a", mode="r+")[3] = 40
    return fork


NOT_ALLOWED, READ_ONLY = "commit-not-allowed", "read-only-session"
DECIDING: dict[str, tuple[Callable[[Session], Callable[[], object]], str]] = {
    "commit": (lambda s: lambda: s.commit("again", allow_empty=True), NOT_ALLOWED),
    "commit with a solver": (
        lambda s: lambda: s.commit("again", allow_empty=True, rebase_with=ConflictDetector()),
        NOT_ALLOWED,
    ),
    "amend": (lambda s: lambda: s.amend("again", allow_empty=True), NOT_ALLOWED),
    "rebase": (lambda s: lambda: s.rebase(ConflictDetector()), NOT_ALLOWED),
    "discard_changes": (lambda s: s.discard_changes, READ_ONLY),
    "fork": (lambda s: s.fork, "cannot-fork-read-only-session"),
    "merge": (lambda s: partial(s.merge, a_fork(s)), READ_ONLY),
    "merge of nothing": (lambda s: s.merge, READ_ONLY),
    "shift_array": (lambda s: lambda: s.shift_array("/a", (1,)), READ_ONLY),
    "reindex_array": (lambda s: lambda: s.reindex_array("/a", lambda c: c), READ_ONLY),
}
"""Methods that change the session, how they are called, and the kind of error that tells that it was committed."""

ELSEWHERE = {"move"}
"""Tested below."""

HARMLESS = {"flush", "status"}
"""They work on read-only sessions: what they find after the commit is what they are about."""

READING = {
    "read_only",
    "mode",
    "snapshot_id",
    "branch",
    "has_uncommitted_changes",
    "config",
    "store",
    "get_node_id",
    "chunk_type",
    "chunk_coordinates",
    "all_virtual_chunk_locations",
}


def test_no_public_method_of_a_session_is_forgotten_here() -> None:
    public = {name for name in dir(Session) if not name.startswith("_") and not name.endswith("_async")}
    assert public == {name.split()[0] for name in DECIDING} | ELSEWHERE | HARMLESS | READING


@pytest.mark.filterwarnings("ignore::frazil.UnmergedForkWarning")
@pytest.mark.parametrize("name", DECIDING)
def test_a_method_that_waited_for_a_commit_says_that_the_session_is_committed(repo: Repository, name: str) -> None:
    prepare, kind = DECIDING[name]
    session = changed_session(repo)
    assert raced(session, prepare(session)) == kind
    assert [info.message for info in repo.ancestry(branch="main")][:2] == ["by the other thread", "start"]
    assert (session.read_only, session.has_uncommitted_changes) == (True, False)


def test_a_move_that_waited_for_a_commit_says_so(repo: Repository) -> None:
    session = repo.rearrange_session("main")
    session.move("/a", "/b")
    assert raced(session, lambda: session.move("/b", "/c")) == READ_ONLY


def test_a_flush_that_waited_for_a_commit_is_of_the_new_snapshot(repo: Repository) -> None:
    session = changed_session(repo)
    flushed = raced(session, lambda: session.flush("beside"))
    assert repo.lookup_snapshot(str(flushed)).parent_id == repo.lookup_branch("main")


def test_a_status_that_waited_for_a_commit_is_of_the_new_snapshot(repo: Repository) -> None:
    session = changed_session(repo)
    found: Any = raced(session, session.status)
    assert found.is_empty()


def buffer(data: bytes) -> Any:
    return default_buffer_prototype().buffer.from_bytes(data)


STORED: dict[str, Callable[[IcechunkStore], object]] = {
    "set": lambda store: sync(store.set("g/zarr.json", buffer(GROUP))),
    "set_sync": lambda store: store.set_sync("a/c/1", buffer(b"12345678")),
    "set of a large chunk": lambda store: sync(store.set("a/c/1", buffer(bytes(range(20))))),
    "set_if_not_exists": lambda store: sync(store.set_if_not_exists("g/zarr.json", buffer(GROUP))),
    "delete": lambda store: sync(store.delete("a/c/1")),
    "delete_sync": lambda store: store.delete_sync("a/zarr.json"),
    "delete_dir": lambda store: sync(store.delete_dir("a")),
    "delete_dir of chunks": lambda store: sync(store.delete_dir("a/c")),
    "clear": lambda store: sync(store.clear()),
    "sync_clear": lambda store: store.sync_clear(),
    "set_virtual_ref": lambda store: store.set_virtual_ref("a/c/1", LOCATION, offset=0, length=4),
    "set_virtual_refs": lambda store: store.set_virtual_refs("a", [VirtualChunkSpec([1], LOCATION, 0, 4)]),
    "set_virtual_refs_arr": lambda store: store.set_virtual_refs_arr(
        "a", (1,), [LOCATION], np.array([0], "u8"), np.array([4], "u8")
    ),
    "an array write": lambda store: zarr.open_array(store, path="a", mode="r+").__setitem__(1, 20),
}


@pytest.mark.parametrize("name", STORED)
def test_a_write_that_waited_for_a_commit_says_that_the_session_is_committed(repo: Repository, name: str) -> None:
    session = changed_session(repo)
    store = session.store
    # Everything that a write looks at first is known, so that it meets the lock only where it changes something.
    zarr.open_array(store, path="a", mode="r+")[:]
    store.set_sync("z/zarr.json", buffer(GROUP))
    assert raced(session, lambda: STORED[name](store)) in (READ_ONLY, "read-only-store")
    assert list(zarr.open_array(repo.readonly_session("main").store, path="a", mode="r")[:]) == [10, 2, 3, 4]


class CommittingLock:
    """A reentrant lock that commits when it was let go for the ``number``-th time, as another thread might just then."""

    def __init__(self, session: Session, number: int) -> None:
        self._session, self._left = session, number
        self._depth = 0

    def __enter__(self) -> None:
        self._depth += 1

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._left -= 1
            if self._left == 0:
                self._session.commit("by another thread")

    @property
    def has_committed(self) -> bool:
        return self._left <= 0


def content(repo: Repository) -> dict[str, tuple[bool, object]]:
    store = repo.readonly_session("main").store
    raw = store._store
    found: dict[str, tuple[bool, object]] = {}
    for key in iter(raw.keys("")):
        ref = raw.find(key)
        is_virtual = isinstance(ref, frazil._core.ChunkRef)
        found[key] = (is_virtual, None if is_virtual else bytes(ref))  # type: ignore[arg-type]
    return found


def prepared(repo: Repository) -> Session:
    session = changed_session(repo)
    zarr.open_array(session.store, path="a", mode="r+")[:]
    session.store.set_sync("z/zarr.json", buffer(GROUP))
    return session


@pytest.mark.parametrize("name", STORED)
def test_a_write_is_in_a_commit_or_says_that_it_is_not_wherever_the_commit_comes_between(
    repo: Repository, name: str
) -> None:
    base = repo.lookup_branch("main")
    session = prepared(repo)
    session.commit("without")
    without = content(repo)
    repo.reset_branch("main", base)
    session = prepared(repo)
    STORED[name](session.store)
    session.commit("with")
    wanted = content(repo)
    assert wanted != without
    for number in range(1, 100):
        repo.reset_branch("main", base)
        session = prepared(repo)
        store = session.store
        lock = CommittingLock(session, number)
        session._session.tree.lock = lock  # type: ignore[assignment]
        failure = outcome_of(lambda store=store: STORED[name](store))  # type: ignore[misc]
        if not lock.has_committed:
            return
        assert failure in (None, READ_ONLY, "read-only-store")
        assert content(repo) == (wanted if failure is None else without)
    pytest.fail("it takes the lock over and over")


@pytest.mark.parametrize("change", ["delete", "replace", "discard"])
def test_a_chunk_never_outlives_the_array_that_it_was_written_for(repo: Repository, change: str) -> None:
    """The array goes while its chunk is uploaded: the write says so, and leaves nothing behind."""
    session = repo.writable_session("main")
    zarr.create_array(session.store, name="new", shape=(4,), chunks=(1,), dtype="i4")
    tree = session._session.tree
    node = tree.existing_array("/new")  # type: ignore[arg-type]
    if change == "discard":
        session.discard_changes()
    else:
        tree.delete_node(node.path)
    if change == "replace":
        zarr.create_array(session.store, name="new", shape=(2,), chunks=(1,), dtype="i4")
    reference = frazil._core.ChunkRef.inline(b"1234")
    for write in (lambda: tree.set_chunk(node, (1,), reference), lambda: tree.table_of(node)):
        assert outcome_of(write) == "node-not-found"
    tree.delete_chunk(node, (1,))
    assert not any(len(table) for table in tree.changes.chunks.values())
    assert session.has_uncommitted_changes == (change == "replace")


def test_of_many_threads_one_commits(amount: Callable[[int, int], int]) -> None:
    repo = Repository.create(frazil.in_memory_storage())
    for _ in range(amount(20, 2000)):
        session = repo.writable_session("main")
        before = len(list(repo.ancestry(branch="main")))
        start = threading.Barrier(4)
        results: list[object] = []

        def commit(
            session: Session = session, start: threading.Barrier = start, results: list[object] = results
        ) -> None:
            start.wait()
            results.append(outcome_of(lambda: session.commit(datetime.now(UTC).isoformat(), allow_empty=True)))

        threads = [threading.Thread(target=commit) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(map(str, results))[1:] == [NOT_ALLOWED] * 3
        assert len(list(repo.ancestry(branch="main"))) == before + 1
