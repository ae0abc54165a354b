"""Changes that would be lost: forks that do not come back, and sessions that are dropped, say so."""

from __future__ import annotations

import gc
import os
import pickle
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import zarr

import frazil
from frazil import ForkSession, Repository, Session, SessionStateError, UnmergedForkWarning


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    repo = Repository.create(frazil.local_filesystem_storage(str(tmp_path / "r")))
    with repo.transaction("main", message="start") as store:
        zarr.create_group(store)
    return repo


def write(session: Session, name: str) -> None:
    zarr.create_group(session.store, path=name)


def forked(session: Session, count: int) -> list[ForkSession]:
    forks = [session.fork() for _ in range(count)]
    for number, fork in enumerate(forks):
        write(fork, f"fork{number}")
    return forks


def sent(fork: ForkSession) -> ForkSession:
    found: ForkSession = pickle.loads(pickle.dumps(fork))
    return found


@contextmanager
def no_warning() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


# ---- forks -----------------------------------------------------------------------------------------------------------

PUBLISH: dict[str, Callable[[Session], str]] = {
    "commit": lambda session: session.commit("x"),
    "amend": lambda session: session.amend("x"),
    "flush": lambda session: session.flush("x"),
}


@pytest.mark.parametrize("name", PUBLISH)
def test_forks_that_did_not_come_back_are_counted(repo: Repository, name: str) -> None:
    session = repo.writable_session("main")
    write(session, "own")
    forks = forked(session, 3)
    session.merge(forks[1])
    with pytest.warns(UnmergedForkWarning, match="^2 forks of this session were not merged back") as found:
        PUBLISH[name](session)
    assert len(found) == 1
    assert session.read_only


def test_the_warning_points_at_the_commit(repo: Repository) -> None:
    session = repo.writable_session("main")
    write(session, "own")
    forks = forked(session, 1)
    with pytest.warns(UnmergedForkWarning, match="^1 fork of this session was not merged back") as found:
        session.commit("x")
    assert found[0].filename == __file__
    assert forks[0].has_uncommitted_changes


def test_one_warning_for_all_attempts_of_a_commit(repo: Repository) -> None:
    session = repo.writable_session("main")
    write(session, "own")
    forks = forked(session, 1)
    with repo.transaction("main", message="theirs") as store:
        zarr.create_group(store, path="theirs")
    with pytest.warns(UnmergedForkWarning) as found:
        session.commit("x", rebase_with=frazil.ConflictDetector())
    assert len(found) == len(forks) == 1


def test_a_warning_made_an_error_comes_before_the_commit(repo: Repository) -> None:
    session = repo.writable_session("main")
    write(session, "own")
    forks = forked(session, 1)
    tip = repo.lookup_branch("main")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UnmergedForkWarning)
        with pytest.raises(UnmergedForkWarning):
            session.commit("x")
    assert repo.lookup_branch("main") == tip
    session.merge(*forks)
    with no_warning():
        session.commit("x")


def test_strict_forks(repo: Repository) -> None:
    session = repo.writable_session("main")
    write(session, "own")
    forks = forked(session, 2)
    with no_warning(), pytest.raises(SessionStateError, match="2 forks of this session") as failure:
        session.commit("x", strict_forks=True)
    assert failure.value.kind == "unmerged-forks"
    assert session.has_uncommitted_changes
    session.merge(*forks)
    with no_warning():
        session.commit("x", strict_forks=True)


@pytest.mark.parametrize("name", ["commit", "amend"])
def test_without_changes_of_its_own_a_session_names_its_forks(repo: Repository, name: str) -> None:
    with repo.transaction("main", message="more") as store:
        zarr.create_group(store, path="more")
    session = repo.writable_session("main")
    forks = forked(session, 2)
    with no_warning(), pytest.raises(SessionStateError, match=r"forks.*2 not merged back.*Session\.merge") as failure:
        PUBLISH[name](session)
    shown = "".join([str(failure.value), *failure.value.__notes__])
    assert "allow_empty" not in shown
    assert "cannot commit, no changes made to the session" in shown
    assert failure.value.kind == "no-changes-to-commit"
    with pytest.warns(UnmergedForkWarning, match="2 forks"):
        session.commit("x", allow_empty=True)
    assert len(forks) == 2


def test_forks_come_back_by_any_way(repo: Repository) -> None:
    """Copies of one fork, forks of forks merged in either order, forks that wrote nothing."""
    session = repo.writable_session("main")
    fork = session.fork()
    copies = [sent(fork) for _ in range(3)]
    for number, copy in enumerate(copies):
        write(copy, f"copy{number}")
    inner, outer = fork.fork(), session.fork()
    write(inner, "inner")
    beside = outer.fork()
    write(beside, "beside")
    session.merge(*copies, inner, session.fork())
    session.merge(sent(outer))
    with pytest.raises(SessionStateError, match="1 fork of this session"):
        session.commit("x", strict_forks=True)
    session.merge(beside)
    with no_warning():
        session.commit("x", strict_forks=True)
    assert set(zarr.open_group(repo.readonly_session("main").store, mode="r")) == {
        "copy0",
        "copy1",
        "copy2",
        "inner",
        "beside",
    }


def test_forks_that_hold_nothing_are_not_missed(repo: Repository) -> None:
    session = repo.writable_session("main")
    write(session, "own")
    kept = session.fork()
    assert not session.fork().has_uncommitted_changes
    session.commit("x", strict_forks=True)
    assert not kept.has_uncommitted_changes


def test_forks_that_are_gone_are_missed(repo: Repository) -> None:
    """One that was dropped with changes, one that was sent away and dropped, one whose own fork has changes."""
    session = repo.writable_session("main")
    write(session, "own")
    fork = session.fork()
    write(fork, "gone")
    del fork
    away = sent(session.fork())
    outer = session.fork()
    inner = outer.fork()
    write(inner, "inner")
    with pytest.raises(SessionStateError, match="3 forks"):
        session.commit("x", strict_forks=True)
    session.discard_changes()
    assert not away.has_uncommitted_changes


def test_a_merge_that_fails_brings_nothing_back(repo: Repository) -> None:
    session = repo.writable_session("main")
    clash = session.fork()
    write(clash, "same")
    write(session, "same")
    with pytest.raises(SessionStateError):
        session.merge(clash)
    with pytest.warns(UnmergedForkWarning, match="1 fork"):
        session.commit("x")


def test_a_session_merged_into_itself_stays_as_it_is(repo: Repository) -> None:
    session = repo.writable_session("main")
    write(session, "own")
    session.merge(session)
    session.merge(session.store.session)  # type: ignore[arg-type]
    fork = session.fork()
    write(fork, "fork")
    fork.merge(fork)
    session.merge(fork, session)  # type: ignore[arg-type]
    session.commit("x", strict_forks=True)
    assert set(zarr.open_group(repo.readonly_session("main").store, mode="r")) == {"own", "fork"}


# ---- sessions --------------------------------------------------------------------------------------------------------


def dropped(session: list[Session]) -> list[str]:
    """The warnings that come when the last reference to a session goes."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        session.clear()
        gc.collect()
    return [str(warning.message) for warning in found if issubclass(warning.category, ResourceWarning)]


def test_a_changed_session_that_is_dropped_says_so(repo: Repository) -> None:
    sessions = [repo.writable_session("main")]
    write(sessions[0], "own")
    found = dropped(sessions)
    assert len(found) == 1
    assert "a session on branch `main` was dropped with changes" in found[0]


def test_a_session_goes_at_once_and_takes_no_collection(repo: Repository) -> None:
    session = repo.writable_session("main")
    session.store.set_sync(
        "g/zarr.json", zarr.core.buffer.cpu.Buffer.from_bytes(b'{"zarr_format":3,"node_type":"group"}')
    )
    gc.disable()
    try:
        with pytest.warns(ResourceWarning, match="was dropped with changes"):
            del session
    finally:
        gc.enable()


def committed(repo: Repository) -> Session:
    session = repo.writable_session("main")
    write(session, "own")
    session.commit("x")
    return session


def discarded(repo: Repository) -> Session:
    session = repo.writable_session("main")
    write(session, "own")
    session.discard_changes()
    return session


def refused(repo: Repository) -> Session:
    """Its loss was told by an exception."""
    session = repo.writable_session("main")
    write(session, "own")
    with repo.transaction("main", message="theirs") as store:
        zarr.create_group(store, path="theirs")
    with pytest.raises(frazil.ConflictError):
        session.commit("x")
    return session


def failed_transaction(repo: Repository) -> Session:
    sessions = []
    with pytest.raises(ZeroDivisionError), repo.transaction("main", message="x") as store:
        zarr.create_group(store, path="own")
        sessions.append(store.session)
        raise ZeroDivisionError
    return sessions[0]


def fork_of_another(repo: Repository) -> Session:
    fork = repo.writable_session("main").fork()
    write(fork, "fork")
    return fork


QUIET: dict[str, Callable[[Repository], Session]] = {
    "committed": committed,
    "discarded": discarded,
    "refused": refused,
    "failed transaction": failed_transaction,
    "unchanged": lambda repo: repo.writable_session("main"),
    "read-only": lambda repo: repo.readonly_session("main"),
    "fork": fork_of_another,
}


@pytest.mark.parametrize("name", QUIET)
def test_nothing_is_said_where_nothing_is_lost_unsaid(repo: Repository, name: str) -> None:
    assert dropped([QUIET[name](repo)]) == []


def test_nothing_is_said_when_the_program_ends() -> None:
    program = (
        "import frazil, zarr\n"
        "session = frazil.Repository.create(frazil.in_memory_storage()).writable_session('main')\n"
        "zarr.create_group(session.store)\n"
    )
    done = subprocess.run([sys.executable, "-X", "dev", "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert "dropped with changes" not in done.stderr


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_says_nothing_of_the_sessions_of_its_parent(repo: Repository) -> None:
    sessions = [repo.writable_session("main")]
    write(sessions[0], "own")
    child = os.fork()
    if child == 0:
        os._exit(len(dropped(sessions)))
    assert os.waitpid(child, 0)[1] == 0
    assert len(dropped(sessions)) == 1
