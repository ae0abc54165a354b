"""Committing, amending, flushing and discarding."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import zarr

import frazil
from frazil import (
    ConflictDetector,
    ConflictError,
    FormatError,
    IcechunkError,
    ReadOnlyError,
    RebaseFailedError,
    Repository,
    SessionStateError,
)


@pytest.fixture(params=[1, 2], ids=["v1", "v2"])
def repo(request: pytest.FixtureRequest) -> Repository:
    return Repository.create(frazil.in_memory_storage(), spec_version=request.param)


@pytest.fixture
def repo2() -> Repository:
    return Repository.create(frazil.in_memory_storage())


def start(repo: Repository) -> str:
    """A group with an array of four chunks, committed."""
    session = repo.writable_session("main")
    zarr.create_group(session.store).create_array("a", shape=(4,), chunks=(1,), dtype="i4")[:] = [1, 2, 3, 4]
    return session.commit("start")


def values(repo: Repository, **version: str) -> list[int]:
    version = version or {"branch": "main"}
    return list(zarr.open_array(repo.readonly_session(**version).store, path="a", mode="r")[:])


def test_a_commit_moves_the_branch_and_leaves_a_read_only_session(repo: Repository) -> None:
    before = repo.lookup_branch("main")
    session = repo.writable_session("main")
    assert (session.branch, session.read_only, session.has_uncommitted_changes) == ("main", False, False)
    zarr.create_group(session.store, attributes={"x": 1})
    assert session.has_uncommitted_changes
    snapshot = session.commit("one", metadata={"author": "me", "n": np.int64(3), "t": (1, 2)})
    assert repo.lookup_branch("main") == snapshot == session.snapshot_id
    assert (session.branch, session.read_only, session.has_uncommitted_changes) == (None, True, False)
    assert zarr.open_group(session.store, mode="r").attrs["x"] == 1
    info = repo.lookup_snapshot(snapshot)
    assert (info.message, info.metadata, info.parent_id) == ("one", {"author": "me", "n": 3, "t": [1, 2]}, before)
    with pytest.raises(IcechunkError, match="commits are not allowed"):
        session.commit("again")


def test_a_commit_without_changes(repo: Repository) -> None:
    session = repo.writable_session("main")
    with pytest.raises(SessionStateError, match="cannot commit, no changes made to the session") as failure:
        session.commit("nothing")
    assert failure.value.kind == "no-changes-to-commit"
    first = session.commit("nothing", allow_empty=True)
    assert repo.lookup_branch("main") == first


def test_identical_metadata_is_no_change(repo: Repository) -> None:
    start(repo)
    session = repo.writable_session("main")
    document = session.store.get_sync("a/zarr.json")
    assert document is not None
    session.store.set_sync("a/zarr.json", document)
    assert not session.has_uncommitted_changes


def test_created_and_deleted_leaves_no_trace(repo: Repository) -> None:
    session = repo.writable_session("main")
    zarr.create_group(session.store, path="gone")
    session.store.delete_sync("zarr.json")
    assert not session.has_uncommitted_changes
    assert session.status().is_empty()


@pytest.mark.parametrize("bad", [{"x": object()}, {1: 2}, {"x": {2: 3}}, {"x": 2**64}, "text"])
def test_metadata_that_is_not_json(repo: Repository, bad: dict[str, object]) -> None:
    session = repo.writable_session("main")
    with pytest.raises(TypeError, match="metadata"):
        session.commit("x", metadata=bad, allow_empty=True)
    assert not session.read_only


def test_special_metadata_values(repo: Repository) -> None:
    given = {"nan": float("nan"), "bytes": b"\x01\x02", "none": None, "big": 2**64 - 1, "small": -(2**63), "é": ["ü"]}
    snapshot = repo.writable_session("main").commit("x", metadata=given, allow_empty=True)
    expected = {"nan": None, "bytes": [1, 2], "none": None, "big": 2**64 - 1, "small": -(2**63), "é": ["ü"]}
    assert repo.lookup_snapshot(snapshot).metadata == expected


def test_default_metadata_lies_under_that_of_a_commit(repo: Repository) -> None:
    early = repo.writable_session("main")
    repo.set_default_commit_metadata({"author": "default", "host": "h"})
    assert repo.default_commit_metadata() == {"author": "default", "host": "h"}
    snapshot = repo.writable_session("main").commit("x", metadata={"author": "me"}, allow_empty=True)
    assert repo.lookup_snapshot(snapshot).metadata == {"author": "me", "host": "h"}
    early.rebase(ConflictDetector())
    assert repo.lookup_snapshot(early.commit("y", allow_empty=True)).metadata == {}


def test_a_moved_branch_is_a_conflict_and_keeps_the_changes(repo: Repository) -> None:
    base = start(repo)
    one, two = repo.writable_session("main"), repo.writable_session("main")
    zarr.open_array(one.store, path="a")[0] = 10
    zarr.open_array(two.store, path="a")[1] = 20
    tip = one.commit("one")
    with pytest.raises(ConflictError) as failure:
        two.commit("two")
    assert (failure.value.kind, failure.value.expected_parent, failure.value.actual_parent) == (
        "commit-conflict",
        base,
        tip,
    )
    assert two.has_uncommitted_changes
    two.rebase(ConflictDetector())
    assert two.snapshot_id == tip
    snapshot = two.commit("two")
    assert values(repo) == [10, 20, 3, 4]
    assert "__icechunk" not in repo.lookup_snapshot(snapshot).metadata


def test_commit_with_rebase_counts_its_rebases(repo: Repository) -> None:
    start(repo)
    sessions = [repo.writable_session("main") for _ in range(3)]
    for index, session in enumerate(sessions):
        zarr.open_array(session.store, path="a")[index] = -index
    ids = [session.commit("x", {"n": 1}, rebase_with=ConflictDetector()) for session in sessions]
    found = [repo.lookup_snapshot(snapshot).metadata for snapshot in ids]
    assert found == [{"n": 1, "__icechunk": {"rebase_attempts": count}} for count in (0, 1, 1)]
    assert values(repo) == [0, -1, -2, 4]


def test_no_tries_means_no_rebase(repo: Repository) -> None:
    start(repo)
    one, two = repo.writable_session("main"), repo.writable_session("main")
    zarr.open_array(one.store, path="a")[0] = 10
    zarr.open_array(two.store, path="a")[1] = 20
    one.commit("one", rebase_with=ConflictDetector(), rebase_tries=0)
    with pytest.raises(ConflictError):
        two.commit("two", rebase_with=ConflictDetector(), rebase_tries=0)


def test_conflicting_changes_fail_the_rebase_and_stay(repo: Repository) -> None:
    start(repo)
    one, two = repo.writable_session("main"), repo.writable_session("main")
    zarr.open_array(one.store, path="a")[0] = 10
    zarr.open_array(two.store, path="a")[0] = 20
    one.commit("one")
    with pytest.raises(RebaseFailedError) as failure:
        two.commit("two", rebase_with=ConflictDetector())
    [conflict] = failure.value.conflicts
    assert (conflict.conflict_type.name, conflict.path, conflict.conflicted_chunks) == (
        "ChunkDoubleUpdate",
        "/a",
        [[0]],
    )
    assert pickle.loads(pickle.dumps(failure.value)).conflicts == failure.value.conflicts
    two.rebase(frazil.BasicConflictSolver(on_chunk_conflict=frazil.VersionSelection.UseOurs))
    two.commit("two")
    assert values(repo) == [20, 2, 3, 4]


def test_amend_replaces_the_tip(repo2: Repository) -> None:
    first = start(repo2)
    parent = repo2.lookup_snapshot(first).parent_id
    session = repo2.writable_session("main")
    zarr.open_array(session.store, path="a")[0] = 9
    amended = session.amend("better", metadata={"m": 1})
    info = repo2.lookup_snapshot(amended)
    assert (info.parent_id, info.message, info.metadata) == (parent, "better", {"m": 1})
    assert [entry.id for entry in repo2.ancestry(branch="main")] == [amended, parent]
    assert values(repo2) == [9, 2, 3, 4]
    assert values(repo2, snapshot_id=first) == [1, 2, 3, 4]
    diff = repo2.diff(from_snapshot_id=parent, to_branch="main")
    assert (diff.new_arrays, diff.new_groups) == ({"/a"}, {"/"})
    assert diff.updated_chunks == {"/a": [[0], [1], [2], [3]]}


def test_amend_of_the_initial_snapshot_and_on_spec_1(repo: Repository) -> None:
    session = repo.writable_session("main")
    zarr.create_group(session.store)
    if repo.spec_version == 1:
        with pytest.raises(FormatError, match="upgrade"):
            session.amend("x")
    else:
        with pytest.raises(SessionStateError) as failure:
            session.amend("x")
        assert failure.value.kind == "no-amend-for-initial-commit"
    assert session.has_uncommitted_changes


def test_amend_of_a_tip_that_moved(repo2: Repository) -> None:
    start(repo2)
    one, two = repo2.writable_session("main"), repo2.writable_session("main")
    zarr.open_array(one.store, path="a")[0] = 9
    zarr.open_array(two.store, path="a")[0] = 8
    one.commit("one")
    with pytest.raises(ConflictError):
        two.amend("two")
    assert two.has_uncommitted_changes


def test_flush_writes_a_snapshot_that_only_its_id_leads_to(repo: Repository) -> None:
    start(repo)
    tip = repo.lookup_branch("main")
    session = repo.writable_session("main")
    zarr.open_array(session.store, path="a")[0] = 9
    snapshot = session.flush("anonymous", metadata={"k": 1})
    assert session.read_only
    assert session.snapshot_id == snapshot
    assert repo.lookup_branch("main") == tip
    assert values(repo, snapshot_id=snapshot) == [9, 2, 3, 4]
    assert repo.lookup_snapshot(snapshot).parent_id == tip
    repo.create_branch("kept", snapshot)
    assert values(repo, branch="kept") == [9, 2, 3, 4]


def test_discard(repo: Repository) -> None:
    start(repo)
    session = repo.writable_session("main")
    array = zarr.open_array(session.store, path="a")
    array[:] = 0
    array.attrs["x"] = 1
    zarr.create_group(session.store, path="g")
    session.discard_changes()
    assert not session.has_uncommitted_changes
    assert list(zarr.open_array(session.store, path="a")[:]) == [1, 2, 3, 4]
    with pytest.raises(ReadOnlyError) as failure:
        repo.readonly_session("main").discard_changes()
    assert failure.value.kind == "read-only-session"


def test_a_session_never_sees_later_commits(repo: Repository) -> None:
    start(repo)
    reader, writer = repo.readonly_session("main"), repo.writable_session("main")
    with repo.transaction("main", message="later") as store:
        zarr.open_array(store, path="a")[:] = 7
    assert list(zarr.open_array(reader.store, path="a", mode="r")[:]) == [1, 2, 3, 4]
    assert list(zarr.open_array(writer.store, path="a", mode="r")[:]) == [1, 2, 3, 4]
    assert values(repo) == [7, 7, 7, 7]


def test_a_transaction_that_raises_commits_nothing(repo: Repository) -> None:
    start(repo)
    tip = repo.lookup_branch("main")
    with pytest.raises(ZeroDivisionError), repo.transaction("main", message="no") as store:
        zarr.open_array(store, path="a")[:] = 7
        _ = 1 / 0
    assert repo.lookup_branch("main") == tip


def test_writing_through_a_read_only_session(repo: Repository) -> None:
    start(repo)
    session = repo.readonly_session("main")
    with pytest.raises(ReadOnlyError):
        session._session.tree.set_metadata("/g", b'{"zarr_format":3,"node_type":"group"}')  # type: ignore[arg-type]
    with pytest.raises(IcechunkError, match="read-only store"):
        session.store._store.write("g/zarr.json", b'{"zarr_format":3,"node_type":"group"}')
    with pytest.raises(ValueError, match="read-only"):
        zarr.open_array(session.store, path="a", mode="r+")[:] = 1


def test_status_tells_what_a_commit_will_change(repo: Repository) -> None:
    parent = start(repo)
    session = repo.writable_session("main")
    root = zarr.open_group(session.store)
    root["a"][1] = 5
    root.create_group("g")
    root.create_array("b", shape=(2,), chunks=(2,), dtype="f4")[:] = 1
    root.attrs["x"] = 1
    status = session.status()
    assert (status.new_groups, status.new_arrays, status.updated_groups) == ({"/g"}, {"/b"}, {"/"})
    assert status.updated_chunks == {"/a": [[1]], "/b": [[0]]}
    session.commit("x")
    assert repo.diff(from_snapshot_id=parent, to_branch="main") == status


def test_overwriting_an_array_is_delete_and_create(repo: Repository) -> None:
    start(repo)
    session = repo.writable_session("main")
    before = session.get_node_id("/a")
    zarr.create_array(session.store, name="a", shape=(2,), chunks=(1,), dtype="i4", overwrite=True)
    status = session.status()
    assert (status.new_arrays, status.deleted_arrays) == ({"/a"}, {"/a"})
    assert session.get_node_id("/a") != before
    session.commit("x")
    assert values(repo) == [0, 0]


@pytest.fixture
def disk(tmp_path: Path) -> Repository:
    return Repository.create(frazil.local_filesystem_storage(str(tmp_path / "repo")))


def test_pickles(disk: Repository) -> None:
    start(disk)
    reader = disk.readonly_session("main")
    copy = pickle.loads(pickle.dumps(reader))
    assert copy != reader
    assert copy.snapshot_id == reader.snapshot_id
    assert list(zarr.open_array(copy.store, path="a", mode="r")[:]) == [1, 2, 3, 4]
    array = zarr.open_array(reader.store, path="a", mode="r")
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(array))[:], array[:])
    disk.set_default_commit_metadata({"who": "me"})
    repo = pickle.loads(pickle.dumps(disk))
    assert repo.lookup_branch("main") == disk.lookup_branch("main")
    assert repo.default_commit_metadata() == {"who": "me"}
    with pytest.raises(ValueError, match=r"Session\.fork\(\)"):
        pickle.dumps(disk.writable_session("main"))
    with pytest.raises(ValueError, match="Invalid state"):
        reader.__setstate__(3)
    with pytest.raises(ValueError, match="Invalid repository state"):
        repo.__setstate__({})


def test_equal_chunks_are_stored_once_under_content_ids(tmp_path: Path) -> None:
    storage = frazil.local_filesystem_storage(str(tmp_path / "repo"))
    repo = Repository.create(storage, content_derived_chunk_ids=True)
    block = np.arange(1000, dtype="i8")
    for message in ("one", "two"):
        with repo.transaction("main", message=message) as store:
            group = zarr.open_group(store)
            array = group.create_array(message, shape=(3000,), chunks=(1000,), dtype="i8", compressors=None)
            array[:] = np.tile(block, 3)
    assert len(list((tmp_path / "repo" / "chunks").iterdir())) == 1
    group = zarr.open_group(repo.readonly_session("main").store, mode="r")
    np.testing.assert_array_equal(group["two"][:], np.tile(block, 3))
    plain = Repository.open(storage)
    with plain.transaction("main", message="three") as store:
        zarr.open_group(store).create_array("three", shape=(1000,), chunks=(1000,), dtype="i8", compressors=None)[:] = (
            block
        )
    assert len(list((tmp_path / "repo" / "chunks").iterdir())) == 2
