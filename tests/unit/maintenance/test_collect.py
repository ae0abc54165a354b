"""Garbage collection of real repositories in directories, where the age of a file can be set."""

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import zarr

import frazil
from frazil.clock import from_datetime
from frazil.format.ids import parse_snapshot_id
from frazil.history.v2 import HistoryV2
from frazil.maintenance.collect import garbage_collect
from frazil.maintenance.sweep import SweepLimits

FUTURE = datetime(2100, 1, 1, tzinfo=UTC)
KINDS = ("snapshots", "transactions", "manifests", "chunks")


@pytest.fixture
def place(tmp_path):
    return tmp_path / "repo"


@pytest.fixture(params=[1, 2])
def repo(request, place):
    return a_repository(place, request.param)


@pytest.fixture
def repo_v2(place):
    return a_repository(place, 2)


def a_repository(place, spec_version, **options):
    """Chunks of 800 bytes, so that they are objects of their own."""
    storage = frazil.local_filesystem_storage(str(place))
    repo = frazil.Repository.create(storage, spec_version=spec_version, **options)
    session = repo.writable_session("main")
    zarr.create_array(session.store, name="a", shape=(400,), chunks=(100,), dtype="i8", compressors=None)[:] = 1
    session.commit("first")
    return repo


def write(repo, value, branch="main", chunk=0):
    session = repo.writable_session(branch)
    zarr.open_array(session.store, path="a")[chunk * 100 : chunk * 100 + 100] = value
    return session


def values(repo, **version):
    array = zarr.open_array(repo.readonly_session(**version).store, path="a", mode="r")
    return np.asarray(array[::100]).tolist()


def files(place: Path) -> set[str]:
    return {str(file.relative_to(place)) for kind in KINDS for file in (place / kind).glob("*")}


def make_old(place: Path, names: set[str]) -> None:
    for name in names:
        os.utime(place / name, (1_000_000_000.5, 1_000_000_000.5))


def collect(repo, older_than=FUTURE, **options):
    state = repo._repository
    return garbage_collect(state.context, state.history, from_datetime(older_than), **options)


# ---- what goes and what stays ----------------------------------------------------------------------------------------


def test_nothing_goes_while_refs_lead_to_everything(repo, place):
    write(repo, 2).commit("second")
    before = files(place)
    assert repo.garbage_collect(FUTURE) == frazil.GCSummary()
    assert files(place) == before


def test_what_a_reset_left_behind_goes_file_by_file(repo, place):
    first = repo.lookup_branch("main")
    before = files(place)
    write(repo, 2).commit("second")
    lost = files(place) - before
    sizes = sum((place / name).stat().st_size for name in lost)
    repo.reset_branch("main", first)

    summary = repo.garbage_collect(FUTURE)

    assert files(place) == before
    assert (summary.snapshots_deleted, summary.transaction_logs_deleted) == (1, 1)
    assert (summary.manifests_deleted, summary.chunks_deleted) == (1, 1)
    assert summary.bytes_deleted == sizes
    assert values(repo, branch="main") == [1, 1, 1, 1]


def test_a_tag_keeps_what_a_branch_no_longer_has(repo, place):
    first = repo.lookup_branch("main")
    second = write(repo, 2).commit("second")
    repo.create_tag("kept", second)
    repo.reset_branch("main", first)

    assert repo.garbage_collect(FUTURE) == frazil.GCSummary()
    assert values(repo, tag="kept") == [2, 1, 1, 1]


def test_chunks_of_sessions_that_never_committed_go(repo, place):
    before = files(place)
    write(repo, 2)
    assert len(files(place) - before) == 1
    assert repo.garbage_collect(FUTURE).chunks_deleted == 1
    assert files(place) == before


def test_extra_roots_are_kept_like_branches(repo, place):
    first = repo.lookup_branch("main")
    second = write(repo, 2).commit("second")
    repo.reset_branch("main", first)
    before = files(place)

    assert collect(repo, extra_roots=[parse_snapshot_id(second)]) == frazil.GCSummary()
    assert files(place) == before


def test_files_that_are_not_older_stay_whatever_leads_to_them(repo, place):
    first = repo.lookup_branch("main")
    write(repo, 2).commit("second")
    repo.reset_branch("main", first)
    before = files(place)

    summary = repo.garbage_collect(datetime.now(UTC) - timedelta(minutes=1))

    assert summary == frazil.GCSummary()
    assert files(place) == before


def test_a_dry_run_counts_and_touches_nothing(repo, place):
    first = repo.lookup_branch("main")
    write(repo, 2).commit("second")
    repo.reset_branch("main", first)
    before = {file: file.read_bytes() for file in place.rglob("*") if file.is_file()}

    told = repo.garbage_collect(FUTURE, dry_run=True)

    assert {file: file.read_bytes() for file in place.rglob("*") if file.is_file()} == before
    assert told == repo.garbage_collect(FUTURE)
    assert told.chunks_deleted == 1


def test_what_is_not_named_by_an_id_is_somebody_elses(repo, place):
    for kind in KINDS:
        (place / kind).mkdir(exist_ok=True)
        (place / kind / "README").write_text("mine")
    (place / "overwritten").mkdir(exist_ok=True)
    (place / "overwritten" / "old").write_text("mine")
    repo.garbage_collect(FUTURE)
    assert all((place / kind / "README").exists() for kind in (*KINDS,))
    assert (place / "overwritten" / "old").exists()


def test_a_small_memory_limit_changes_nothing(repo, place):
    first = repo.lookup_branch("main")
    for number in range(5):
        write(repo, number, chunk=number % 4).commit(f"commit {number}")
    repo.create_tag("kept", repo.lookup_branch("main"))
    repo.reset_branch("main", first)
    write(repo, 9).commit("other")
    repo.reset_branch("main", first)

    summary = repo.garbage_collect(
        FUTURE,
        max_snapshots_in_memory=1,
        max_compressed_manifest_mem_bytes=1,
        max_decoded_manifest_mem_bytes=1,
        max_concurrent_manifest_fetches=1,
        max_concurrent_deletes=1,
    )

    assert (summary.snapshots_deleted, summary.chunks_deleted) == (1, 1)
    assert values(repo, tag="kept") == [4, 1, 2, 3]


def test_old_files_that_killed_writers_left_are_removed(repo, place):
    old, young = place / "chunks" / ".frazil-tmp-old", place / "refs-to-be" / ".frazil-tmp-young"
    foreign = place / "chunks" / "notes.tmp"
    young.parent.mkdir()
    for file in (old, young, foreign):
        file.write_bytes(b"half a chu")
    os.utime(old, (1_000_000_000, 1_000_000_000))
    os.utime(foreign, (1_000_000_000, 1_000_000_000))

    repo.garbage_collect(datetime.now(UTC) - timedelta(days=1), dry_run=True)
    assert old.exists()
    repo.garbage_collect(datetime.now(UTC) - timedelta(days=1))

    assert (old.exists(), young.exists(), foreign.exists()) == (False, True, True)


# ---- the history -----------------------------------------------------------------------------------------------------


def test_collected_snapshots_leave_the_history(repo_v2):
    detached = write(repo_v2, 2).flush("detached")
    repo_v2.lookup_snapshot(detached)

    assert repo_v2.garbage_collect(FUTURE).snapshots_deleted == 1

    with pytest.raises(frazil.SnapshotNotFoundError):
        repo_v2.lookup_snapshot(detached)
    assert next(iter(repo_v2.ops_log())).kind == frazil.UpdateType.GCRan()


def test_a_young_snapshot_is_linked_to_the_nearest_ancestor_that_stays(repo_v2, place):
    first = repo_v2.lookup_branch("main")
    before = files(place)
    old = write(repo_v2, 2, chunk=1).flush("old and detached")
    make_old(place, files(place) - before)
    repo_v2.create_branch("short", old)
    young = write(repo_v2, 3, branch="short", chunk=2).flush("young and detached")
    repo_v2.delete_branch("short")

    repo_v2.garbage_collect(datetime.now(UTC) - timedelta(days=1))

    assert repo_v2.lookup_snapshot(young).parent_id == first
    with pytest.raises(frazil.SnapshotNotFoundError):
        repo_v2.lookup_snapshot(old)
    assert values(repo_v2, snapshot_id=young) == [1, 2, 3, 1]
    # The log of the ancestor that went is still part of the way.
    assert repo_v2.diff(from_snapshot_id=first, to_snapshot_id=young).updated_chunks == {"/a": [[1], [2]]}


def test_logs_of_expired_snapshots_stay_as_long_as_a_descendant_needs_them(repo_v2, place):
    for number in range(4):
        write(repo_v2, number, chunk=number).commit(f"commit {number}")
    root = [entry.id for entry in repo_v2.ancestry(branch="main")][-1]
    before = repo_v2.diff(from_snapshot_id=root, to_branch="main")
    repo_v2.expire_snapshots(FUTURE)

    summary = repo_v2.garbage_collect(FUTURE)

    assert (summary.snapshots_deleted, summary.transaction_logs_deleted) == (4, 0)
    assert repo_v2.diff(from_snapshot_id=root, to_branch="main") == before


def test_spec_1_drops_the_logs_of_expired_snapshots(place):
    repo = a_repository(place, 1)
    for number in range(4):
        write(repo, number, chunk=number).commit(f"commit {number}")
    repo.expire_snapshots(FUTURE)

    summary = frazil.Repository.open(repo.storage).garbage_collect(FUTURE)

    assert (summary.snapshots_deleted, summary.transaction_logs_deleted) == (4, 4)
    assert values(repo, branch="main") == [0, 1, 2, 3]


def test_a_listed_snapshot_without_a_file_goes_by_the_age_that_the_history_gives(repo_v2, place):
    detached = write(repo_v2, 2).flush("detached")
    (place / "snapshots" / detached).unlink()

    with pytest.raises(frazil.StorageError, match=detached):
        repo_v2.garbage_collect(datetime.now(UTC) - timedelta(days=1))
    repo_v2.garbage_collect(FUTURE)

    with pytest.raises(frazil.SnapshotNotFoundError):
        repo_v2.lookup_snapshot(detached)


# ---- writers ---------------------------------------------------------------------------------------------------------


class Raced(HistoryV2):
    """A history in which somebody does something just before each of the first updates."""

    def __init__(self, history: HistoryV2, *races) -> None:
        super().__init__(history.context)
        self._races = list(races)

    def update(self, mutate, *, even_if_read_only=False, ahead=None):
        if self._races:
            self._races.pop(0)()
        return super().update(mutate, even_if_read_only=even_if_read_only, ahead=ahead)


def other_handle(repo):
    return frazil.Repository.open(repo.storage)


def collect_racing(repo, *races, older_than=FUTURE):
    context = repo._repository.context
    history = Raced(repo._repository.history, *races)
    return garbage_collect(context, history, from_datetime(older_than), sleep=lambda _: None)


def test_a_snapshot_that_gets_a_branch_meanwhile_is_kept(repo_v2):
    detached = write(repo_v2, 2).flush("detached")

    summary = collect_racing(repo_v2, lambda: other_handle(repo_v2).create_branch("rescued", detached))

    assert summary == frazil.GCSummary()
    assert values(repo_v2, branch="rescued") == [2, 1, 1, 1]


def test_a_snapshot_that_gets_a_descendant_meanwhile_is_not_taken_from_below_it(repo_v2, place):
    first = repo_v2.lookup_branch("main")
    before = files(place)
    old = write(repo_v2, 2).flush("old and detached")
    make_old(place, files(place) - before)
    repo_v2.create_branch("short", old)
    session = write(repo_v2, 3, branch="short", chunk=1)
    repo_v2.delete_branch("short")
    young = []

    summary = collect_racing(
        repo_v2,
        lambda: young.append(session.flush("young and detached")),
        older_than=datetime.now(UTC) - timedelta(days=1),
    )

    assert summary.snapshots_deleted == 1
    assert summary.chunks_deleted == 0
    assert repo_v2.lookup_snapshot(young[0]).parent_id == first
    assert values(repo_v2, snapshot_id=young[0]) == [2, 3, 1, 1]


def test_a_commit_made_meanwhile_is_kept(repo_v2):
    first = repo_v2.lookup_branch("main")
    write(repo_v2, 2).commit("second")
    repo_v2.reset_branch("main", first)

    summary = collect_racing(repo_v2, lambda: write(other_handle(repo_v2), 3, chunk=1).commit("meanwhile"))

    assert summary.snapshots_deleted == 1
    assert len(list(repo_v2.ancestry(branch="main"))) == 3


def test_a_history_that_never_rests_ends_the_run_with_nothing_deleted(repo_v2, place):
    config = frazil.RepositoryConfig(
        repo_update_retries=frazil.config.RepoUpdateRetryConfig(
            default=frazil.StorageRetriesSettings(max_tries=3, initial_backoff_ms=1, max_backoff_ms=1)
        )
    )
    repo = frazil.Repository.open(repo_v2.storage, config=config)
    detached = [write(repo, number).flush("detached") for number in range(3)]
    before = files(place)
    races = [lambda i=i: other_handle(repo).create_branch(f"rescued-{i}", detached[i]) for i in range(3)]

    with pytest.raises(frazil.ConflictError, match="too many concurrent changes") as failure:
        collect_racing(repo, *races)

    assert failure.value.kind == "update-attempts-exhausted"
    assert files(place) == before


def test_a_repository_that_was_set_read_only_is_left_alone(repo_v2):
    repo_v2.set_status(frazil.RepoStatus(frazil.RepoAvailability.read_only))
    for dry_run in (False, True):
        with pytest.raises(frazil.ReadOnlyError):
            repo_v2.garbage_collect(FUTURE, dry_run=dry_run)


def test_a_chunk_named_by_its_content_that_is_written_again_is_young_again(place):
    repo = a_repository(place, 2, content_derived_chunk_ids=True)
    before = files(place)
    write(repo, 7)
    orphans = files(place) - before
    assert len(orphans) == 1
    make_old(place, orphans)
    session = write(repo, 7, chunk=2)
    assert files(place) - before == orphans

    summary = repo.garbage_collect(datetime.now(UTC) - timedelta(days=1))
    session.commit("the same bytes, elsewhere")

    assert summary.chunks_deleted == 0
    assert values(repo, branch="main") == [1, 1, 7, 1]


# ---- failures --------------------------------------------------------------------------------------------------------


class Refusing:
    """The object store of a repository, but for some keys that it will not delete."""

    def __init__(self, objects, refused: set[str]) -> None:
        self._objects = objects
        self._refused = refused

    def __getattr__(self, name: str):
        return getattr(self._objects, name)

    def delete_many(self, keys: Sequence[str]) -> list[tuple[str, str]]:
        self._objects.delete_many([key for key in keys if key not in self._refused])
        return [(key, "access denied") for key in keys if key in self._refused]

    def delete_unchanged(self, seen: Sequence[tuple[str, int]]) -> tuple[list[tuple[str, str]], list[str]]:
        return self.delete_many([key for key, _ in seen]), []


def collect_refusing(repo, refused, **options):
    context = replace(repo._repository.context, objects=Refusing(repo._repository.context.objects, refused))
    return garbage_collect(context, repo._repository.history, from_datetime(FUTURE), **options)


def test_objects_whose_referrers_could_not_be_deleted_are_left_alone(repo, place):
    first = repo.lookup_branch("main")
    before = files(place)
    second = write(repo, 2).commit("second")
    repo.reset_branch("main", first)
    lost = files(place) - before

    summary = collect_refusing(repo, {f"snapshots/{second}"})

    assert summary.objects_failed_to_delete == 1
    assert "access denied" in summary.delete_errors[0]
    assert summary.skipped_phases == ["transaction_logs", "manifests", "chunks"]
    assert files(place) == before | lost
    repo.garbage_collect(FUTURE)
    assert files(place) == before


def test_a_store_that_deletes_nothing_is_given_up_on(repo, place):
    write(repo, 2)
    chunks = {name for name in files(place) if name.startswith("chunks/")}
    with pytest.raises(frazil.StorageError, match="too many consecutive delete failures under chunks"):
        collect_refusing(repo, chunks, sweeping=SweepLimits(max_consecutive_delete_failures=1))


@pytest.mark.parametrize("kind", ["manifests", "snapshots"])
def test_a_file_of_the_kept_history_that_is_missing_ends_the_run_before_anything_is_deleted(repo, place, kind):
    write(repo, 2)
    lost = next((place / kind).iterdir())
    content = lost.read_bytes()
    lost.unlink()
    before = files(place)
    fresh = other_handle(repo)

    with pytest.raises(frazil.StorageError, match=lost.name):
        fresh.garbage_collect(FUTURE)

    assert files(place) == before
    lost.write_bytes(content[:-20])
    with pytest.raises(frazil.FormatError):
        fresh.garbage_collect(FUTURE)
    assert files(place) == before | {str(lost.relative_to(place))}


@pytest.mark.parametrize("name", ["max_snapshots_in_memory", "max_concurrent_deletes", "max_concurrent_listings"])
def test_a_limit_of_zero_is_refused(repo_v2, name):
    with pytest.raises(ValueError, match="invalid zero value"):
        repo_v2.garbage_collect(FUTURE, **{name: 0})


class StaleAtFirst:
    """Refs that are changed right after they were read for the first time."""

    def __init__(self, history, change):
        self._history, self._change, self._looks = history, change, 0

    def __getattr__(self, name):
        return getattr(self._history, name)

    def tags(self):
        found = self._history.tags()
        self._looks += 1
        if self._looks == 1:
            self._change()
        return found


@pytest.mark.parametrize("ref", ["branch", "tag", "main"])
def test_a_ref_of_spec_1_that_is_set_while_the_history_is_read_keeps_what_it_leads_to(place, ref):
    """Nothing led to it, and it is older than the cut-off; tips that are read once would not show it."""
    repo = a_repository(place, 1)
    start = repo.lookup_branch("main")
    with repo.transaction("main", message="forgotten") as store:
        zarr.open_array(store, path="a", mode="r+")[:] = 77
    forgotten = repo.lookup_branch("main")
    repo.reset_branch("main", start)
    changes = {
        "branch": lambda: frazil.Repository.open(frazil.local_filesystem_storage(str(place))).create_branch(
            "b", forgotten
        ),
        "tag": lambda: frazil.Repository.open(frazil.local_filesystem_storage(str(place))).create_tag("t", forgotten),
        "main": lambda: frazil.Repository.open(frazil.local_filesystem_storage(str(place))).reset_branch(
            "main", forgotten
        ),
    }
    opened = repo._repository
    history = StaleAtFirst(opened.history, changes[ref])
    garbage_collect(opened.context, history, from_datetime(FUTURE))
    session = frazil.Repository.open(frazil.local_filesystem_storage(str(place))).readonly_session(
        snapshot_id=forgotten
    )
    assert set(np.asarray(zarr.open_array(session.store, path="a", mode="r")[:]).ravel().tolist()) == {77}
