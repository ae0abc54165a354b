"""Manifests fetched ahead: which, how many, and that they are in the cache when they are needed."""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import zarr

import frazil
from frazil import ManifestConfig, ManifestPreloadCondition, ManifestPreloadConfig, ManifestSplittingConfig
from frazil.config import ManifestSplitCondition, ManifestSplitDimCondition
from frazil.config.effective import EffectivePreload
from frazil.format.ids import format_id
from frazil.open_repository.preload import plan
from tests.contract.object_server import ObjectServer
from tests.contract.served_storage import s3_storage_at

EVERYTHING = ManifestPreloadCondition.true()
AMPLE = 10**6

# Path -> number of references.
ARRAYS = {"time": 4, "lat": 3, "data": 6, "g/time": 5, "g/temperature": 2}


@pytest.fixture
def server() -> Iterator[ObjectServer]:
    with ObjectServer("s3") as server:
        yield server


@pytest.fixture
def storage(server: ObjectServer) -> frazil.Storage:
    """Holds a repository with ``ARRAYS``, each with one manifest, but two for `data`."""
    storage = s3_storage_at(server.url)
    halves = {ManifestSplitCondition.name_matches("^data$"): {ManifestSplitDimCondition.Any(): 3}}
    splitting = ManifestSplittingConfig.from_dict(halves)
    repo = frazil.Repository.create(storage, frazil.RepositoryConfig(manifest=ManifestConfig(splitting=splitting)))
    with repo.transaction("main", message="arrays") as store:
        for path, refs in ARRAYS.items():
            zarr.create_array(store, name=path, shape=(refs,), chunks=(1,), dtype="i4")[:] = np.arange(1, refs + 1)
    return storage


def preloading(**settings: Any) -> frazil.RepositoryConfig:
    return frazil.RepositoryConfig(manifest=ManifestConfig(preload=ManifestPreloadConfig(**settings)))


def manifests_of(storage: frazil.Storage) -> dict[str, list[str]]:
    """Array path -> ids of its manifests."""
    repo = frazil.Repository.open(storage, preloading(preload_if=ManifestPreloadCondition.false()))
    nodes = repo.inspect_snapshot(repo.lookup_branch("main"))["nodes"]
    return {node["path"]: [m["id"] for m in node["manifest_refs"]] for node in nodes if node["node_type"] == "array"}


def fetched(server: ObjectServer) -> set[str]:
    """The ids of the manifests that the server was asked for."""
    return {request.key.rpartition("/")[2] for request in list(server.requests) if "/manifests/" in request.key}


def wait_until_fetched(server: ObjectServer, ids: set[str]) -> None:
    for _ in range(1200):
        if ids <= fetched(server):
            return
        time.sleep(0.05)
    pytest.fail(f"{ids - fetched(server)} were not fetched")


def values(session: frazil.Session, path: str) -> list[int]:
    found: list[int] = np.asarray(zarr.open_array(session.store, path=path, mode="r")[:]).tolist()
    return found


# ---- which -----------------------------------------------------------------------------------------------------------

NAMES = ManifestPreloadCondition.name_matches


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "/g/time /lat /time"),
        ({"preload_if": EVERYTHING}, "/data /data /g/temperature /g/time /lat /time"),
        ({"preload_if": NAMES("^t")}, "/g/temperature /g/time /time"),
        ({"preload_if": ManifestPreloadCondition.path_matches("^/time")}, "/time"),
        ({"preload_if": ManifestPreloadCondition.num_refs(3, 5)}, "/data /data /lat /time"),
        ({"preload_if": NAMES("time") & ManifestPreloadCondition.num_refs(None, 5)}, "/time"),
        ({"preload_if": NAMES("time") | NAMES("lat")}, "/g/time /lat /time"),
        # In the order of the paths: 3 and 3, then 2; 5 is too many, 3 too, and so is 4.
        ({"preload_if": EVERYTHING, "max_total_refs": 9}, "/data /data /g/temperature"),
        # One that is too large does not keep smaller ones behind it out.
        ({"preload_if": EVERYTHING, "max_total_refs": 2}, "/g/temperature"),
        ({"preload_if": EVERYTHING, "max_arrays_to_scan": 2}, "/data /data /g/temperature"),
        ({"preload_if": NAMES("time"), "max_arrays_to_scan": 2}, ""),
        ({"preload_if": EVERYTHING, "max_arrays_to_scan": 0}, ""),
        ({"preload_if": ManifestPreloadCondition.false()}, ""),
        ({"max_total_refs": 0}, ""),
    ],
)
def test_conditions_and_limits(storage: frazil.Storage, settings: dict[str, Any], expected: str) -> None:
    repo = frazil.Repository.open(storage, preloading(preload_if=ManifestPreloadCondition.false()))
    base = repo.readonly_session("main")._session.tree.base
    owner = {manifest: path for path, ids in manifests_of(storage).items() for manifest in ids}
    planned = plan(base, EffectivePreload(**settings), room=AMPLE)
    assert " ".join(sorted(owner[format_id(manifest)] for manifest, _ in planned)) == expected


def test_no_more_than_the_cache_holds(storage: frazil.Storage) -> None:
    repo = frazil.Repository.open(storage, preloading(preload_if=ManifestPreloadCondition.false()))
    base = repo.readonly_session("main")._session.tree.base
    wanted = EffectivePreload(preload_if=EVERYTHING)
    assert len(plan(base, wanted, room=6)) == 2
    assert plan(base, wanted, room=0) == []


# ---- and that it happens ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["readonly", "writable", "rearrange"])
def test_a_session_that_opens_has_them_fetched(storage: frazil.Storage, server: ObjectServer, mode: str) -> None:
    manifests = manifests_of(storage)
    coordinates = {*manifests["/time"], *manifests["/lat"], *manifests["/g/time"]}
    repo = frazil.Repository.open(storage)
    server.requests.clear()
    session = getattr(repo, f"{mode}_session")("main")
    wait_until_fetched(server, coordinates)
    assert fetched(server) == coordinates
    server.requests.clear()
    assert values(session, "time") == [1, 2, 3, 4]
    assert fetched(server) == set()
    assert values(session, "data") == [1, 2, 3, 4, 5, 6]
    assert fetched(server) == set(manifests["/data"])


async def test_coroutines_have_them_fetched_too(storage: frazil.Storage, server: ObjectServer) -> None:
    time_manifest = set(manifests_of(storage)["/time"])
    repo = await frazil.Repository.open_async(storage)
    server.requests.clear()
    await repo.readonly_session_async("main")
    wait_until_fetched(server, time_manifest)


def test_a_second_session_on_the_same_snapshot_asks_for_nothing(storage: frazil.Storage, server: ObjectServer) -> None:
    repo = frazil.Repository.open(storage, preloading(preload_if=EVERYTHING))
    everything = {manifest for ids in manifests_of(storage).values() for manifest in ids}
    server.requests.clear()
    repo.readonly_session("main")
    wait_until_fetched(server, everything)
    server.requests.clear()
    session = repo.readonly_session("main")
    for path in ARRAYS:
        values(session, path)
    assert fetched(server) == set()


def test_a_commit_of_our_own_leaves_nothing_to_fetch(storage: frazil.Storage, server: ObjectServer) -> None:
    repo = frazil.Repository.open(storage, preloading(preload_if=EVERYTHING))
    everything = {manifest for ids in manifests_of(storage).values() for manifest in ids}
    session = repo.writable_session("main")
    wait_until_fetched(server, everything)
    zarr.open_array(session.store, path="time", mode="r+")[0] = 9
    session.commit("ours")
    assert len(repo._state.context.preloaded) == 2  # so that nothing is looked for when the next session opens
    server.requests.clear()
    session = repo.writable_session("main")
    assert [len(values(session, path)) for path in ARRAYS] == list(ARRAYS.values())
    assert not {request.key for request in server.requests if "/manifests/" in request.key and request.method == "GET"}
    assert len(repo._state.context.preloaded) == 2


@pytest.mark.parametrize(
    "settings",
    [{"preload_if": ManifestPreloadCondition.false()}, {"max_total_refs": 0}, {"max_arrays_to_scan": 0}],
)
def test_it_can_be_turned_off(storage: frazil.Storage, server: ObjectServer, settings: dict[str, Any]) -> None:
    time_manifest = set(manifests_of(storage)["/time"])
    repo = frazil.Repository.open(storage, preloading(**settings))
    server.requests.clear()
    session = repo.readonly_session("main")
    assert list(repo._state.context.preloaded) == []
    values(session, "time")
    assert fetched(server) == time_manifest


def test_manifests_that_are_missing_fail_no_session(storage: frazil.Storage, server: ObjectServer) -> None:
    gone = manifests_of(storage)
    for key in [key for key in server.objects if "/manifests/" in key]:
        del server.objects[key]
    repo = frazil.Repository.open(storage)
    server.requests.clear()
    session = repo.writable_session("main")
    wait_until_fetched(server, {gone["/time"][0]})
    zarr.create_array(session.store, name="new", shape=(1,), dtype="i4")[:] = 1
    session.commit("goes on")
    with pytest.raises(frazil.StorageError, match="object not found"):
        values(repo.readonly_session("main"), "time")
