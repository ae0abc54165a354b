"""What reaches the storage, what is kept in caches, and upkeep, as callers see them."""

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

import frazil
from frazil import (
    CachingConfig,
    CompressionConfig,
    IcechunkError,
    ManifestConfig,
    ManifestSplittingConfig,
    ReadOnlyError,
    Repository,
    RepositoryConfig,
)
from frazil.config import ManifestSplitCondition, ManifestSplitDimCondition
from tests.contract.object_server import Fault, ObjectServer, Request
from tests.contract.served_storage import s3_storage_at


@pytest.fixture
def server() -> Iterator[ObjectServer]:
    with ObjectServer("s3") as server:
        yield server


def settings_of_one_try() -> frazil.StorageSettings:
    return frazil.StorageSettings(retries=frazil.StorageRetriesSettings(max_tries=1))


# ---- requests --------------------------------------------------------------------------------------------------------


def test_headers_of_writes_are_stored_and_travel(server: ObjectServer) -> None:
    repo = Repository.create(
        s3_storage_at(server.url, write_headers={"x-amz-meta-owner": "me"}, read_headers={"x-read": "1"})
    )
    pickle.loads(pickle.dumps(repo)).writable_session("main").commit("travelled", allow_empty=True)
    assert server.objects
    assert {made.metadata.get("x-amz-meta-owner") for made in server.objects.values()} == {"me"}
    for request in server.requests:
        assert ("x-read" in request.headers) == (request.method in ("GET", "HEAD"))


def test_requests_say_who_is_asking_wherever_the_repository_goes(server: ObjectServer) -> None:
    attribution = frazil.Attribution(client="tool/1.0", workload="nightly", principal="ann")
    repo = Repository.create(s3_storage_at(server.url), attribution=attribution)
    agents = set()
    for other in (repo, pickle.loads(pickle.dumps(repo)), repo.reopen()):
        server.requests.clear()
        pickle.loads(pickle.dumps(other.readonly_session("main"))).store.session.status()
        assert server.requests
        agents |= {request.headers["user-agent"] for request in server.requests}
    (agent,) = agents
    assert agent.startswith(f"tool/1.0 frazil/{frazil.__version__} (")
    assert "workload=nightly" in agent
    assert "principal=ann" in agent


@pytest.mark.parametrize("spec_version", [1, 2])
def test_repositories_whose_keys_begin_with_a_slash(server: ObjectServer, spec_version: int) -> None:
    """As old writers made them at the root of a bucket; beside a repository whose keys do not."""
    made = Repository.create(s3_storage_at(server.url), spec_version=spec_version)
    with made.transaction("main", message="0") as store:
        array = zarr.create_array(store, name="a", shape=(2, 1000), chunks=(1, 1000), dtype="i8", compressors=None)
        array[:] = 5
    old = {key: found for key, found in server.objects.items() if key.startswith("/bucket/p/")}
    server.objects.update({key.replace("/bucket/p/", "/bucket//", 1): found for key, found in old.items()})

    storage = s3_storage_at(server.url, prefix="", legacy_rooted_keys=True)
    server.requests.clear()
    repo = Repository.open(storage)
    start = repo.lookup_branch("main")
    with repo.transaction("main", message="1") as store:
        zarr.open_array(store, path="a")[:] = 1
    repo.create_tag("t", start)
    repo.create_branch("dev.é", repo.lookup_branch("main"))
    repo.delete_branch("dev.é")
    repo.reset_branch("main", start)
    collected = repo.garbage_collect(datetime(2100, 1, 1, tzinfo=UTC))
    assert (collected.snapshots_deleted, collected.chunks_deleted) == (1, 2)
    assert repo.list_branches() == {"main"}
    assert zarr.open_array(repo.readonly_session(tag="t").store, path="a", mode="r")[1, 7] == 5
    keys = {key for key, _ in storage.list_objects()}
    assert {f"/bucket//{key}" for key in keys} | old.keys() == server.objects.keys()
    assert {key for key, _ in storage.list_objects(prefix="snapshots")} == {
        key.removeprefix("snapshots/") for key in keys if key.startswith("snapshots/")
    }
    assert all(request.key.startswith("/bucket//") for request in server.requests if "list-type" not in request.query)
    assert {key: found for key, found in server.objects.items() if key in old} == old


def test_rooted_keys_need_an_empty_prefix(server: ObjectServer) -> None:
    with pytest.raises((IcechunkError, ValueError), match="empty prefix"):
        Repository.create(s3_storage_at(server.url, prefix="p", legacy_rooted_keys=True))


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_is_not_the_stores_is_told(server: ObjectServer, hours: int) -> None:
    repo = Repository.create(s3_storage_at(server.url))
    tip = repo.lookup_branch("main")
    server.clock_ahead = 3600 * hours
    with pytest.raises(frazil.FormatError, match=r"verify if the machine clock has drifted.* 3[56]\d\d s") as caught:
        repo.writable_session("main").commit("out of time", allow_empty=True)
    assert caught.value.kind == "snapshot-timestamp"
    assert Repository.open(s3_storage_at(server.url)).lookup_branch("main") == tip
    server.clock_ahead = 300 * hours
    repo.writable_session("main").commit("in time", allow_empty=True)


@pytest.mark.parametrize("spec_version", [1, 2])
def test_who_may_not_list_sees_the_refs_of_spec_2(server: ObjectServer, spec_version: int) -> None:
    Repository.create(s3_storage_at(server.url), spec_version=spec_version).create_tag("t", "1CECHNKREP0F1RSTCMT0")

    def denied(request: Request) -> Fault | None:
        listing = "list-type" in request.query
        return Fault(status=403, body=b"<Error><Code>AccessDenied</Code></Error>") if listing else None

    server.fault = denied
    repo = Repository.open(s3_storage_at(server.url), RepositoryConfig(storage=settings_of_one_try()))
    if spec_version == 1:
        with pytest.raises(IcechunkError, match="AccessDenied"):
            repo.list_branches()
    else:
        assert (repo.list_branches(), repo.list_tags()) == ({"main"}, {"t"})


def test_what_was_damaged_is_named_with_the_way_there(tmp_path: Path) -> None:
    config = RepositoryConfig(inline_chunk_threshold_bytes=0)
    repo = Repository.create(frazil.local_filesystem_storage(tmp_path / "repo"), config)
    with repo.transaction("main", message="a") as store:
        zarr.create_array(store, name="a", shape=(1,), dtype="i4")[:] = 1
    (manifest,) = (tmp_path / "repo" / "manifests").iterdir()
    manifest.write_bytes(b"nonsense")
    again = Repository.open(frazil.local_filesystem_storage(tmp_path / "repo"))
    with pytest.raises(IcechunkError, match=r"(?s)fetch_manifest.*get"):
        zarr.open_array(again.readonly_session("main").store, path="a", mode="r")[:]


# ---- configuration ---------------------------------------------------------------------------------------------------

SCALARS: list[dict[str, Any]] = [
    {"inline_chunk_threshold_bytes": 5},
    {"get_partial_values_concurrency": 6},
    {"max_concurrent_requests": 7},
    {"max_concurrent_decodes": 8},
    {"num_updates_per_repo_info_file": 9},
    {"compression": CompressionConfig(level=2)},
    {"caching": CachingConfig(1, 2, 3, 4, 5)},
    {"manifest": ManifestConfig(max_concurrent_manifest_fetches_during_commit=3)},
    {"manifest": ManifestConfig(preload=frazil.ManifestPreloadConfig(max_total_refs=4))},
    {"repo_update_retries": frazil.config.RepoUpdateRetryConfig(frazil.StorageRetriesSettings(3, 4, 5))},
    {"storage": frazil.StorageSettings(storage_class="STANDARD", unsafe_use_metadata=False)},
]


@pytest.mark.parametrize("spec_version", [1, 2])
@pytest.mark.parametrize("fields", SCALARS, ids=lambda fields: next(iter(fields)))
def test_every_setting_is_stored(fields: dict[str, Any], spec_version: int) -> None:
    storage = frazil.in_memory_storage()
    Repository.create(storage, spec_version=spec_version)
    repo = Repository.open(storage, RepositoryConfig(**fields))
    repo.save_config()
    fetched = Repository.fetch_config(storage)
    assert fetched == repo.config
    assert fetched is not None
    # What was set stays, whatever the backend adds beside it.
    assert fetched.merge(RepositoryConfig(**fields)) == fetched
    assert Repository.open(storage).config == repo.config
    assert repo.readonly_session("main").store.session.config == repo.config


def test_a_configuration_with_the_storage_s_own_settings_is_the_effective_one() -> None:
    storage = frazil.in_memory_storage()
    config = RepositoryConfig(inline_chunk_threshold_bytes=5, storage=storage.default_settings())
    repo = Repository.create(storage, config)
    assert repo.config == config == Repository.fetch_config(storage)


def test_cleared_containers_stay_cleared() -> None:
    config = RepositoryConfig()
    config.set_virtual_chunk_container(frazil.VirtualChunkContainer("http://a/", frazil.http_store({"timeout": "5s"})))
    storage = frazil.in_memory_storage()
    repo = Repository.create(storage, config)
    fetched = Repository.fetch_config(storage)
    assert fetched is not None
    container = fetched.get_virtual_chunk_container("http://a/")
    assert container is not None
    assert container.store == frazil.http_store({"timeout": "5s"})
    cleared = repo.config
    cleared.clear_virtual_chunk_containers()
    assert repo.reopen(cleared).config.virtual_chunk_containers == {}


# ---- manifests -------------------------------------------------------------------------------------------------------


def split(rules: list[tuple[ManifestSplitCondition, list[tuple[ManifestSplitDimCondition, int]]]]) -> RepositoryConfig:
    sizes = ManifestSplittingConfig.from_dict({condition: dict(dims) for condition, dims in rules})
    return RepositoryConfig(inline_chunk_threshold_bytes=0, manifest=ManifestConfig(splitting=sizes))


ANY, AXIS, NAMED = (
    ManifestSplitDimCondition.Any(),
    ManifestSplitDimCondition.Axis,
    ManifestSplitDimCondition.DimensionName,
)
EVERY = ManifestSplitCondition.AnyArray()


@pytest.mark.parametrize(
    ("dims", "expected"),
    [
        ([(ANY, 2)], 4 * 3),
        ([(AXIS(0), 3)], 3),
        ([(NAMED("^x$"), 2)], 3),
        ([(NAMED("^x$"), 2), (ANY, 4)], 2 * 3),
        ([(ANY, 4), (AXIS(1), 2)], 2 * 2),  # the first that matches wins, in the order of the dictionary
        ([(ANY, 100)], 1),
    ],
)
def test_arrays_are_split_as_the_first_rule_says(dims: list[Any], expected: int) -> None:
    config = split([(ManifestSplitCondition.name_matches("^a$"), dims), (EVERY, [(ANY, 100)])])
    repo = Repository.create(frazil.in_memory_storage(), config)
    with repo.transaction("main", message="a") as store:
        array = zarr.create_array(
            store, name="a", shape=(8, 6), chunks=(1, 1), dtype="i1", dimension_names=["t", "x"], compressors=None
        )
        array[:] = 1
        zarr.create_array(store, name="b", shape=(8,), chunks=(1,), dtype="i1")[:] = 1
    files = repo.list_manifest_files(repo.lookup_branch("main"))
    assert len(files) == expected + 1  # one manifest never holds two arrays
    assert sum(file.num_chunk_refs for file in files) == 48 + 8


def test_a_commit_rewrites_only_the_manifests_that_it_changes() -> None:
    repo = Repository.create(frazil.in_memory_storage(), split([(EVERY, [(AXIS(0), 4)])]))
    with repo.transaction("main", message="ten") as store:
        zarr.create_array(store, name="a", shape=(10,), chunks=(1,), dtype="i1")[:] = 1

    def files() -> set[str]:
        return {file.id for file in repo.list_manifest_files(repo.lookup_branch("main"))}

    before = files()
    assert len(before) == 3
    with repo.transaction("main", message="grow to 14") as store:
        array = zarr.open_array(store, path="a", mode="r+")
        array.resize((14,))
        array[10:] = 2
    assert len(files()) == 4
    assert len(files() & before) == 2  # the last one was partial
    before = files()
    with repo.transaction("main", message="one chunk") as store:
        zarr.open_array(store, path="a", mode="r+")[5] = 3
    assert len(files()) == 4
    assert len(files() & before) == 3
    read = np.asarray(zarr.open_array(repo.readonly_session("main").store, path="a", mode="r")[:])
    assert read.tolist() == [1] * 5 + [3] + [1] * 4 + [2] * 4


CACHE_SCRIPT = """
import frazil, zarr
caching = frazil.CachingConfig(num_chunk_refs=0, num_snapshot_nodes=0)
repo = frazil.Repository.create(frazil.in_memory_storage(), frazil.RepositoryConfig(caching=caching))
with repo.transaction("main", message="two arrays") as store:
    for name in "ab":
        zarr.create_array(store, name=name, shape=(5,), chunks=(1,), dtype="i4")[:] = 1
"""


def test_caches_that_are_too_small_are_warned_of_once() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_LOG")}
    done = subprocess.run(
        [sys.executable, "-c", CACHE_SCRIPT], env=environment, capture_output=True, text=True, check=True
    )
    lines = [line for line in done.stderr.splitlines() if "WARN" in line]
    assert len(lines) == 2, done.stderr
    manifest, snapshot = sorted(lines, key=lambda line: "nodes" in line)
    assert "5 chunk references" in manifest
    assert "keep 0 references" in manifest
    assert "3 nodes" in snapshot
    assert "keep 0 nodes" in snapshot


def test_long_inline_chunks_count_as_many_references(caplog: pytest.LogCaptureFixture) -> None:
    caching = frazil.CachingConfig(num_chunk_refs=100)
    config = RepositoryConfig(caching=caching, inline_chunk_threshold_bytes=20_000)
    for length, fits in [(1_000, True), (10_000, False)]:
        caplog.clear()
        with Repository.create(frazil.in_memory_storage(), config).transaction("main", message="five") as store:
            zarr.create_array(
                store, name="a", shape=(5, length), chunks=(1, length), dtype="i1", compressors=None, fill_value=0
            )[:] = 1
        assert ("A manifest with 5 chunk references" in caplog.text) != fits


@pytest.mark.parametrize(("directive", "says"), [("debug", True), (None, False), ("warn", False)])
def test_creating_says_so_only_where_that_is_asked_for(directive: str | None, says: bool) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_LOG")}
    if directive is not None:
        environment["FRAZIL_LOG"] = directive
    script = "import frazil; frazil.Repository.create(frazil.in_memory_storage())"
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert ("Creating Repository" in done.stderr) == says
    assert says or done.stderr == ""


# ---- status, upkeep, display -----------------------------------------------------------------------------------------


def test_a_repository_that_is_set_read_only_refuses_every_write() -> None:
    repo = Repository.create(frazil.in_memory_storage())
    tip = repo.writable_session("main").commit("x", allow_empty=True)
    opened = repo.writable_session("main")
    repo.create_tag("t", tip)
    reason = "moving house"
    repo.set_status(frazil.RepoStatus(frazil.RepoAvailability.read_only, limited_availability_reason=reason))
    now = repo.lookup_snapshot(tip).written_at
    writes: list[Any] = [
        lambda: repo.writable_session("main"),
        lambda: repo.rearrange_session("main"),
        lambda: opened.commit("x", allow_empty=True),
        lambda: opened.amend("x", allow_empty=True),
        lambda: opened.flush("x"),
        lambda: repo.create_branch("b", tip),
        lambda: repo.delete_branch("b"),
        lambda: repo.reset_branch("main", tip),
        lambda: repo.create_tag("t2", tip),
        lambda: repo.delete_tag("t"),
        lambda: repo.set_metadata({}),
        lambda: repo.update_metadata({}),
        lambda: repo.set_feature_flag("move_node", False),
        lambda: repo.save_config(),
        lambda: repo.expire_snapshots(now),
        lambda: repo.garbage_collect(now),
        lambda: repo.garbage_collect(now, dry_run=True),
        lambda: repo.rewrite_manifests("x", branch="main"),
    ]
    for write in writes:
        with pytest.raises(ReadOnlyError, match=rf"repository status is read-only.*{reason}") as refused:
            write()
        assert refused.value.kind == "read-only-repository"
    assert repo.readonly_session("main").snapshot_id == tip
    repo.set_status(frazil.RepoStatus(frazil.RepoAvailability.online))
    repo.writable_session("main").commit("again", allow_empty=True)


def test_a_summary_of_a_collection_names_all_its_parts() -> None:
    repo = Repository.create(frazil.in_memory_storage())
    summary = repo.garbage_collect(repo.lookup_snapshot("1CECHNKREP0F1RSTCMT0").written_at)
    names = [
        "bytes_deleted",
        "chunks_deleted",
        "manifests_deleted",
        "snapshots_deleted",
        "attributes_deleted",
        "transaction_logs_deleted",
        "objects_failed_to_delete",
        "throttled_batches",
        "delete_errors",
        "skipped_phases",
    ]
    for shown in (repr(summary), summary._repr_html_()):
        assert [name for name in names if name not in shown] == []


def test_a_session_shows_what_it_is() -> None:
    repo = Repository.create(frazil.in_memory_storage())
    read_only, writable = repr(repo.readonly_session("main")), repr(repo.writable_session("main"))
    for shown in (read_only, writable):
        assert shown.startswith("<frazil.session.Session>\nread_only: ")
        assert "snapshot_id: 1CECHNKREP0F1RSTCMT0\n" in shown
    assert "branch: main\nhas_uncommitted_changes: False\n" in writable
    assert "branch" not in read_only


def test_expired_and_collected_histories_keep_what_is_reachable(tmp_path: Path) -> None:
    storage = frazil.local_filesystem_storage(tmp_path / "repo")
    repo = Repository.create(storage, RepositoryConfig(inline_chunk_threshold_bytes=0))
    for number in range(6):
        with repo.transaction("main", message=str(number)) as store:
            zarr.create_array(store, name="a", shape=(2,), chunks=(1,), dtype="i4", overwrite=True)[:] = number + 1
    newest = next(iter(repo.ancestry(branch="main")))
    expired = repo.expire_snapshots(newest.written_at)
    assert len(expired) == 5
    later = newest.written_at.replace(year=newest.written_at.year + 1)
    dry, summary = (repo.garbage_collect(later, dry_run=dry) for dry in (True, False))
    for found in (dry, summary):
        assert (found.snapshots_deleted, found.manifests_deleted, found.chunks_deleted) == (5, 5, 10)
        assert found.transaction_logs_deleted == 0  # the survivor's difference to the root needs them
    assert {path.name for path in (tmp_path / "repo" / "snapshots").iterdir()} == {newest.id, "1CECHNKREP0F1RSTCMT0"}
    read = zarr.open_array(repo.readonly_session("main").store, path="a", mode="r")[:]
    assert np.asarray(read).tolist() == [6, 6]


# ---- many writers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec_version", [1, 2])
def test_threads_that_commit_with_a_solver_all_land(spec_version: int) -> None:
    repo = Repository.create(frazil.in_memory_storage(), spec_version=spec_version)
    writers = 4
    with repo.transaction("main", message="start") as store:
        zarr.create_array(store, name="a", shape=(writers * 5,), chunks=(1,), dtype="i4")
    failures: list[BaseException] = []

    def write(writer: int) -> None:
        try:
            for turn in range(5):
                session = repo.writable_session("main")
                zarr.open_array(session.store, path="a", mode="r+")[writer * 5 + turn] = 1
                session.commit(f"{writer} {turn}", rebase_with=frazil.ConflictDetector())
        except BaseException as failure:  # noqa: BLE001 - raised in the main thread
            failures.append(failure)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert np.asarray(zarr.open_array(repo.readonly_session("main").store, path="a", mode="r")[:]).all()
    assert len(list(repo.ancestry(branch="main"))) == 2 + writers * 5
