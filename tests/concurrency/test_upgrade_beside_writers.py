"""What was opened as spec 1 changes nothing any more once the repository is of spec 2: nobody would see it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import zarr

import frazil
from frazil import BasicConflictSolver, IcechunkError, Repository
from frazil.format import keys
from tests.contract.object_server import Fault, ObjectServer, Request
from tests.contract.served_storage import s3_storage_at

LATER = datetime.now(UTC) + timedelta(days=1)


@pytest.fixture
def server() -> Iterator[ObjectServer]:
    with ObjectServer() as server:
        yield server


@pytest.fixture(params=["memory", "network"])
def storage(request: pytest.FixtureRequest, server: ObjectServer) -> frazil.Storage:
    return frazil.in_memory_storage() if request.param == "memory" else s3_storage_at(server.url)


@pytest.fixture
def repo(storage: frazil.Storage) -> Repository:
    repo = Repository.create(storage, spec_version=1)
    with repo.transaction("main", message="start") as store:
        zarr.create_group(store)
    repo.create_tag("old", repo.lookup_branch("main"))
    repo.create_branch("side", repo.lookup_branch("main"))
    return repo


def upgrade(storage: frazil.Storage, *, keep: bool = True) -> Repository:
    return frazil.upgrade_icechunk_repository(Repository.open(storage), dry_run=False, delete_unused_v1_files=not keep)


def changed(repo: Repository) -> frazil.Session:
    session = repo.writable_session("main")
    zarr.open_group(session.store, mode="r+").attrs["a"] = 1
    return session


CHANGES: dict[str, Callable[[Repository, frazil.Session, str], object]] = {
    "commit": lambda repo, session, tip: session.commit("late"),
    "commit with a solver": lambda repo, session, tip: session.commit("late", rebase_with=BasicConflictSolver()),
    "flush": lambda repo, session, tip: session.flush("late"),
    "create_tag": lambda repo, session, tip: repo.create_tag("t", tip),
    "delete_tag": lambda repo, session, tip: repo.delete_tag("old"),
    "create_branch": lambda repo, session, tip: repo.create_branch("b", tip),
    "reset_branch": lambda repo, session, tip: repo.reset_branch("side", tip),
    "reset_branch from": lambda repo, session, tip: repo.reset_branch("side", tip, from_snapshot_id=tip),
    "delete_branch": lambda repo, session, tip: repo.delete_branch("side"),
    "save_config": lambda repo, session, tip: repo.save_config(),
    "writable_session": lambda repo, session, tip: repo.writable_session("main"),
    "garbage_collect": lambda repo, session, tip: repo.garbage_collect(LATER),
    "expire_snapshots": lambda repo, session, tip: repo.expire_snapshots(LATER),
    "rewrite_manifests": lambda repo, session, tip: repo.rewrite_manifests("late", branch="main"),
}


def files(repo: Repository) -> dict[str, bytes]:
    objects = repo._repository.context.objects
    kinds = (keys.REFS, keys.REPO, keys.CONFIG)
    return {meta.key: bytes(objects.get(meta.key) or b"") for meta in objects.list() if meta.key.startswith(kinds)}


@pytest.mark.parametrize("keep", [True, False], ids=["kept", "deleted"])
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_after_an_upgrade_says_that_there_was_one(
    storage: frazil.Storage, repo: Repository, name: str, keep: bool
) -> None:
    session = changed(repo)
    tip = repo.lookup_branch("main")
    upgraded = upgrade(storage, keep=keep)
    before = files(upgraded)
    with pytest.raises(IcechunkError, match="was upgraded to spec version 2") as failure:
        CHANGES[name](repo, session, tip)
    assert failure.value.kind == "unsupported-spec-version"
    assert files(upgraded) == before
    assert [info.message for info in upgraded.ancestry(branch="main")] == ["start", "Repository initialized"]


POINTERS = {
    "commit": "main/ref.json",
    "commit with a solver": "main/ref.json",
    "create_tag": "t/ref.json",
    "create_branch": "b/ref.json",
    "reset_branch": "side/ref.json",
    "delete_tag": ".deleted",
}


@pytest.mark.parametrize("name", POINTERS)
def test_an_upgrade_between_check_and_write_is_noticed(server: ObjectServer, name: str) -> None:
    storage = s3_storage_at(server.url)
    repo = Repository.create(storage, spec_version=1)
    tip = repo.lookup_branch("main")
    repo.create_tag("old", tip)
    repo.create_branch("side", tip)
    with repo.transaction("main", message="start") as store:
        zarr.create_group(store)
    session = changed(repo)

    def fault(request: Request) -> Fault | None:
        if request.method == "PUT" and request.key.endswith(POINTERS[name]):
            server.fault = lambda _: None
            upgrade(storage)
        return None

    server.fault = fault
    with pytest.raises(IcechunkError, match="upgraded to spec version 2") as failure:
        CHANGES[name](repo, session, tip)
    assert failure.value.kind == "outcome-unknown"
    assert next(Repository.open(storage).ancestry(branch="main")).message == "start"
    if name.startswith("commit"):
        with pytest.raises(IcechunkError, match="was upgraded to spec version 2"):
            session.commit("late", rebase_with=BasicConflictSolver())


def test_a_commit_that_an_upgrade_took_along_is_one(server: ObjectServer) -> None:
    """The upgrade comes after the ref was written, and before the writer looks for one."""
    storage = s3_storage_at(server.url)
    repo = Repository.create(storage, spec_version=1)
    with repo.transaction("main", message="start") as store:
        zarr.create_group(store)
    session = changed(repo)
    was_written = False

    def fault(request: Request) -> Fault | None:
        nonlocal was_written
        was_written |= request.method == "PUT" and request.key.endswith("main/ref.json")
        if was_written and request.method == "HEAD" and request.key.endswith("/repo"):
            server.fault = lambda _: None
            upgrade(storage)
        return None

    server.fault = fault
    assert session.commit("in time") == Repository.open(storage).lookup_branch("main")
