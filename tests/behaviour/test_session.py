"""Committing, rebasing, forking, and rearranging, as callers see them."""

import pickle
from typing import Any

import numpy as np
import pytest
import zarr

import frazil
from frazil import (
    ConflictError,
    IcechunkError,
    RebaseFailedError,
    Repository,
    SessionStateError,
)


@pytest.fixture(params=[1, 2], ids=["v1", "v2"])
def repo(request: pytest.FixtureRequest) -> Repository:
    """With an array `a` of six chunks, 1 to 6."""
    repo = Repository.create(frazil.in_memory_storage(), spec_version=request.param)
    with repo.transaction("main", message="start") as store:
        zarr.create_group(store).create_array("a", shape=(6,), chunks=(1,), dtype="i4", fill_value=0)[:] = range(1, 7)
    return repo


@pytest.fixture
def repo_v2() -> Repository:
    """With a group `g` that holds an array `g/a`, and an array `b`."""
    repo = Repository.create(frazil.in_memory_storage())
    with repo.transaction("main", message="start") as store:
        root = zarr.create_group(store)
        root.create_group("g").create_array("a", shape=(4,), chunks=(1,), dtype="i4")[:] = range(1, 5)
        root.create_array("b", shape=(1,), dtype="i4")
    return repo


def array(session: frazil.Session, path: str = "a") -> zarr.Array[Any]:
    return zarr.open_array(session.store, path=path, mode="r+" if not session.read_only else "r")


def values(session: frazil.Session, path: str = "a") -> list[int]:
    found: list[int] = np.asarray(array(session, path)[:]).tolist()
    return found


def tip(repo: Repository) -> frazil.Session:
    return repo.readonly_session("main")


# ---- committing ------------------------------------------------------------------------------------------------------


def test_after_a_commit_the_session_reads_the_new_snapshot(repo: Repository) -> None:
    session = repo.writable_session("main")
    array(session)[0] = 9
    made = session.commit("nine")
    assert (session.read_only, session.snapshot_id, session.branch) == (True, made, None)
    assert values(session)[0] == 9
    with pytest.raises(SessionStateError, match="commits are not allowed") as refused:
        session.commit("again")
    assert refused.value.kind == "commit-not-allowed"


def test_a_lost_race_keeps_the_changes(repo: Repository) -> None:
    ours, theirs = repo.writable_session("main"), repo.writable_session("main")
    array(ours)[0], array(theirs)[1] = 9, 8
    base, won = ours.snapshot_id, theirs.commit("theirs")
    with pytest.raises(ConflictError) as lost:
        ours.commit("ours")
    assert (lost.value.kind, lost.value.expected_parent, lost.value.actual_parent) == ("commit-conflict", base, won)
    assert ours.has_uncommitted_changes
    ours.rebase(frazil.ConflictDetector())
    ours.commit("ours, after all")
    assert values(tip(repo))[:2] == [9, 8]


@pytest.mark.parametrize("behind", [0, 1, 3])
def test_a_commit_that_may_rebase_counts_its_rebases(repo: Repository, behind: int) -> None:
    ours = repo.writable_session("main")
    array(ours)[0] = 9
    for number in range(behind):
        theirs = repo.writable_session("main")
        array(theirs)[1 + number] = 8
        theirs.commit("theirs")
    made = repo.lookup_snapshot(ours.commit("ours", rebase_with=frazil.ConflictDetector()))
    # A single rebase catches up with any number of commits.
    assert made.metadata == {"__icechunk": {"rebase_attempts": min(behind, 1)}}


def test_nothing_is_not_committed_unless_asked_for(repo: Repository) -> None:
    with pytest.raises(SessionStateError, match="cannot commit, no changes made to the session"):
        repo.writable_session("main").commit("nothing")
    made = repo.writable_session("main").commit("", allow_empty=True)
    assert repo.lookup_branch("main") == made


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ({"a": [1, -(2**63), 2**64 - 1]}, {"a": [1, -(2**63), 2**64 - 1]}),
        ({"a": (True, None, 1.5, "é")}, {"a": [True, None, 1.5, "é"]}),
        ({"a": {"b": {}}}, {"a": {"b": {}}}),
        ({"a": float("nan")}, {"a": None}),
        ({"a": np.float32(0.5), "b": np.int64(3)}, {"a": 0.5, "b": 3}),
        ({"a": b"\x01\x02"}, {"a": [1, 2]}),
    ],
)
def test_commit_metadata(repo: Repository, given: dict[str, Any], stored: dict[str, Any]) -> None:
    made = repo.writable_session("main").commit("m", given, allow_empty=True)
    assert repo.lookup_snapshot(made).metadata == stored


@pytest.mark.parametrize("value", [object(), {1, 2}, repr])
def test_commit_metadata_is_json(repo: Repository, value: object) -> None:
    with pytest.raises(TypeError, match="metadata"):
        repo.writable_session("main").commit("m", {"a": value}, allow_empty=True)


def test_read_only_sessions_and_forks_do_not_commit(repo: Repository) -> None:
    for session in (tip(repo), repo.writable_session("main").fork()):
        with pytest.raises(SessionStateError, match="commits are not allowed"):
            session.commit("x")


# ---- rebasing --------------------------------------------------------------------------------------------------------


def test_a_failed_rebase_leaves_the_session_for_another_solver(repo: Repository) -> None:
    ours, theirs = repo.writable_session("main"), repo.writable_session("main")
    array(ours)[0], array(theirs)[0] = 9, 8
    base, won = ours.snapshot_id, theirs.commit("theirs")
    with pytest.raises(RebaseFailedError) as failed:
        ours.rebase(frazil.ConflictDetector())
    assert failed.value.snapshot == won
    (conflict,) = failed.value.conflicts
    assert (conflict.conflict_type, conflict.path) == (frazil.ConflictType.ChunkDoubleUpdate, "/a")
    assert conflict.conflicted_chunks == [[0]]
    assert ours.snapshot_id == base
    assert values(ours)[0] == 9
    ours.rebase(frazil.BasicConflictSolver(on_chunk_conflict=frazil.VersionSelection.UseOurs))
    ours.commit("ours")
    assert values(tip(repo))[0] == 9


def test_status_shows_an_overwritten_array_twice(repo: Repository) -> None:
    session = repo.writable_session("main")
    zarr.create_array(session.store, name="a", shape=(1,), dtype="i4", overwrite=True)
    status = session.status()
    assert (status.new_arrays, status.deleted_arrays, status.updated_arrays) == ({"/a"}, {"/a"}, set())


# ---- forks -----------------------------------------------------------------------------------------------------------


def test_forks_see_what_is_not_committed_yet(repo: Repository) -> None:
    session = repo.writable_session("main")
    assert session.fork().snapshot_id == session.snapshot_id
    array(session)[0] = 9
    fork = session.fork()
    assert values(fork)[0] == 9
    assert fork.snapshot_id != session.snapshot_id
    array(fork)[1] = 8
    session.merge(fork)
    assert values(session)[:2] == [9, 8]


def test_what_forks_cannot(repo: Repository) -> None:
    with pytest.raises(SessionStateError, match="cannot fork a read-only session") as refused:
        tip(repo).fork()
    assert refused.value.kind == "cannot-fork-read-only-session"
    with pytest.raises(IcechunkError, match="cannot flush a forked session"):
        repo.writable_session("main").fork().flush("x")


# ---- rearranging -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("/nope", "/x", "node not found|could not create path"),
        ("nope", "/x", "node not found|could not create path"),
        ("/g", "/g", "into itself or its own descendant"),
        ("/g", "/g/a/x", "into itself or its own descendant"),
        ("/", "/x", "into itself or its own descendant"),
        ("/g", "/b", "overwrite existing node"),
        ("/g", "/nope/x", "destination's parent group"),
        ("/g", "/b/x", "is an array, not a group"),
    ],
)
def test_moves_that_are_refused(repo_v2: Repository, source: str, target: str, said: str) -> None:
    session = repo_v2.rearrange_session("main")
    with pytest.raises(IcechunkError, match=said):
        session.move(source, target)
    assert session.status().is_empty()


def test_moved_nodes_come_in_the_order_of_their_new_paths(repo_v2: Repository) -> None:
    with repo_v2.transaction("main", message="more") as store:
        zarr.create_group(store, path="g-2")
        zarr.create_group(store, path="g/b")
    session = repo_v2.rearrange_session("main")
    session.move("/g", "/x")
    session.move("/g-2", "/x-1")
    before = repo_v2.lookup_branch("main")
    expected = [("/g", "/x"), ("/g/a", "/x/a"), ("/g/b", "/x/b"), ("/g-2", "/x-1")]
    assert session.status().moved_nodes == expected
    assert repo_v2.diff(from_snapshot_id=before, to_snapshot_id=session.commit("moved")).moved_nodes == expected


@pytest.mark.parametrize(
    ("offset", "expected"),
    [(0, [1, 2, 3, 4, 5, 6]), (2, [0, 0, 1, 2, 3, 4]), (-1, [2, 3, 4, 5, 6, 0]), (6, [0] * 6), (-9, [0] * 6)],
)
def test_shifting(repo: Repository, offset: int, expected: list[int]) -> None:
    session = repo.writable_session("main")
    session.shift_array("/a", [offset])
    assert values(session) == expected
    assert array(session).shape == (6,)
    if offset:
        session.commit("shifted")
        assert values(tip(repo)) == expected


@pytest.mark.parametrize(
    ("backward", "expected"),
    [(None, [1, 2, 1, 2, 3, 4]), (lambda index: [index[0] - 2] if index[0] >= 2 else None, [0, 0, 1, 2, 3, 4])],
    ids=["stale chunks stay", "absent sources clear"],
)
def test_reindexing(repo: Repository, backward: Any, expected: list[int]) -> None:
    session = repo.writable_session("main")
    session.reindex_array("/a", lambda index: [index[0] + 2] if index[0] < 4 else None, backward)
    assert values(session) == expected


# ---- virtual references ----------------------------------------------------------------------------------------------


def test_virtual_locations_keep_duplicates_and_name_their_container(tmp_path: Any) -> None:
    config = frazil.RepositoryConfig()
    prefix = f"file://{tmp_path}/"
    config.set_virtual_chunk_container(
        frazil.VirtualChunkContainer(prefix, frazil.local_filesystem_store(str(tmp_path)), name="here")
    )
    repo = Repository.create(frazil.in_memory_storage(), config)
    session = repo.writable_session("main")
    zarr.create_array(session.store, name="a", shape=(3,), chunks=(1,), dtype="i4", compressors=None)
    for number, location in enumerate(["vcc://here/x", f"{prefix}x", f"{prefix}y"]):
        session.store.set_virtual_ref(f"a/c/{number}", location, offset=0, length=4)
    expected = [f"{prefix}x", f"{prefix}x", f"{prefix}y"]
    assert sorted(session.all_virtual_chunk_locations()) == expected
    session.commit("virtual")
    assert sorted(tip(repo).all_virtual_chunk_locations()) == expected


# ---- travelling ------------------------------------------------------------------------------------------------------


def test_writable_sessions_do_not_travel(repo: Repository) -> None:
    session = repo.writable_session("main")
    for thing in (session, session.store, array(session)):
        with pytest.raises(ValueError, match="You must opt-in to pickle writable sessions"):
            pickle.dumps(thing)


def test_readers_and_forks_travel(tmp_path: Any) -> None:
    repo = Repository.create(frazil.local_filesystem_storage(tmp_path / "repo"))
    with repo.transaction("main", message="start") as store:
        zarr.create_group(store).create_array("a", shape=(3,), chunks=(1,), dtype="i4")[:] = [1, 2, 3]
    fork = repo.writable_session("main").fork()
    for session in (tip(repo), fork):
        assert values(pickle.loads(pickle.dumps(session))) == [1, 2, 3]
        store = pickle.loads(pickle.dumps(session.store))
        assert store != session.store
        opened = array(session)
        travelled = pickle.loads(pickle.dumps(opened))
        assert np.asarray(travelled[:]).tolist() == [1, 2, 3]
        assert travelled != opened
        group = zarr.open_group(session.store, mode="r")
        assert sorted(pickle.loads(pickle.dumps(group)).array_keys()) == ["a"]
