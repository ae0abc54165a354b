"""What a rebased commit keeps of the attempt before it: manifests of the same references are not stored again."""

from datetime import UTC, datetime

import numpy as np
import pytest
import zarr

from frazil import BasicConflictSolver, ConflictDetector, ConflictError, VersionSelection
from frazil.format.ids import format_id
from tests.unit.rebase.writers import a_repository, commit, opened, set_chunk, tip, values


@pytest.fixture(params=[1, 2])
def repo(request):
    return a_repository(request.param)


def lose(session):
    """Let a commit come too late; gives the manifests that it has stored all the same."""
    with pytest.raises(ConflictError):
        session.commit("too late")
    return stored(session)


def stored(session):
    return {format_id(file.id) for file in session._session.tree.stored_manifests.values()}


def listed(repo, snapshot):
    return {file.id for file in repo.list_manifest_files(snapshot)}


def test_manifests_of_arrays_that_nobody_else_touched_are_kept(repo):
    session, root = opened(repo)
    root["b"][0] = 1
    root["g/x"][3] = 2
    commit(repo, set_chunk("a", 3, 3))
    made = lose(session)
    assert len(made) == 2
    session.rebase(ConflictDetector())
    assert made < listed(repo, session.commit("ours"))
    assert [values(tip(repo)[name]) for name in ("a", "b", "g/x")] == [[0, 0, 0, 3], [1, 0, 0, 0], [0, 0, 0, 2]]
    assert not stored(session)


def test_an_array_that_they_wrote_too_is_merged_anew(repo):
    session, root = opened(repo)
    root["a"][0] = 1
    root["b"][0] = 1
    commit(repo, set_chunk("a", 3, 3))
    made = lose(session)
    session.rebase(ConflictDetector())
    assert len(made & listed(repo, session.commit("ours"))) == 1
    assert values(tip(repo)["a"]) == [1, 0, 0, 3]
    assert values(tip(repo)["b"]) == [1, 0, 0, 0]


@pytest.mark.parametrize("edit", [set_chunk("b", 1, 7), set_chunk("a", 1, 7)])
def test_what_is_written_between_the_attempts_counts(repo, edit):
    session, root = opened(repo)
    root["b"][0] = 1
    commit(repo, set_chunk("a", 3, 3))
    made = lose(session)
    session.rebase(ConflictDetector())
    edit(root)
    expected = values(root["b"])
    kept = made & listed(repo, session.commit("ours"))
    assert values(tip(repo)["b"]) == expected
    assert bool(kept) == (expected[1] == 0)


def test_a_chunk_that_is_deleted_and_one_that_gives_way_count(repo):
    session, root = opened(repo)
    root["a"][:2] = 1
    root["b"][:2] = 1
    root["g/x"][:2] = 1
    commit(repo, set_chunk("a", 0, 5))
    made = lose(session)
    session.rebase(BasicConflictSolver(on_chunk_conflict=VersionSelection.UseTheirs))
    assert values(root["a"]) == [5, 1, 0, 0]
    session._session.tree.delete_chunk(session._session.tree.existing_array("/b"), (1,))
    assert len(made & listed(repo, session.commit("ours"))) == 1
    assert values(tip(repo)["a"]) == [5, 1, 0, 0]
    assert values(tip(repo)["b"]) == [1, -1, 0, 0]
    assert values(tip(repo)["g/x"]) == [1, 1, 0, 0]


def test_losing_time_after_time(repo):
    """Of each attempt only the array is stored anew that they have changed since."""
    session, root = opened(repo)
    root["a"][0] = 1
    root["b"][0] = 1
    attempts = []
    for number in range(1, 4):
        commit(repo, set_chunk("a", number, number))
        attempts.append(lose(session))
        session.rebase(ConflictDetector())
    attempts.append(listed(repo, session.commit("ours")))
    assert len(set.intersection(*attempts)) == 1
    assert [len(made) for made in attempts[:-1]] == [2, 2, 2]
    assert values(tip(repo)["a"]) == [1, 1, 2, 3]


def test_what_was_stored_in_vain_is_collected_and_nothing_else(repo):
    session, root = opened(repo)
    root["a"][0] = 1
    root["b"][0] = 1
    commit(repo, set_chunk("a", 3, 3))
    lose(session)
    session.rebase(ConflictDetector())
    session.commit("ours")
    summary = repo.garbage_collect(datetime(2100, 1, 1, tzinfo=UTC))
    assert (summary.manifests_deleted, summary.snapshots_deleted) == (1, 1)
    assert repo.garbage_collect(datetime(2100, 1, 1, tzinfo=UTC)).manifests_deleted == 0
    assert values(tip(repo)["a"]) == [1, 0, 0, 3]
    assert values(tip(repo)["b"]) == [1, 0, 0, 0]


def test_a_fork_with_changes_leaves_manifests_to_the_commit(repo):
    session, root = opened(repo)
    root["a"][0] = 1
    fork = session.fork()
    made = stored(session)
    zarr.open_array(fork.store, path="b", mode="r+")[1] = 2
    session.merge(fork)
    assert made < listed(repo, session.commit("ours"))
    assert [values(tip(repo)[name]) for name in ("a", "b")] == [[1, 0, 0, 0], [0, 2, 0, 0]]


def test_arrays_that_share_a_file(repo):
    """Many small arrays are in files together, which one other commit makes differ."""
    names = [f"v{number:02d}" for number in range(40)]

    def create(root):
        for name in names:
            root.create_array(name, shape=(8,), chunks=(1,), dtype="i4", fill_value=-1)

    commit(repo, create)
    session, root = opened(repo)
    for name in names:
        root[name][0] = 1
    commit(repo, set_chunk("a", 0, 9))
    made = lose(session)
    commit(repo, set_chunk("v03", 7, 7))
    session.rebase(ConflictDetector())
    session.commit("ours")
    assert made
    expected = np.full((40, 8), -1)
    expected[:, 0] = 1
    expected[3, 7] = 7
    assert [values(tip(repo)[name]) for name in names] == expected.tolist()
