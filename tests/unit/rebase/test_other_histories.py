"""Rebasing over histories that lost commits to expiration, an amendment or a reset."""

import pytest

import frazil
from frazil import BasicConflictSolver, ConflictDetector, ConflictType, RebaseFailedError
from frazil.format import keys
from frazil.format.ids import parse_snapshot_id
from tests.unit.rebase.writers import a_repository, commit, kinds, opened, set_chunk, tip, values


@pytest.fixture(params=[1, 2])
def repo(request):
    return a_repository(request.param)


@pytest.fixture
def repo_v2():
    return a_repository(2)


# ---- histories that lost commits -------------------------------------------------------------------------------------


def expire_all(repo, keep=1):
    """Expire everything but the newest commits, and collect the files."""
    *_, oldest_kept = [entry.written_at for entry in repo.ancestry(branch="main")][:keep]
    return repo.expire_snapshots(oldest_kept)


def test_the_logs_of_expired_commits_are_replayed(repo_v2):
    session, root = opened(repo_v2)
    root["a"][0] = 1
    root["b"][0] = 1
    commit(repo_v2, set_chunk("a", 3, 3))
    commit(repo_v2, set_chunk("b", 3, 3))
    newest = commit(repo_v2, set_chunk("b", 2, 2))
    expire_all(repo_v2)

    session.rebase(ConflictDetector())

    assert session.snapshot_id == newest
    session.commit("ours")
    assert values(tip(repo_v2)["a"]) == [1, 0, 0, 3]
    assert values(tip(repo_v2)["b"]) == [1, 0, 2, 3]


def test_a_conflict_with_an_expired_commit_is_found(repo_v2):
    session, root = opened(repo_v2)
    root["a"][0] = 1
    commit(repo_v2, set_chunk("a", 0, 3))
    newest = commit(repo_v2, set_chunk("b", 2, 2))
    expire_all(repo_v2)

    with pytest.raises(RebaseFailedError) as failure:
        session.rebase(ConflictDetector())

    assert failure.value.snapshot == newest
    assert kinds(failure) == [(ConflictType.ChunkDoubleUpdate, "/a")]


def test_a_missing_log_is_an_error_that_says_so(repo_v2):
    session, root = opened(repo_v2)
    root["a"][0] = 1
    expired = commit(repo_v2, set_chunk("a", 3, 3))
    commit(repo_v2, set_chunk("b", 3, 3))
    expire_all(repo_v2)
    objects = repo_v2._repository.context.objects
    objects.delete_many([keys.transaction_log(parse_snapshot_id(expired))])
    base = session.snapshot_id

    with pytest.raises(frazil.SessionStateError, match="open a new session") as failure:
        session.rebase(ConflictDetector())

    assert failure.value.kind == "rebase-tx-log-pruned"
    assert session.snapshot_id == base
    assert values(root["a"]) == [1, 0, 0, 0]


def test_a_base_that_spec_1_expired_is_held_against_the_trees():
    repo = a_repository(1)
    commit(repo, set_chunk("a", 1, 1))
    session, root = opened(repo)
    root["a"][0] = 1
    commit(repo, set_chunk("a", 3, 3))
    newest = commit(repo, set_chunk("b", 3, 3))
    expire_all(repo)

    session.rebase(ConflictDetector())

    assert session.snapshot_id == newest
    assert values(root["a"]) == [1, 1, 0, 3]


# ---- histories that took another way ---------------------------------------------------------------------------------


def amend(repo, edit):
    session, root = opened(repo)
    edit(root)
    return session.amend("amended")


def test_changes_based_on_an_amended_commit_are_carried_over(repo_v2):
    commit(repo_v2, lambda root: root.create_array("n", shape=(4,), chunks=(1,), dtype="i4"))
    session, root = opened(repo_v2)
    root["n"][0] = 7
    amended = amend(repo_v2, set_chunk("a", 0, 4))

    session.rebase(ConflictDetector())
    session.commit("ours")

    assert values(tip(repo_v2)["n"]) == [7, 0, 0, 0]
    assert values(tip(repo_v2)["a"]) == [4, 0, 0, 0]
    assert repo_v2.lookup_snapshot(repo_v2.lookup_branch("main")).parent_id == amended


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (lambda root: root.__delitem__("n"), [(ConflictType.ChunksUpdatedInDeletedArray, "/n")]),
        (lambda root: root["n"].attrs.update(k=1), [(ConflictType.ChunksUpdatedInUpdatedArray, "/n")]),
        (set_chunk("n", slice(0, 2), 5), [(ConflictType.ChunkDoubleUpdate, "/n")]),
        (set_chunk("n", 3, 5), []),
    ],
    ids=["array deleted", "metadata changed", "same chunk", "other chunk"],
)
def test_only_what_the_amendment_changed_conflicts(repo_v2, edit, expected):
    def create(root):
        root.create_array("n", shape=(4,), chunks=(1,), dtype="i4")[:] = 1

    commit(repo_v2, create)
    session, root = opened(repo_v2)
    root["n"][0] = 7
    base = session.snapshot_id
    amended = amend(repo_v2, edit)

    if not expected:
        session.rebase(ConflictDetector())
        assert session.snapshot_id == amended
        return
    with pytest.raises(RebaseFailedError) as failure:
        session.rebase(ConflictDetector())
    assert failure.value.snapshot == amended
    assert kinds(failure) == expected
    assert session.snapshot_id == base
    assert values(root["n"]) == [7, 1, 1, 1]


def test_changes_to_what_a_reset_took_away_are_conflicts_and_not_lost(repo):
    before = repo.lookup_branch("main")
    commit(repo, lambda root: root.create_array("n", shape=(4,), chunks=(1,), dtype="i4"))
    session, root = opened(repo)
    root["n"][0] = 7
    root["b"][0] = 9
    repo.reset_branch("main", before)

    with pytest.raises(RebaseFailedError) as failure:
        session.rebase(BasicConflictSolver())

    assert kinds(failure) == [(ConflictType.ChunksUpdatedInDeletedArray, "/n")]
    assert values(root["n"]) == [7, 0, 0, 0]


def test_changes_that_a_reset_does_not_touch_are_carried_over(repo):
    before = repo.lookup_branch("main")
    commit(repo, set_chunk("a", 0, 5))
    session, root = opened(repo)
    root["b"][0] = 9
    repo.reset_branch("main", before)
    other = commit(repo, set_chunk("a", 1, 6))

    session.rebase(ConflictDetector())

    assert session.snapshot_id == other
    session.commit("ours")
    assert values(tip(repo)["a"]) == [0, 6, 0, 0]
    assert values(tip(repo)["b"]) == [9, 0, 0, 0]


def test_a_node_that_only_the_new_history_has_is_in_the_way(repo):
    before = repo.lookup_branch("main")
    commit(repo, set_chunk("a", 0, 5))
    session, root = opened(repo)
    root.create_group("n")
    repo.reset_branch("main", before)
    commit(repo, lambda root: root.create_group("n"))

    with pytest.raises(RebaseFailedError) as failure:
        session.rebase(BasicConflictSolver())

    assert kinds(failure) == [(ConflictType.NewNodeConflictsWithExistingNode, "/n")]


def test_deleting_what_the_other_history_has_otherwise_needs_the_solvers_leave(repo):
    before = repo.lookup_branch("main")
    commit(repo, set_chunk("a", 0, 5))
    session, root = opened(repo)
    del root["a"]
    repo.reset_branch("main", before)
    commit(repo, set_chunk("b", 0, 5))

    with pytest.raises(RebaseFailedError) as failure:
        session.rebase(ConflictDetector())

    assert kinds(failure) == [(ConflictType.DeleteOfUpdatedArray, "/a")]
    session.rebase(BasicConflictSolver())
    session.commit("ours")
    assert "a" not in tip(repo)


def test_nodes_that_were_moved_in_the_history_that_was_left_cannot_be_rebased(repo_v2):
    before = repo_v2.lookup_branch("main")
    mover = repo_v2.rearrange_session("main")
    mover.move("/a", "/moved")
    mover.commit("moved")
    session, root = opened(repo_v2)
    root["moved"][0] = 1
    repo_v2.reset_branch("main", before)

    with pytest.raises(RebaseFailedError) as failure:
        session.rebase(BasicConflictSolver())

    assert kinds(failure) == [(ConflictType.MoveOperationCannotBeRebased, "")]
