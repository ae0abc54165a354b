"""Files that are gone, refused or out of reach when a commit comes to rely on them: it fails, and can be made again."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

import frazil
from frazil.errors import StorageError

CONFIG = frazil.RepositoryConfig(inline_chunk_threshold_bytes=0)


@pytest.fixture(params=[1, 2])
def spec_version(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(params=["durable", "not durable", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> frazil.Storage:
    if request.param == "memory":
        return frazil.in_memory_storage()
    return frazil.local_filesystem_storage(str(tmp_path / "repo"), durable=request.param == "durable")


def a_repository(storage: frazil.Storage, spec_version: int = 2, **options: Any) -> frazil.Repository:
    repo = frazil.Repository.create(storage, CONFIG, spec_version=spec_version, **options)
    with repo.transaction("main", message="0") as store:
        zarr.create_group(store).create_array("a", shape=(32,), chunks=(1,), dtype="i8", compressors=None)[:] = 5
    return repo


def changed(repo: frazil.Repository, value: int) -> frazil.Session:
    """A session that has written a chunk and a pack of chunks."""
    session = repo.writable_session("main")
    write(session, value)
    return session


def write(session: frazil.Session, value: int) -> None:
    array = zarr.open_array(session.store, path="a", mode="r+")
    array[0] = value
    array[1:] = value


def read(repo: frazil.Repository) -> list[int]:
    array = zarr.open_array(repo.readonly_session("main").store, path="a", mode="r")
    return sorted(set(np.asarray(array[:]).tolist()))


def assert_refused_and_mended(repo: frazil.Repository, session: frazil.Session, message: str) -> None:
    tip = repo.lookup_branch("main")
    for _ in range(2):
        with pytest.raises(StorageError, match=message) as caught:
            session.commit("1")
        assert "array=/a" in str(caught.value)
        assert session.has_uncommitted_changes
    assert repo.lookup_branch("main") == tip
    write(session, 1)
    session.commit("1")
    assert read(repo) == [1]


@pytest.mark.parametrize("content_ids", [False, True])
@pytest.mark.parametrize("parts", ["pack", "chunk"])
def test_a_chunk_that_is_gone_makes_the_commit_fail(
    storage: frazil.Storage, spec_version: int, parts: str, *, content_ids: bool
) -> None:
    repo = a_repository(storage, spec_version, content_derived_chunk_ids=content_ids)
    before = {key for key, _ in storage.list_objects(prefix="chunks")}
    session = repo.writable_session("main")
    array = zarr.open_array(session.store, path="a", mode="r+")
    if parts == "pack":
        array[:] = 1
    else:
        array[3] = 1
    new = {key for key, _ in storage.list_objects(prefix="chunks")} - before
    repo._repository.context.objects.delete_many([f"chunks/{key}" for key in new])
    assert_refused_and_mended(repo, session, "is gone")


def test_a_collection_with_a_cut_off_that_is_too_new_makes_the_commit_fail(
    storage: frazil.Storage, spec_version: int
) -> None:
    repo = a_repository(storage, spec_version)
    session = changed(repo, 1)
    later = datetime.now(UTC) + timedelta(seconds=10)
    frazil.Repository.open(storage, CONFIG).garbage_collect(later)
    assert_refused_and_mended(repo, session, "is gone: it was removed, or collected")


def test_another_commit_in_between_changes_nothing(storage: frazil.Storage) -> None:
    """It has put what was written on stable storage, and finds nothing amiss itself."""
    repo = a_repository(storage)
    session = changed(repo, 1)
    repo.create_branch("b", repo.lookup_branch("main"))
    with repo.transaction("b", message="b") as store:
        zarr.open_group(store, mode="r+").attrs["b"] = 1
    repo.garbage_collect(datetime.now(UTC) + timedelta(seconds=10))
    with repo.transaction("b", message="b") as store:
        zarr.open_group(store, mode="r+").attrs["b"] = 2
    assert_refused_and_mended(repo, session, "is gone")


@pytest.mark.parametrize("when", ["before the merge", "after the merge"])
def test_chunks_of_forks_are_asked_for_too(storage: frazil.Storage, when: str) -> None:
    repo = a_repository(storage)
    session = repo.writable_session("main")
    fork = session.fork()
    write(fork, 1)
    later = datetime.now(UTC) + timedelta(seconds=10)
    if when == "before the merge":
        repo.garbage_collect(later)
        with pytest.raises(StorageError, match="is gone"):
            session.merge(fork)
        write(fork, 1)
        session.merge(fork)
    else:
        session.merge(fork)
        repo.garbage_collect(later)
        with pytest.raises(StorageError, match="is gone"):
            session.commit("1")
        write(session, 1)
    session.commit("1")
    assert read(repo) == [1]


def test_a_manifest_of_an_attempt_before_that_is_gone_is_written_again(storage: frazil.Storage) -> None:
    """A rebase uses the manifests again that the attempt before it has stored."""
    repo = a_repository(storage)
    session = changed(repo, 1)
    with repo.transaction("main", message="theirs") as store:
        zarr.create_group(store, path="theirs")
    with pytest.raises(frazil.ConflictError):
        session.commit("1")
    before = {key for key, _ in storage.list_objects(prefix="manifests")}
    referred = {f.id for f in repo.list_manifest_files(repo.lookup_branch("main"))}
    repo._repository.context.objects.delete_many([f"manifests/{key}" for key in before - referred])
    solver = frazil.BasicConflictSolver()
    with pytest.raises(StorageError, match=r"object manifests/.* is gone"):
        session.commit("1", rebase_with=solver)
    session.commit("1", rebase_with=solver)
    assert read(repo) == [1]


def test_a_file_that_cannot_be_opened_is_asked_for_again(tmp_path: Path, spec_version: int) -> None:
    """As with too many open files: nothing is known of what was written, least of all that the disk refused it."""
    storage = frazil.local_filesystem_storage(str(tmp_path))
    repo = a_repository(storage, spec_version)
    before = set((tmp_path / "chunks").iterdir())
    session = changed(repo, 1)
    hidden = {path: path.read_bytes() for path in set((tmp_path / "chunks").iterdir()) - before}
    for path in hidden:
        path.unlink()
        path.symlink_to(path.name)  # which cannot be opened
    for _ in range(2):
        with pytest.raises(StorageError, match="cannot open to sync"):
            session.commit("1")
    for path, data in hidden.items():
        path.unlink()
        path.write_bytes(data)
    session.commit("1")
    assert read(repo) == [1]
    repo.create_tag("t", repo.lookup_branch("main"))


def dated(path: Path, when: int) -> Callable[[], bool]:
    """Give files a time in microseconds; tells whether they are there."""
    os.utime(path, ns=(when * 1000, when * 1000))
    return path.exists


@pytest.mark.parametrize("name", ["chunks/000000000000000000A0", ".frazil-tmp-0", "snapshots/000000000000000000A0"])
def test_the_clock_of_files_lags_behind(tmp_path: Path, spec_version: int, name: str) -> None:
    """What was written after the cut-off may be dated before it, by a tick of the kernel."""
    repo = a_repository(frazil.local_filesystem_storage(str(tmp_path)), spec_version)
    lag = repo._repository.context.objects.time_lag
    assert 0 < lag <= 100_000
    path = tmp_path / name
    cut_off = datetime(2024, 5, 1, 12, 0, 0, 123457, UTC)
    micros = int(cut_off.timestamp()) * 1_000_000 + 123457
    path.write_bytes(b"x")
    exists = dated(path, micros - lag + 1)
    repo.garbage_collect(cut_off)
    assert exists()
    dated(path, micros - lag - 1)
    repo.garbage_collect(cut_off)
    assert not exists()
