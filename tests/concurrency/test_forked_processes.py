"""Forked processes work, or say why not, whatever the threads of their parent held when it forked."""

import ast
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import zarr

import frazil
from frazil import BasicConflictSolver, IcechunkError, Repository
from tests.contract.object_server import ObjectServer

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
ROOT = Path(__file__).parents[2]


def children_of(count: int, place: str) -> dict[str, int]:
    command = [sys.executable, "-W", "ignore", "-m", "tests.concurrency.forking", str(count), place]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60 + 10 * count)
    assert done.returncode == 0, done.stderr
    found: dict[str, int] = ast.literal_eval(done.stdout)
    return found


def test_children_work_beside_busy_threads(tmp_path: Path, amount: Callable[[int, int], int]) -> None:
    count = amount(12, 200)
    assert children_of(count, str(tmp_path / "r")) == {"worked": count}


def test_children_on_a_network_work_or_say_why_not(amount: Callable[[int, int], int]) -> None:
    count = amount(10, 200)
    with ObjectServer() as server:
        found = children_of(count, server.url)
    assert found.get("worked", 0) + found.get("said why", 0) == count, found


# ---- with a lock held for certain ------------------------------------------------------------------------------------


def in_child(work: Callable[[], object]) -> None:
    """Run this in a forked child, which has half a minute."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            signal.alarm(30)
            work()
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


class Held:
    """A lock that another thread holds."""

    def __init__(self, lock: "threading.Lock | threading.RLock") -> None:
        self._lock = lock
        self._is_held, self._let_go = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._hold)

    def _hold(self) -> None:
        with self._lock:
            self._is_held.set()
            self._let_go.wait(60)

    def __enter__(self) -> None:
        self._thread.start()
        self._is_held.wait(30)

    def __exit__(self, *_: object) -> None:
        self._let_go.set()
        self._thread.join()


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    repo = Repository.create(frazil.local_filesystem_storage(str(tmp_path / "r")))
    with repo.transaction("main", message="start") as store:
        zarr.create_group(store)
    return repo


def changed(repo: Repository) -> frazil.Session:
    session = repo.writable_session("main")
    zarr.open_group(session.store, mode="r+").attrs["a"] = 1
    return session


def test_a_child_changes_refs_while_its_parent_does(repo: Repository) -> None:
    with Held(repo._repository.history._repo._writing):  # type: ignore[attr-defined]
        in_child(lambda: repo.create_branch("b", repo.lookup_branch("main")))
        in_child(lambda: changed(repo).commit("from the child"))
    assert repo.list_branches() == {"main", "b"}
    assert next(repo.ancestry(branch="main")).message == "from the child"


def test_a_session_that_another_thread_was_changing_says_so_in_a_child(repo: Repository) -> None:
    session = changed(repo)
    calls: list[Callable[[], object]] = [
        lambda: session.commit("x"),
        lambda: session.amend("x"),
        lambda: session.rebase(BasicConflictSolver()),
        lambda: session.discard_changes(),
        lambda: session.fork(),
        lambda: session.merge(),
        lambda: session.flush("x"),
        lambda: session.store.set_sync("a/zarr.json", zarr.core.buffer.cpu.Buffer.from_bytes(b"{}")),
    ]

    def work() -> None:
        for call in calls:
            with pytest.raises(IcechunkError, match=r"forked|zarr"):
                call()
        assert session.status().updated_groups == {"/"}

    with Held(session._session.tree.lock):
        in_child(work)
    session.commit("in the parent")


def test_a_session_that_nobody_was_changing_works_in_a_child(repo: Repository) -> None:
    session = changed(repo)
    in_child(lambda: session.commit("in the child"))
    with pytest.raises(frazil.ConflictError):
        session.commit("in the parent")
