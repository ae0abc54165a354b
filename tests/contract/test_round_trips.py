"""The requests of each step of a repository's life on an object store, and which of them are under way together.

The number of waves is the number of round trips that a user waits for.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import zarr

import frazil
from frazil.history.repo_object import update
from tests.contract.object_server import ObjectServer
from tests.contract.served_storage import s3_storage_at
from tests.contract.waves import expect

VALUES = np.random.default_rng(0).integers(0, 255, (4, 20_000), dtype="u1")
FILES = ["PUT manifests/*", "PUT snapshots/*", "PUT transactions/*"]
BACKUP = "PUT overwritten/*"


@pytest.fixture
def server() -> Iterator[ObjectServer]:
    with ObjectServer("s3") as made:
        yield made


def array(session: frazil.Session) -> Any:
    return zarr.open_array(session.store, path="a")


@pytest.fixture
def made(server: ObjectServer) -> frazil.Repository:
    """A repository with an array of four chunks, each an object of its own."""
    repo = frazil.Repository.create(s3_storage_at(server.url))
    session = repo.writable_session("main")
    zarr.create_array(session.store, name="a", shape=VALUES.shape, chunks=(1, 20_000), dtype="u1", compressors=None)
    array(session)[:] = VALUES
    session.commit("first")
    return repo


def open_and_write(server: ObjectServer, row: int) -> frazil.Session:
    """A session that has overwritten one chunk."""
    session = frazil.Repository.open(s3_storage_at(server.url)).writable_session("main")
    array(session)[row] = row
    return session


def nothing_is_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if every session had been opened long ago."""
    monkeypatch.setattr(update, "_FRESH_US", -1)


def test_creating(server: ObjectServer) -> None:
    with expect(
        server,
        ["LIST"],
        ["PUT snapshots/*", "PUT transactions/*"],
        ["PUT? repo", "PUT? snapshots/*"],
        ["HEAD snapshots/*"],
    ):
        frazil.Repository.create(s3_storage_at(server.url))


def test_from_opening_to_the_first_chunk(server: ObjectServer, made: frazil.Repository) -> None:
    with expect(server, ["GET repo"], ["GET? repo", "GET snapshots/*"]):
        opened = array(frazil.Repository.open(s3_storage_at(server.url)).readonly_session("main"))
    with expect(server, ["GET manifests/*"], ["GET chunks/*"]):
        np.testing.assert_array_equal(opened[0], VALUES[0])
    with expect(server, ["GET chunks/*"] * 4):
        np.testing.assert_array_equal(opened[:], VALUES)


def test_manifests_of_coordinates_come_with_the_session(server: ObjectServer, made: frazil.Repository) -> None:
    session = made.writable_session("main")
    zarr.create_array(session.store, name="time", shape=(3,), chunks=(1,), dtype="i4")[:] = [1, 2, 3]
    session.commit("time")
    with expect(server, ["GET repo"], ["GET? repo", "GET snapshots/*"], ["GET manifests/*"]):
        session = frazil.Repository.open(s3_storage_at(server.url)).readonly_session("main")
        assert zarr.open_array(session.store, path="time")[:].tolist() == [1, 2, 3]  # type: ignore[union-attr]


def test_a_repository_without_preloading(server: ObjectServer, made: frazil.Repository) -> None:
    session = made.writable_session("main")
    zarr.create_array(session.store, name="time", shape=(3,), chunks=(1,), dtype="i4")[:] = [1, 2, 3]
    session.commit("time")
    none = frazil.ManifestConfig(preload=frazil.ManifestPreloadConfig(max_total_refs=0))
    with expect(server, ["GET repo"], ["GET? repo", "GET snapshots/*"]):
        frazil.Repository.open(s3_storage_at(server.url), frazil.RepositoryConfig(manifest=none)).readonly_session(
            "main"
        )


def test_spec_1(server: ObjectServer) -> None:
    with expect(
        server,
        ["LIST"],
        ["PUT snapshots/*"],
        ["GET refs/branch.main/ref.json", "PUT? snapshots/*"],
        ["PUT? refs/branch.main/ref.json", "HEAD snapshots/*"],
    ):
        frazil.Repository.create(s3_storage_at(server.url), spec_version=1)
    with expect(
        server,
        ["GET repo"],
        ["HEAD refs/branch.main/ref.json", "GET config.yaml"],
        ["GET refs/branch.main/ref.json"],
        ["GET snapshots/*"],
    ):
        frazil.Repository.open(s3_storage_at(server.url)).readonly_session("main")


def test_a_branch_that_has_moved_since_it_was_looked_at(server: ObjectServer, made: frazil.Repository) -> None:
    other = frazil.Repository.open(s3_storage_at(server.url))
    session = made.writable_session("main")
    array(session)[1] = 1
    session.commit("theirs")
    with expect(server, ["GET? repo", "GET snapshots/*"], ["GET snapshots/*"]):
        assert other.readonly_session("main").snapshot_id == session.snapshot_id


def test_a_commit_soon_after_opening(server: ObjectServer, made: frazil.Repository) -> None:
    session = open_and_write(server, 2)
    with expect(server, ["GET manifests/*", BACKUP], FILES, ["PUT? repo"]):
        session.commit("second")
    np.testing.assert_array_equal(array(made.readonly_session("main"))[2], np.full(20_000, 2))


def test_a_commit_on_a_manifest_that_was_read(server: ObjectServer, made: frazil.Repository) -> None:
    session = frazil.Repository.open(s3_storage_at(server.url)).writable_session("main")
    array(session)[2, :5] = 2  # reads what it does not overwrite
    with expect(server, [*FILES, BACKUP], ["PUT? repo"]):
        session.commit("second")


def test_a_commit_long_after_opening(
    server: ObjectServer, made: frazil.Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = frazil.Repository.open(s3_storage_at(server.url)).writable_session("main")
    array(session)[2, :5] = 2
    nothing_is_fresh(monkeypatch)
    with expect(server, [*FILES, "GET? repo"], [BACKUP], ["PUT? repo"]):
        session.commit("second")


def test_a_commit_of_metadata_alone(server: ObjectServer, made: frazil.Repository) -> None:
    session = made.writable_session("main")
    array(session).attrs["a"] = 1
    with expect(server, ["PUT snapshots/*", "PUT transactions/*", BACKUP], ["PUT? repo"]):
        session.commit("second")


def test_a_commit_that_comes_too_late(
    server: ObjectServer, made: frazil.Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is backed up, and the branch is not written to."""
    late, early = open_and_write(server, 2), open_and_write(server, 3)
    early.commit("early")
    nothing_is_fresh(monkeypatch)
    with (
        expect(server, ["GET manifests/*", "GET? repo"], FILES),
        pytest.raises(frazil.ConflictError),
    ):
        late.commit("late")


def test_a_rebase_and_the_commit_after_it(server: ObjectServer, made: frazil.Repository) -> None:
    late, early = open_and_write(server, 2), open_and_write(server, 3)
    early.commit("early")
    with pytest.raises(frazil.ConflictError):
        late.commit("late")
    with expect(server, ["GET? repo"], ["GET transactions/*", "GET snapshots/*"]):
        late.rebase(frazil.ConflictDetector())
    with expect(server, ["GET manifests/*", BACKUP], FILES, ["PUT? repo"]):
        late.commit("late")


def test_a_rebase_over_other_arrays_stores_no_manifest_again(server: ObjectServer, made: frazil.Repository) -> None:
    session = made.writable_session("main")
    zarr.create_array(session.store, name="b", shape=(4,), chunks=(1,), dtype="i4")[:] = range(4)
    session.commit("another array")
    late, early = open_and_write(server, 2), made.writable_session("main")
    zarr.open_array(early.store, path="b", mode="r+")[0] = 9
    early.commit("early")
    with pytest.raises(frazil.ConflictError):
        late.commit("late")
    late.rebase(frazil.ConflictDetector())
    with expect(server, ["PUT snapshots/*", "PUT transactions/*", BACKUP], ["PUT? repo"]):
        late.commit("late")
    root = zarr.open_group(made.readonly_session("main").store, mode="r")
    np.testing.assert_array_equal(root["a"][2], np.full(20_000, 2))  # type: ignore[index]
    assert root["b"][:].tolist() == [9, 1, 2, 3]  # type: ignore[index, union-attr, call-overload]


def test_a_commit_that_rebases_by_itself(server: ObjectServer, made: frazil.Repository) -> None:
    session = made.writable_session("main")
    zarr.create_array(session.store, name="b", shape=(4,), chunks=(1,), dtype="i4")[:] = range(4)
    session.commit("another array")
    late, early = open_and_write(server, 2), made.writable_session("main")
    zarr.open_array(early.store, path="b", mode="r+")[0] = 9
    early.commit("early")
    server.requests.clear()
    late.commit("late", rebase_with=frazil.ConflictDetector())
    stored = [request.key.split("/")[3] for request in server.requests if request.method == "PUT"]
    assert sorted(stored).count("manifests") == 1
    np.testing.assert_array_equal(array(made.readonly_session("main"))[2], np.full(20_000, 2))


def test_tags_and_branches(server: ObjectServer, made: frazil.Repository) -> None:
    tip = made.lookup_branch("main")
    with expect(server, [BACKUP], ["PUT? repo"]):
        made.create_tag("v1", tip)
    with expect(server, ["GET? repo"]):
        assert made.lookup_tag("v1") == tip
    with expect(server, [BACKUP], ["PUT? repo"]):
        made.create_branch("dev", tip)


def test_a_read_only_repository_is_told_before_the_branch_is_written(
    server: ObjectServer, made: frazil.Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = made.writable_session("main")
    array(session).attrs["a"] = 1
    frazil.Repository.open(s3_storage_at(server.url)).set_status(
        frazil.RepoStatus(frazil.RepoAvailability.read_only, limited_availability_reason="closed")
    )
    nothing_is_fresh(monkeypatch)
    with (
        expect(server, ["GET? repo", "PUT snapshots/*", "PUT transactions/*"]),
        pytest.raises(frazil.IcechunkError, match="read-only"),
    ):
        session.commit("late")
