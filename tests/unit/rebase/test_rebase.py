"""Rebasing sessions of real repositories over what others committed."""

import numpy as np
import pytest
import zarr

from frazil import BasicConflictSolver, ConflictDetector, ConflictType, RebaseFailedError, VersionSelection
from tests.unit.rebase.writers import a_repository, commit, kinds, opened, set_chunk, tip, values

USE_THEIRS = BasicConflictSolver(on_chunk_conflict=VersionSelection.UseTheirs)


@pytest.fixture(params=[1, 2])
def repo(request):
    return a_repository(request.param)


@pytest.fixture
def repo_v2():
    return a_repository(2)


# ---- changes that meet no others -------------------------------------------------------------------------------------


def test_changes_to_different_chunks_both_stand(repo):
    session, root = opened(repo)
    root["a"][0] = 1
    theirs = commit(repo, set_chunk("a", 3, 3))

    session.rebase(ConflictDetector())

    assert session.snapshot_id == theirs
    assert values(root["a"]) == [1, 0, 0, 3]
    session.commit("ours")
    assert values(tip(repo)["a"]) == [1, 0, 0, 3]


def test_a_metadata_update_keeps_the_chunks_that_they_wrote(repo):
    session, root = opened(repo)
    root["a"].attrs["unit"] = "m"
    commit(repo, set_chunk("a", 2, 7))

    session.rebase(ConflictDetector())
    session.commit("ours")

    assert values(tip(repo)["a"]) == [0, 0, 7, 0]
    assert dict(tip(repo)["a"].attrs) == {"unit": "m"}


def test_many_commits_are_replayed_in_order(repo):
    session, root = opened(repo)
    root["b"][0] = 5
    theirs = [commit(repo, set_chunk("a", number % 4, number)) for number in range(40)]

    session.rebase(ConflictDetector())

    assert session.snapshot_id == theirs[-1]
    assert values(root["a"]) == [36, 37, 38, 39]
    assert values(root["b"]) == [5, 0, 0, 0]


def test_a_session_without_changes_just_moves_to_the_tip(repo):
    session, _ = opened(repo)
    theirs = commit(repo, lambda root: root.attrs.update(k=1))

    session.rebase(ConflictDetector())

    assert session.snapshot_id == theirs
    assert not session.has_uncommitted_changes
    assert zarr.open_group(session.store, mode="r").attrs["k"] == 1


def test_nothing_is_to_be_done_at_the_tip_or_without_a_branch(repo):
    repo.create_branch("dev", repo.lookup_branch("main"))
    session, root = opened(repo, "dev")
    root["a"][0] = 1
    base = session.snapshot_id

    session.rebase(ConflictDetector())
    assert session.snapshot_id == base
    repo.delete_branch("dev")
    session.rebase(ConflictDetector())

    assert session.snapshot_id == base
    assert values(root["a"]) == [1, 0, 0, 0]


def test_a_fork_may_be_merged_after_a_rebase(repo):
    session, root = opened(repo)
    root["b"][0] = 1
    fork = session.fork()
    zarr.open_group(fork.store, mode="r+")["a"].attrs["unit"] = "m"
    commit(repo, set_chunk("a", 2, 7))

    session.rebase(ConflictDetector())
    session.merge(fork)
    session.commit("ours")

    assert values(tip(repo)["a"]) == [0, 0, 7, 0]
    assert values(tip(repo)["b"]) == [1, 0, 0, 0]
    assert dict(tip(repo)["a"].attrs) == {"unit": "m"}


def test_a_fork_of_a_changed_session_may_change_metadata(repo):
    session, root = opened(repo)
    root["a"][0] = 5
    fork = session.fork()
    zarr.open_group(fork.store, mode="r+")["a"].attrs["unit"] = "m"

    session.merge(fork)
    session.commit("ours")

    assert values(tip(repo)["a"]) == [5, 0, 0, 0]
    assert dict(tip(repo)["a"].attrs) == {"unit": "m"}


# ---- conflicts -------------------------------------------------------------------------------------------------------


def test_a_failed_rebase_keeps_every_change_and_names_the_snapshot(repo):
    session, root = opened(repo)
    root["a"][0] = 1
    root["b"][0] = 1
    base = session.snapshot_id
    theirs = commit(repo, set_chunk("a", 0, 2))

    with pytest.raises(RebaseFailedError, match=theirs) as failure:
        session.rebase(ConflictDetector())

    assert failure.value.snapshot == theirs
    (conflict,) = failure.value.conflicts
    assert (conflict.conflict_type, conflict.path) == (ConflictType.ChunkDoubleUpdate, "/a")
    assert conflict.conflicted_chunks == [[0]]
    assert session.snapshot_id == base
    assert values(root["a"]) == [1, 0, 0, 0]
    assert values(root["b"]) == [1, 0, 0, 0]


def test_a_failed_rebase_stands_on_the_last_commit_that_fitted(repo):
    session, root = opened(repo)
    root["a"][0:2] = 5
    fits = commit(repo, set_chunk("a", 0, 7))
    conflicts = commit(repo, lambda root: root["a"].attrs.update(k=1))

    with pytest.raises(RebaseFailedError) as failure:
        session.rebase(USE_THEIRS)

    assert failure.value.snapshot == conflicts
    assert session.snapshot_id == fits
    assert values(root["a"]) == [7, 5, 0, 0]


def test_another_solver_may_be_tried_after_a_failure(repo):
    session, root = opened(repo)
    root["a"][0] = 1
    commit(repo, set_chunk("a", 0, 2))
    with pytest.raises(RebaseFailedError):
        session.rebase(ConflictDetector())

    session.rebase(BasicConflictSolver())
    session.commit("ours")

    assert values(tip(repo)["a"]) == [1, 0, 0, 0]


def test_use_theirs_gives_way_chunk_by_chunk(repo):
    session, root = opened(repo)
    root["a"][0:2] = 1
    root["b"][0] = 1
    commit(repo, set_chunk("a", slice(1, 3), 2))

    session.rebase(USE_THEIRS)
    session.commit("ours")

    assert values(tip(repo)["a"]) == [1, 2, 2, 0]
    assert values(tip(repo)["b"]) == [1, 0, 0, 0]


def test_changes_that_gave_way_entirely_can_still_be_committed(repo):
    session, root = opened(repo)
    root["a"][0] = 1
    commit(repo, set_chunk("a", 0, 2))

    session.rebase(USE_THEIRS)

    assert session.has_uncommitted_changes
    session.commit("nothing is left")
    assert values(tip(repo)["a"]) == [2, 0, 0, 0]


def test_commit_rebases_as_often_as_it_takes(repo):
    session, root = opened(repo)
    root["a"][0] = 1
    commit(repo, set_chunk("a", 0, 2))

    made = session.commit("ours", rebase_with=BasicConflictSolver())

    assert values(tip(repo)["a"]) == [1, 0, 0, 0]
    assert repo.lookup_snapshot(made).metadata["__icechunk"] == {"rebase_attempts": 1}


# ---- deletions -------------------------------------------------------------------------------------------------------


def test_what_both_deleted_is_gone(repo):
    session, root = opened(repo)
    del root["a"]
    commit(repo, lambda root: root.__delitem__("a"))

    session.rebase(ConflictDetector())
    session.commit("ours")

    assert "a" not in tip(repo)


def test_a_deletion_does_not_take_what_they_put_in_the_place(repo):
    session, root = opened(repo)
    del root["a"]

    def replace(root):
        del root["a"]
        root.create_array("a", shape=(2,), chunks=(1,), dtype="f8")

    commit(repo, replace)
    session.rebase(ConflictDetector())
    session.commit("ours")

    assert tip(repo)["a"].dtype == np.float64


def test_replacing_what_they_replaced_is_a_conflict(repo):
    def replace(root, dtype):
        del root["a"]
        root.create_array("a", shape=(2,), chunks=(1,), dtype=dtype)

    session, root = opened(repo)
    replace(root, "i2")
    commit(repo, lambda root: replace(root, "f8"))

    with pytest.raises(RebaseFailedError) as failure:
        session.rebase(BasicConflictSolver())

    assert kinds(failure) == [(ConflictType.NewNodeConflictsWithExistingNode, "/a")]


def test_a_deletion_of_what_they_changed_stands_unless_that_shall_fail(repo):
    session, root = opened(repo)
    del root["g"]
    commit(repo, set_chunk("g/x", 0, 9))

    with pytest.raises(RebaseFailedError) as failure:
        session.rebase(BasicConflictSolver(fail_on_delete_of_updated_array=True))
    assert kinds(failure) == [(ConflictType.DeleteOfUpdatedArray, "/g/x")]
    session.rebase(BasicConflictSolver())
    session.commit("ours")

    assert "g" not in tip(repo)


def test_a_child_that_they_made_survives_the_deletion_of_its_group(repo):
    session, root = opened(repo)
    del root["g"]
    commit(repo, lambda root: root.create_array("g/new", shape=(1,), dtype="i1"))

    session.rebase(ConflictDetector())
    session.commit("ours")

    assert zarr.open_array(repo.readonly_session("main").store, path="g/new", mode="r").shape == (1,)


# ---- moves -----------------------------------------------------------------------------------------------------------


def test_a_move_takes_along_what_they_changed(repo_v2):
    session = repo_v2.rearrange_session("main")
    session.move("/g", "/h")
    commit(repo_v2, set_chunk("g/x", 0, 9))
    commit(repo_v2, lambda root: root.create_array("g/new", shape=(1,), dtype="i1"))

    session.rebase(ConflictDetector())
    session.commit("ours")

    assert values(tip(repo_v2)["h/x"]) == [9, 0, 0, 0]
    assert "new" in tip(repo_v2)["h"]
    assert "g" not in tip(repo_v2)


@pytest.mark.parametrize(
    "edit",
    [lambda root: root.__delitem__("a"), lambda root: root.create_group("moved")],
    ids=["source deleted", "target taken"],
)
def test_a_move_that_no_longer_fits_is_a_conflict(repo_v2, edit):
    session = repo_v2.rearrange_session("main")
    session.move("/a", "/moved")
    commit(repo_v2, edit)

    with pytest.raises(RebaseFailedError) as failure:
        session.rebase(BasicConflictSolver())

    assert kinds(failure) == [(ConflictType.MoveOperationCannotBeRebased, "/a")]


def test_edits_cannot_be_rebased_over_moves(repo_v2):
    session, root = opened(repo_v2)
    root["b"][0] = 1
    other = repo_v2.rearrange_session("main")
    other.move("/a", "/moved")
    other.commit("theirs")

    with pytest.raises(RebaseFailedError) as failure:
        session.rebase(BasicConflictSolver())

    assert kinds(failure) == [(ConflictType.MoveOperationCannotBeRebased, "")]
