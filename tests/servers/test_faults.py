"""Whatever goes wrong with any one request: the right result, or an error of ours, and a repository that is whole."""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np
import pytest
import zarr

import frazil
from frazil.testing.invariants import assert_ancestry_invariants
from tests.contract.object_server import ObjectServer
from tests.servers.fault_proxy import Fault, FaultProxy, Seen
from tests.servers.place import Place
from tests.servers.places import place
from tests.servers.s3_servers import bucket_at

EVER = datetime(2100, 1, 1, tzinfo=UTC)
CHUNK: Final = 100
QUICK: Final = frazil.RepositoryConfig(
    storage=frazil.StorageSettings(
        retries=frazil.StorageRetriesSettings(max_tries=4, initial_backoff_ms=1, max_backoff_ms=2)
    ),
    repo_update_retries=frazil.config.RepoUpdateRetryConfig(
        default=frazil.StorageRetriesSettings(max_tries=4, initial_backoff_ms=1, max_backoff_ms=2)
    ),
)


# --------------------------------------------------------------------------------------------------------------------
# what is done, and what has to be there afterwards


def add_commit(repo: frazil.Repository, value: int) -> str:
    session = repo.writable_session("main")
    zarr.open_array(session.store, path="a", mode="r+")[:] = value
    return session.commit(str(value))


def make_history(storage: frazil.Storage) -> None:
    """Commits 1, 2 and 3; 1 is only in a branch that was deleted."""
    repo = frazil.Repository.create(storage, QUICK)
    with repo.transaction("main", message="0") as store:
        zarr.create_array(store, name="a", shape=(2 * CHUNK,), chunks=(CHUNK,), dtype="i8", fill_value=-1)[:] = 0
    start = repo.lookup_branch("main")
    add_commit(repo, 1)
    repo.reset_branch("main", start)
    add_commit(repo, 2)
    add_commit(repo, 3)


def values(session: frazil.Session) -> list[int]:
    return sorted({int(value) for value in np.asarray(zarr.open_array(session.store, path="a", mode="r")[:])})


def history_when_whole(storage: frazil.Storage) -> tuple[list[str], set[str]]:
    """The messages of main and the names of the tags, of a repository of which everything can be read."""
    repo = frazil.Repository.open(storage)
    for branch in repo.list_branches():
        entries = list(repo.ancestry(branch=branch))
        assert_ancestry_invariants(entries)
        for entry in entries[:-1]:
            assert values(repo.readonly_session(snapshot_id=entry.id)) == [int(entry.message)]
    for tag in repo.list_tags():
        assert values(repo.readonly_session(tag=tag)) == [3]
    return [entry.message for entry in repo.ancestry(branch="main")], repo.list_tags()


@dataclass(frozen=True)
class Action:
    """Something that is done to a repository, and may fail or not."""

    prepare: Callable[[frazil.Storage], object]
    do: Callable[[frazil.Storage], object]
    before: tuple[list[str], set[str]] | None
    """None is no repository."""
    after: tuple[list[str], set[str]]


OLD = ["3", "2", "0", "Repository initialized"]
ACTIONS: Final[dict[str, Action]] = {
    "create": Action(
        lambda storage: None,
        lambda storage: frazil.Repository.create(storage, QUICK),
        None,
        (["Repository initialized"], set()),
    ),
    "create, spec 1": Action(
        lambda storage: None,
        lambda storage: frazil.Repository.create(storage, QUICK, spec_version=1),
        None,
        (["Repository initialized"], set()),
    ),
    "commit": Action(
        make_history,
        lambda storage: add_commit(frazil.Repository.open(storage, QUICK), 4),
        (OLD, set()),
        (["4", *OLD], set()),
    ),
    "tag": Action(
        make_history,
        lambda storage: tag_main(frazil.Repository.open(storage, QUICK)),
        (OLD, set()),
        (OLD, {"v3"}),
    ),
    "expire": Action(
        make_history,
        lambda storage: frazil.Repository.open(storage, QUICK).expire_snapshots(EVER),
        (OLD, set()),
        (["3", "Repository initialized"], set()),
    ),
    "collect": Action(
        make_history,
        lambda storage: frazil.Repository.open(storage, QUICK).garbage_collect(EVER),
        (OLD, set()),
        (OLD, set()),
    ),
}


def tag_main(repo: frazil.Repository) -> None:
    repo.create_tag("v3", repo.lookup_branch("main"))


def state(storage: frazil.Storage) -> tuple[list[str], set[str]] | None:
    return history_when_whole(storage) if frazil.Repository.exists(storage) else None


# --------------------------------------------------------------------------------------------------------------------
# what goes wrong


def applies(fault: Fault, seen: Seen) -> bool:
    """Whether a server would do that to this request."""
    match fault:
        case Fault.CONFLICT:
            return seen.conditional and seen.method == "PUT"
        case Fault.WRONG_RANGE:
            return seen.ranged
        case Fault.CUT_BODY:
            return seen.method == "GET"
        case Fault.LOST_ANSWER | Fault.FAILED_ANSWER:
            return seen.method in ("PUT", "POST", "DELETE")
        case _:
            return True


def rehearse(action: Action, where: Place, proxy: FaultProxy) -> list[Seen]:
    """The requests of an action when nothing goes wrong."""
    action.prepare(where.storage())
    proxy.clear()
    action.do(where.at(proxy.url).storage())
    seen = list(proxy.seen)
    assert state(where.storage()) == action.after
    return seen


def suffer(action: Action, where: Place, proxy: FaultProxy, number: int, fault: Fault, *, lasting: bool) -> str:
    """Do it while a request, or all from that one on, goes wrong; what came of it."""
    action.prepare(where.storage())
    proxy.clear()
    if lasting:
        proxy.fault = lambda seen: fault if seen.number >= number and applies(fault, seen) else None
    else:
        # What goes on beside it may come in another order than when it was rehearsed.
        proxy.fault = lambda seen: fault if seen.number == number and applies(fault, seen) else None
    error: Exception | None = None
    try:
        action.do(where.at(proxy.url).storage())
    except frazil.IcechunkError as problem:
        error = problem
    proxy.clear()
    found = state(where.storage())
    if error is None:
        assert found == action.after, f"reported as done, but {found} is what there is"
        return "done"
    assert found in (action.before, action.after)
    if found == action.before:
        action.do(where.storage())
        assert state(where.storage()) == action.after, "doing it again led elsewhere"
    return f"{type(error).__name__}, {'done' if found == action.after else 'not done'}"


def matrix(name: str, root: Place, *, whole: bool) -> Iterator[tuple[Place, FaultProxy, int, Fault, Seen]]:
    """Every request with every fault; or, of each request, one fault, another one for each."""
    with FaultProxy(root.arguments.get("endpoint_url") or root.arguments["config"]["azure_endpoint"]) as proxy:
        requests = rehearse(ACTIONS[name], root.inside(), proxy)
        turn = 0
        for seen in requests:
            faults = [fault for fault in Fault if applies(fault, seen)]
            if not whole:
                turn += 1
                faults = [faults[turn % len(faults)]]
            for fault in faults:
                yield root.inside(), proxy, seen.number, fault, seen


SURE: Final = {
    Fault.SERVER_ERROR,
    Fault.SLOW_DOWN,
    Fault.TOO_MANY_REQUESTS,
    Fault.LOST_REQUEST,
    Fault.LOST_ANSWER,
    Fault.FAILED_ANSWER,
    Fault.CONFLICT,
    Fault.CUT_BODY,
    Fault.WRONG_RANGE,
}
"""What is overcome by asking again."""


def endure(name: str, root: Place, *, lasting: bool, whole: bool) -> None:
    results: collections.Counter[tuple[str, str]] = collections.Counter()
    for where, proxy, number, fault, seen in matrix(name, root, whole=whole):
        about = f"{name}, request {number} ({seen.method} {seen.path[:60]}): {fault.value}"
        try:
            result = suffer(ACTIONS[name], where, proxy, number, fault, lasting=lasting)
            if not lasting and fault in SURE:
                assert result == "done", result
        except Exception as failure:
            raise AssertionError(f"{about}: {failure}") from failure
        results[fault.value, result] += 1
    print(f"{name}, {'from one request on' if lasting else 'one request'}:")
    for (fault_name, result), number in sorted(results.items()):
        print(f"    {fault_name}: {number} x {result}")


@pytest.fixture(scope="module")
def own() -> Iterator[Place]:
    """A quick server of our own."""
    with ObjectServer("s3") as server:
        yield bucket_at(int(server.url.rpartition(":")[2]))


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("name", ACTIONS)
def test_a_fault_at_every_request(own: Place, name: str, lasting: bool) -> None:
    endure(name, own, lasting=lasting, whole=False)


@pytest.mark.soak
@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("name", ACTIONS)
def test_every_fault_at_every_request(own: Place, name: str, lasting: bool) -> None:
    endure(name, own, lasting=lasting, whole=True)


@pytest.mark.server
@pytest.mark.soak
@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("name", ACTIONS)
@pytest.mark.parametrize("server", ["minio", "ceph", "moto", "azurite"])
def test_every_fault_at_every_request_to_a_server(server: str, name: str, lasting: bool) -> None:
    endure(name, place(server), lasting=lasting, whole=True)


@pytest.mark.server
@pytest.mark.parametrize("server", ["minio", "azurite"])
def test_a_fault_at_every_request_of_a_commit(server: str) -> None:
    endure("commit", place(server), lasting=False, whole=False)
