"""Publishing that is interrupted, or to which no answer comes: nothing is committed twice, and nothing is lost."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import zarr

import frazil
from frazil import BasicConflictSolver, IcechunkError, Repository, Session
from tests.contract.object_server import Fault, ObjectServer, Request
from tests.contract.served_storage import s3_storage_at
from tests.faults import failing_calls

SOLVER = BasicConflictSolver()


def started(place: frazil.Storage, spec: int, **config: Any) -> Repository:
    repo = Repository.create(place, frazil.RepositoryConfig(**config), spec_version=spec)
    with repo.transaction("main", message="start") as store:
        zarr.create_group(store)
    return repo


def changed(repo: Repository) -> Session:
    session = repo.writable_session("main")
    zarr.open_group(session.store, mode="r+").attrs["a"] = 1
    return session


def messages(storage: frazil.Storage, **version: str) -> list[str]:
    return [info.message for info in Repository.open(storage).ancestry(**(version or {"branch": "main"}))]


# ---- Ctrl-C ----------------------------------------------------------------------------------------------------------

WATCHED = (
    "commit/publish.py",
    "history/repo_object/update.py",
    "history/v1/history.py",
    "history/v2.py",
    "history/v1/refs.py",
    "state.py",
)
"""The files whose lines run between the first thought of publishing and the end of settling."""


@contextmanager
def interrupted_at(number: int) -> Iterator[Callable[[], bool]]:
    """Ctrl-C before the ``number``-th line of the watched files; gives whether there was one."""
    left = number

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal left
        if not frame.f_code.co_filename.endswith(WATCHED):
            return None
        # Where a lock is taken or let go the interpreter does not look for signals.
        if event == "line" and not linecache.getline(frame.f_code.co_filename, frame.f_lineno).lstrip().startswith(
            "with "
        ):
            left -= 1
            if left == 0:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield lambda: left <= 0
    finally:
        sys.settrace(before)


PUBLISH: dict[str, Callable[[Session], str]] = {
    "commit": lambda session: session.commit("ours"),
    "amend": lambda session: session.amend("ours"),
    "flush": lambda session: session.flush("ours"),
}


@pytest.mark.parametrize(("spec", "name"), [(1, "commit"), (1, "flush"), (2, "commit"), (2, "amend"), (2, "flush")])
@pytest.mark.parametrize("place", ["memory", "network"])
def test_an_interrupted_session_knows_what_became_of_it(
    spec: int, name: str, place: str, amount: Callable[[int, int], int]
) -> None:
    publish = PUBLISH[name]
    server = ObjectServer()
    storage = frazil.in_memory_storage() if place == "memory" else s3_storage_at(server.url)
    with server:
        repo = started(storage, spec)
        base = repo.lookup_branch("main")
        # Every line in a soak run; on a network each try takes a while.
        for number in range(1, 1000, 1 if place == "memory" else amount(7, 1)):
            repo.reset_branch("main", base)
            session = changed(repo)
            with interrupted_at(number) as was_interrupted, suppress(KeyboardInterrupt):
                publish(session)
            if not was_interrupted():
                return
            published = messages(storage)[0] == "ours"
            if session.read_only:
                assert published or name == "flush"
                assert not session.has_uncommitted_changes
                continue
            if place == "memory":
                assert not published
            if session._session.tree.in_doubt:
                assert place == "network"
                with pytest.raises(IcechunkError) as refused:
                    zarr.open_group(session.store, mode="r+").attrs["b"] = 2
                assert refused.value.kind == "outcome-unknown"
            else:
                assert not published
                zarr.open_group(session.store, mode="r+").attrs["b"] = 2
            if name == "commit":
                snapshot = session.commit("ours", rebase_with=SOLVER)
                assert snapshot == repo.lookup_branch("main")
            else:
                publish(session)
            if name != "flush":
                assert messages(storage).count("ours") == 1
            assert session.read_only
        pytest.fail("it goes on and on")


# ---- disks -----------------------------------------------------------------------------------------------------------

DISK = """
import errno, os, sys
from pathlib import Path
import zarr, frazil

place, spec, name = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
faults = Path(os.environ["FAILING_CALLS"])
storage = frazil.local_filesystem_storage(str(place))
repo = frazil.Repository.create(storage, spec_version=spec)
with repo.transaction("main", message="1") as store:
    zarr.create_group(store)
session = repo.writable_session("main")
zarr.open_group(session.store, mode="r+").attrs["k"] = 2

faults.write_text(f"fsync {place.name if spec == 2 else 'branch.main'} {errno.EIO} instead")
try:
    getattr(session, name)("2")
except frazil.StorageError as failure:
    assert failure.kind == "outcome-unknown", failure
    assert session.snapshot_id in str(failure)
else:
    raise AssertionError("it did not fail")
faults.unlink()

assert session.read_only and not session.has_uncommitted_changes
for retry in (lambda: session.commit("2"), lambda: session.commit("2", rebase_with=frazil.BasicConflictSolver())):
    try:
        retry()
    except frazil.SessionStateError as failure:
        assert failure.kind == "commit-not-allowed", failure
    else:
        raise AssertionError("it was committed twice")
found = frazil.Repository.open(storage)
wanted = {"commit": ["2", "1", "Repository initialized"], "amend": ["2", "Repository initialized"]}
if name == "flush":
    assert [entry.message for entry in found.ancestry(snapshot_id=session.snapshot_id)][0] == "2"
else:
    assert [entry.message for entry in found.ancestry(branch="main")] == wanted[name]
    assert found.lookup_branch("main") == session.snapshot_id
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return failing_calls.build(tmp_path_factory.mktemp("library"))


@pytest.mark.parametrize(("spec", "name"), [(1, "commit"), (2, "commit"), (2, "amend"), (2, "flush")])
def test_what_a_disk_published_and_did_not_confirm_is_not_published_again(
    tmp_path: Path, library: Path, spec: int, name: str
) -> None:
    failing_calls.run(library, DISK, str(tmp_path / "repository"), str(spec), name)


# ---- networks --------------------------------------------------------------------------------------------------------

POINTER = {1: "/ref.json", 2: "/repo"}
"""How the key of the object ends that publishing writes."""


@pytest.fixture
def server() -> Iterator[ObjectServer]:
    with ObjectServer() as server:
        yield server


def no_patience() -> frazil.StorageSettings:
    retries = frazil.StorageRetriesSettings(max_tries=2, initial_backoff_ms=1, max_backoff_ms=1)
    return frazil.StorageSettings(retries=retries)


def silent_from_the_write_on(server: ObjectServer, pointer: str, *, written: bool) -> None:
    """The write of this object is done or not, its answer is lost, and no answer comes to anything after it."""
    is_silent = False

    def fault(request: Request) -> Fault | None:
        nonlocal is_silent
        if request.method == "PUT" and request.key.endswith(pointer) and not is_silent:
            is_silent = True
            return Fault(after=written)
        return Fault() if is_silent else None

    server.fault = fault


@pytest.mark.parametrize("written", [True, False], ids=["done", "not done"])
@pytest.mark.parametrize("spec", [1, 2])
def test_a_commit_without_an_answer_is_found_by_the_next_attempt(
    server: ObjectServer, spec: int, written: bool
) -> None:
    storage = s3_storage_at(server.url)
    repo = started(storage, spec, storage=no_patience())
    session = changed(repo)
    silent_from_the_write_on(server, POINTER[spec], written=written)
    with pytest.raises(IcechunkError) as failure:
        session.commit("ours", rebase_with=SOLVER)
    assert failure.value.kind == "outcome-unknown"
    server.fault = lambda _: None
    assert (messages(storage)[0] == "ours") == written

    with pytest.raises(IcechunkError) as refused:
        zarr.open_group(session.store, mode="r+").attrs["b"] = 2
    assert refused.value.kind == "outcome-unknown"
    for call in (session.fork, lambda: session.merge()):
        with pytest.raises(IcechunkError) as refused:
            call()
        assert refused.value.kind == "outcome-unknown"
    with repo.transaction("main", message="theirs", rebase_with=SOLVER) as store:
        zarr.create_group(store, path="theirs")

    assert session.commit("ours", rebase_with=SOLVER) == session.snapshot_id
    assert messages(storage)[:3] == (["theirs", "ours", "start"] if written else ["ours", "theirs", "start"])
    assert session.read_only


@pytest.mark.parametrize("spec", [1, 2])
def test_a_rebase_after_an_unknown_outcome_says_that_it_was_a_commit(server: ObjectServer, spec: int) -> None:
    storage = s3_storage_at(server.url)
    repo = started(storage, spec, storage=no_patience())
    session = changed(repo)
    silent_from_the_write_on(server, POINTER[spec], written=True)
    with pytest.raises(IcechunkError):
        session.commit("ours")
    server.fault = lambda _: None
    with pytest.raises(IcechunkError, match=repo.lookup_branch("main")) as failure:
        session.rebase(SOLVER)
    assert failure.value.kind == "commit-not-allowed"
    assert session.snapshot_id == repo.lookup_branch("main")


@pytest.mark.parametrize("spec", [1, 2])
def test_changes_of_unknown_outcome_can_be_given_up(server: ObjectServer, spec: int) -> None:
    storage = s3_storage_at(server.url)
    repo = started(storage, spec, storage=no_patience())
    session = changed(repo)
    silent_from_the_write_on(server, POINTER[spec], written=False)
    with pytest.raises(IcechunkError):
        session.commit("ours")
    server.fault = lambda _: None
    session.discard_changes()
    zarr.open_group(session.store, mode="r+").attrs["b"] = 2
    session.commit("others")
    assert messages(storage) == ["others", "start", "Repository initialized"]


@pytest.mark.parametrize("with_metadata", [True, False], ids=["marked", "unmarked"])
@pytest.mark.parametrize("limit", [1, 1000])
@pytest.mark.parametrize("spec", [1, 2])
def test_a_commit_whose_answer_was_lost_is_known_when_others_commit_on_top_of_it(
    server: ObjectServer, spec: int, limit: int, with_metadata: bool
) -> None:
    settings = frazil.StorageSettings(unsafe_use_metadata=with_metadata)
    storage = s3_storage_at(server.url)
    repo = started(storage, spec, storage=settings, num_updates_per_repo_info_file=limit)
    other = Repository.open(storage)
    session = changed(repo)
    passed = False

    def fault(request: Request) -> Fault | None:
        nonlocal passed
        if request.method != "PUT" or not request.key.endswith(POINTER[spec]):
            return None
        if not passed:
            passed = True
            return Fault(after=True)  # and the client tries again
        server.fault = lambda _: None
        with other.transaction("main", message="theirs") as store:
            zarr.create_group(store, path="theirs")
        return None

    server.fault = fault
    assert session.commit("ours", rebase_with=SOLVER) == session.snapshot_id
    assert messages(storage) == ["theirs", "ours", "start", "Repository initialized"]


@pytest.mark.parametrize("with_metadata", [True, False], ids=["marked", "unmarked"])
@pytest.mark.parametrize("spec", [1, 2])
def test_a_tag_or_branch_whose_answer_was_lost_is_made(server: ObjectServer, spec: int, with_metadata: bool) -> None:
    settings = frazil.StorageSettings(unsafe_use_metadata=with_metadata)
    storage = s3_storage_at(server.url)
    repo = started(storage, spec, storage=settings)
    tip = repo.lookup_branch("main")
    changes: list[Callable[[], object]] = [
        lambda: repo.create_tag("t", tip),
        lambda: repo.create_branch("b", tip),
        lambda: repo.reset_branch("b", repo.lookup_tag("t")),
        lambda: repo.delete_branch("b"),
        lambda: repo.save_config(),
    ]
    if spec == 2:
        changes += [lambda: repo.delete_tag("t"), lambda: repo.set_metadata({"a": 1})]
    for change in changes:
        server.misbehave(Fault(after=True), key="/repo" if spec == 2 else "")
        change()
    assert repo.list_branches() == {"main"}
    assert repo.list_tags() == ({"t"} if spec == 1 else set())


@pytest.mark.parametrize("spec", [1, 2])
def test_a_ref_change_without_an_answer_says_so(server: ObjectServer, spec: int) -> None:
    repo = started(s3_storage_at(server.url), spec, storage=no_patience())
    tip = repo.lookup_branch("main")
    silent_from_the_write_on(server, POINTER[spec], written=True)
    with pytest.raises(IcechunkError) as failure:
        repo.create_tag("t", tip)
    assert failure.value.kind == "outcome-unknown"
    server.fault = lambda _: None
    assert repo.lookup_tag("t") == tip
