"""Cooperative writers: forks, what they see, and how their changes come back."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import zarr

import frazil
from frazil import ForkSession, IcechunkError, ReadOnlyError, Repository, SessionStateError
from frazil.changes.change_set import ChangeSet


@pytest.fixture(params=[1, 2], ids=["v1", "v2"])
def repo(request: pytest.FixtureRequest, tmp_path: Path) -> Repository:
    repo = Repository.create(frazil.local_filesystem_storage(str(tmp_path / "r")), spec_version=request.param)
    with repo.transaction("main", message="start") as store:
        zarr.create_group(store).create_array("a", shape=(6,), chunks=(1,), dtype="i4")[:] = np.arange(1, 7)
    return repo


def array(session: frazil.Session) -> zarr.Array:
    return zarr.open_array(session.store, path="a", mode="r" if session.read_only else "r+")


def through_a_pickle(fork: ForkSession) -> ForkSession:
    copy: ForkSession = pickle.loads(pickle.dumps(fork))
    return copy


def test_a_fork_is_writable_and_goes_nowhere_by_itself(repo: Repository) -> None:
    session = repo.writable_session("main")
    fork = session.fork()
    assert isinstance(fork, ForkSession)
    assert isinstance(fork.store.session, ForkSession)
    assert (fork.branch, fork.read_only, fork.snapshot_id) == (None, False, session.snapshot_id)
    array(fork)[0] = 9
    assert fork.has_uncommitted_changes
    with pytest.raises(IcechunkError, match="commits are not allowed"):
        fork.commit("x")
    with pytest.raises(IcechunkError, match="commits are not allowed"):
        fork.amend("x")
    with pytest.raises(IcechunkError, match="cannot flush a forked session"):
        fork.flush("x")
    with pytest.raises(SessionStateError):
        fork.rebase(frazil.ConflictDetector())
    assert not session.has_uncommitted_changes


def test_forks_of_a_read_only_session(repo: Repository) -> None:
    with pytest.raises(IcechunkError, match="cannot fork a read-only session"):
        repo.readonly_session("main").fork()


@pytest.mark.parametrize("travel", [False, True])
def test_merge_brings_chunks_and_nodes_back(repo: Repository, travel: bool) -> None:
    session = repo.writable_session("main")
    forks = [session.fork() for _ in range(3)]
    for index, fork in enumerate(forks):
        array(fork)[index] = -index - 1
        zarr.create_group(fork.store, path=f"g{index}")
    if travel:
        forks = [through_a_pickle(fork) for fork in forks]
    session.merge(*forks)
    session.commit("merged")
    final = zarr.open_group(repo.readonly_session("main").store, mode="r")
    assert list(final["a"][:]) == [-1, -2, -3, 4, 5, 6]
    assert {name for name, _ in final.groups()} == {"g0", "g1", "g2"}


def test_a_fork_sees_uncommitted_changes(repo: Repository) -> None:
    session = repo.writable_session("main")
    array(session)[0] = 100
    new = zarr.create_array(session.store, name="new", shape=(4,), chunks=(1,), dtype="f4")
    new[0] = 1.5
    base = session.snapshot_id
    fork = through_a_pickle(session.fork())
    assert fork.snapshot_id != base
    assert array(fork)[0] == 100
    there = zarr.open_array(fork.store, path="new", mode="r+")
    assert there[0] == 1.5
    there[1] = 2.5
    there.attrs["seen"] = True
    session.merge(fork)
    assert session.snapshot_id == base
    session.commit("merged")
    final = zarr.open_array(repo.readonly_session("main").store, path="new", mode="r")
    assert list(final[:]) == [1.5, 2.5, 0, 0]
    assert final.attrs["seen"]
    if repo.spec_version == 2:
        with pytest.raises(frazil.SnapshotNotFoundError):
            repo.lookup_snapshot(fork.snapshot_id)


def test_a_fork_may_delete_and_replace_what_the_session_made(repo: Repository) -> None:
    session = repo.writable_session("main")
    for name in ("gone", "replaced"):
        zarr.create_array(session.store, name=name, shape=(1,), dtype="i1")[0] = 1
    fork = session.fork()
    fork.store.delete_sync("gone/zarr.json")
    zarr.create_array(fork.store, name="replaced", shape=(2,), dtype="i1", overwrite=True)[:] = 2
    session.merge(fork)
    session.commit("x")
    root = zarr.open_group(repo.readonly_session("main").store, mode="r")
    assert "gone" not in root
    assert list(root["replaced"][:]) == [2, 2]


def test_forks_of_forks_merge_in_any_order(repo: Repository) -> None:
    session = repo.writable_session("main")
    child = session.fork()
    array(child)[0] = 10
    grandchild = child.fork()
    array(grandchild)[1] = 20
    child.merge(grandchild)
    other = session.fork()
    array(other)[2] = 30
    session.merge(other, child)
    session.merge()
    session.commit("x")
    assert list(zarr.open_array(repo.readonly_session("main").store, path="a", mode="r")[:3]) == [10, 20, 30]


def test_the_last_merged_writer_of_a_chunk_wins(repo: Repository) -> None:
    session = repo.writable_session("main")
    one, two = session.fork(), session.fork()
    array(one)[0], array(two)[0] = 1, 2
    session.merge(two, one)
    assert array(session)[0] == 1


@pytest.mark.parametrize("kind", ["groups", "arrays"])
def test_two_forks_that_create_the_same_node(repo: Repository, kind: str) -> None:
    session = repo.writable_session("main")
    one, two = session.fork(), session.fork()
    for fork in (one, two):
        if kind == "groups":
            zarr.create_group(fork.store, path="dup")
        else:
            zarr.create_array(fork.store, name="dup", shape=(1,), dtype="i1")
    with pytest.raises(SessionStateError, match=f"Multiple writers created the same {kind}: /dup") as failure:
        session.merge(one, two)
    assert failure.value.kind == "merge-failed"
    assert not session.has_uncommitted_changes


def test_one_deletes_what_another_changed(repo: Repository) -> None:
    session = repo.writable_session("main")
    one, two = session.fork(), session.fork()
    array(one)[0] = 1
    two.store.delete_sync("a/zarr.json")
    with pytest.raises(SessionStateError, match="One writer deleted nodes that another changed: /a"):
        session.merge(one, two)
    with pytest.raises(SessionStateError, match="One writer deleted nodes that another changed: /a"):
        session.merge(two, one)


# ---- forks of before a rebase, and of uncommitted changes --------------------------------------------------------------


def set_unit(session: frazil.Session, unit: str) -> None:
    array(session).attrs["unit"] = unit


def rebased(session: frazil.Session, repo: Repository) -> None:
    """Have somebody else commit a chunk, and go on from there."""
    theirs = repo.writable_session("main")
    array(theirs)[5] = 60
    theirs.commit("theirs")
    session.rebase(frazil.ConflictDetector())


def test_a_rebase_does_not_hide_two_updates_of_the_same_metadata(repo: Repository) -> None:
    session = repo.writable_session("main")
    fork = session.fork()
    set_unit(session, "m")
    set_unit(fork, "km")
    rebased(session, repo)
    with pytest.raises(
        SessionStateError, match="Multiple writers updated the metadata of the same nodes: /a"
    ) as failure:
        session.merge(fork)
    assert failure.value.kind == "merge-failed"
    assert array(session).attrs["unit"] == "m"


def test_a_rebase_does_not_hide_the_deletion_of_what_we_changed(repo: Repository) -> None:
    session = repo.writable_session("main")
    fork = session.fork()
    array(session)[0] = 10
    fork.store.delete_sync("a/zarr.json")
    rebased(session, repo)
    with pytest.raises(SessionStateError, match="One writer deleted nodes that another changed: /a"):
        session.merge(fork)


def test_metadata_that_somebody_else_committed_meanwhile_is_not_overwritten(repo: Repository) -> None:
    session = repo.writable_session("main")
    fork, idle = session.fork(), session.fork()
    set_unit(fork, "km")
    array(idle)[0] = 10
    theirs = repo.writable_session("main")
    set_unit(theirs, "m")
    theirs.commit("theirs")
    session.rebase(frazil.ConflictDetector())
    with pytest.raises(SessionStateError, match="Multiple writers updated the metadata of the same nodes: /a"):
        session.merge(idle, fork)
    assert not session.has_uncommitted_changes
    session.merge(idle)
    assert (array(session)[0], array(session).attrs["unit"]) == (10, "m")


@pytest.mark.parametrize("what", ["metadata", "a chunk"])
@pytest.mark.parametrize("seen", [False, True], ids=["clean", "of uncommitted changes"])
def test_changes_of_what_somebody_else_deleted_meanwhile_have_no_place(repo: Repository, what: str, seen: bool) -> None:
    session = repo.writable_session("main")
    if seen:
        zarr.create_group(session.store, path="ours")
    fork = session.fork()
    if what == "metadata":
        set_unit(fork, "km")
    else:
        array(fork)[0] = 10
    theirs = repo.writable_session("main")
    theirs.store.delete_sync("a/zarr.json")
    theirs.commit("theirs")
    session.rebase(frazil.ConflictDetector())
    with pytest.raises(SessionStateError, match="One writer changed nodes that others deleted meanwhile: /a"):
        session.merge(fork)


@pytest.mark.parametrize("rebase", [False, True])
@pytest.mark.parametrize("travel", [False, True])
def test_a_fork_may_change_what_it_saw_changed(repo: Repository, rebase: bool, travel: bool) -> None:
    session = repo.writable_session("main")
    set_unit(session, "m")
    fork = session.fork()
    set_unit(fork, "km")
    fork = through_a_pickle(fork) if travel else fork
    if rebase:
        rebased(session, repo)
    session.merge(fork)
    session.commit("ours")
    assert array(repo.readonly_session("main")).attrs["unit"] == "km"


def test_a_fork_that_did_not_see_the_latest_change_may_not(repo: Repository) -> None:
    session = repo.writable_session("main")
    set_unit(session, "m")
    fork = session.fork()
    set_unit(session, "mm")
    set_unit(fork, "km")
    with pytest.raises(SessionStateError, match="Multiple writers updated the metadata of the same nodes: /a"):
        session.merge(fork)


def test_a_fork_of_a_fork_may_change_what_that_one_changed(repo: Repository) -> None:
    session = repo.writable_session("main")
    child = session.fork()
    set_unit(child, "m")
    array(child)[0] = 10
    grandchild = child.fork()
    set_unit(grandchild, "km")
    other = child.fork()
    other.store.delete_sync("a/zarr.json")
    session.merge(child)
    session.merge(grandchild)
    assert array(session).attrs["unit"] == "km"
    again = repo.writable_session("main")
    again.merge(child, other)
    assert "a" not in zarr.open_group(again.store, mode="r")


@pytest.mark.parametrize("what", ["metadata", "a chunk"])
def test_forks_of_different_moments_may_be_merged_into_each_other_first(repo: Repository, what: str) -> None:
    session = repo.writable_session("main")
    zarr.create_group(session.store, path="ours")
    early = session.fork()
    zarr.create_array(session.store, name="new", shape=(1,), dtype="i1")
    late = session.fork()
    new = zarr.open_array(late.store, path="new", mode="r+")
    if what == "metadata":
        new.attrs["unit"] = "m"
    else:
        new[0] = 5
    early.merge(late)
    session.merge(early)
    session.commit("both")
    final = zarr.open_array(repo.readonly_session("main").store, path="new", mode="r")
    assert (dict(final.attrs), final[0]) == (({"unit": "m"}, 0) if what == "metadata" else ({}, 5))


def test_many_forks_cost_one_copy_of_what_is_there(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    session = repo.writable_session("main")
    array(session)[0] = 1
    forks = [session.fork() for _ in range(20)]
    for number, fork in enumerate(forks):
        array(fork)[number % 6] = number
    copied: list[int] = []
    real = ChangeSet.copy

    def counting(changes: ChangeSet) -> ChangeSet:
        copied.append(sum(len(table) for table in changes.chunks.values()))
        return real(changes)

    monkeypatch.setattr(ChangeSet, "copy", counting)
    session.merge(*forks)
    assert sum(copied) == 20 * 1 + 1
    assert np.asarray(array(session)[:]).tolist() == [18, 19, 14, 15, 16, 17]


def test_what_cannot_be_merged(repo: Repository) -> None:
    session, other = repo.writable_session("main"), repo.writable_session("main")
    array(other)[0] = 1
    with pytest.raises(SessionStateError) as failure:
        session.merge(other)  # type: ignore[arg-type]
    assert failure.value.kind == "merge-not-allowed"
    with pytest.raises(ReadOnlyError):
        repo.readonly_session("main").merge(session.fork())
    session.merge(repo.readonly_session("main"))  # type: ignore[arg-type]
    assert not session.has_uncommitted_changes


def break_the_disk(storage: Path) -> None:
    """Put something in place of the stored chunks that no operating system can write to stable storage."""
    for chunk in (storage / "chunks").iterdir():
        chunk.unlink()
        chunk.symlink_to(chunk.name)


@pytest.mark.parametrize("hand_over", ["pickle", "merge"])
def test_chunks_are_on_the_disk_before_a_fork_is_handed_over(tmp_path: Path, hand_over: str) -> None:
    """Whoever commits them has another handle of the directory, which does not know that they were written."""
    config = frazil.RepositoryConfig(inline_chunk_threshold_bytes=0)
    repo = Repository.create(frazil.local_filesystem_storage(str(tmp_path)), config)
    session = repo.writable_session("main")
    zarr.create_array(session.store, name="a", shape=(1,), dtype="i4")
    fork = through_a_pickle(session.fork())
    array(fork)[0] = 1
    break_the_disk(tmp_path)
    with pytest.raises(IcechunkError, match="cannot open to sync"):
        pickle.dumps(fork) if hand_over == "pickle" else session.merge(fork)
