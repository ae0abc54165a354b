"""Expiration of real repositories."""

from datetime import UTC, datetime

import numpy as np
import pytest
import zarr

import frazil
from frazil import _core
from frazil.format import keys
from frazil.format.ids import parse_snapshot_id

FUTURE = datetime(2100, 1, 1, tzinfo=UTC)
PAST = datetime(2000, 1, 1, tzinfo=UTC)


def a_repository(spec_version, commits=5):
    repo = frazil.Repository.create(frazil.in_memory_storage(), spec_version=spec_version)
    for number in range(1, commits + 1):
        commit(repo, f"a{number}")
    return repo


def commit(repo, name, branch="main"):
    session = repo.writable_session(branch)
    zarr.create_array(session.store, name=name, shape=(2,), chunks=(1,), dtype="i4")[:] = 1
    return session.commit(name)


def history(repo, **version):
    return [entry.message for entry in repo.ancestry(**version)]


def entry_of(repo, message, branch="main"):
    return next(entry for entry in repo.ancestry(branch=branch) if entry.message == message)


@pytest.fixture(params=[1, 2])
def repo(request):
    return a_repository(request.param)


@pytest.fixture
def repo_v1():
    return a_repository(1)


@pytest.fixture
def repo_v2():
    return a_repository(2)


ROOT = "Repository initialized"


def test_what_is_younger_stays_linked_to_the_root(repo):
    edge = entry_of(repo, "a3")
    released = repo.expire_snapshots(edge.written_at)
    assert history(repo, branch="main") == ["a5", "a4", "a3", ROOT]
    assert len(released) == 2


def test_nothing_old_means_nothing_released(repo):
    before = history(repo, branch="main")
    assert repo.expire_snapshots(PAST) == set()
    assert history(repo, branch="main") == before


def test_a_second_expiration_finds_nothing(repo):
    assert repo.expire_snapshots(FUTURE)
    assert repo.expire_snapshots(FUTURE) == set()
    assert history(repo, branch="main") == ["a5", ROOT]


def test_the_data_of_what_stays_is_untouched(repo):
    repo.expire_snapshots(FUTURE)
    root = zarr.open_group(repo.readonly_session("main").store, mode="r")
    assert sorted(root.array_keys()) == ["a1", "a2", "a3", "a4", "a5"]
    assert all(np.array_equal(array[:], [1, 1]) for _, array in root.arrays())


def test_refs_keep_their_tips_unless_they_shall_go(repo):
    repo.create_tag("v1", entry_of(repo, "a1").id)
    repo.create_branch("old", entry_of(repo, "a3").id)

    repo.expire_snapshots(FUTURE)
    assert history(repo, tag="v1") == ["a1", ROOT]
    assert history(repo, branch="old") == ["a3", ROOT]

    repo.expire_snapshots(FUTURE, delete_expired_branches=True, delete_expired_tags=True)
    assert (repo.list_branches(), repo.list_tags()) == ({"main"}, set())
    with pytest.raises(frazil.AlreadyExistsError):
        repo.create_tag("v1", repo.lookup_branch("main"))


def test_commits_can_be_made_on_what_stays(repo):
    repo.expire_snapshots(FUTURE)
    commit(repo, "a6")
    assert history(repo, branch="main") == ["a6", "a5", ROOT]


def test_a_branch_that_forked_off_an_expired_commit_is_linked_to_the_root_too(repo):
    repo.create_branch("dev", entry_of(repo, "a2").id)
    commit(repo, "d1", branch="dev")
    edge = entry_of(repo, "a5")

    repo.expire_snapshots(edge.written_at)

    assert history(repo, branch="main") == ["a5", ROOT]
    assert history(repo, branch="dev") == ["d1", ROOT]


# ---- spec 2 ----------------------------------------------------------------------------------------------------------


def test_released_snapshots_are_unknown_at_once(repo_v2):
    for released in repo_v2.expire_snapshots(FUTURE):
        with pytest.raises(frazil.SnapshotNotFoundError):
            repo_v2.lookup_snapshot(released)


def test_old_detached_snapshots_are_released_too(repo_v2):
    session = repo_v2.writable_session("main")
    zarr.create_group(session.store, path="detached")
    detached = session.flush("detached")
    assert detached in repo_v2.expire_snapshots(FUTURE)


def test_diffs_over_the_gap_stay_complete(repo_v2):
    root = entry_of(repo_v2, ROOT).id
    before = repo_v2.diff(from_snapshot_id=root, to_branch="main")
    repo_v2.expire_snapshots(FUTURE)
    assert repo_v2.diff(from_snapshot_id=root, to_branch="main") == before


@pytest.mark.parametrize("older_than", [PAST, FUTURE])
def test_every_run_is_logged(repo_v2, older_than):
    repo_v2.expire_snapshots(older_than)
    assert next(iter(repo_v2.ops_log())).kind == frazil.UpdateType.ExpirationRan()


def test_a_repository_that_was_set_read_only_is_left_alone(repo_v2):
    repo_v2.set_status(frazil.RepoStatus(frazil.RepoAvailability.read_only))
    with pytest.raises(frazil.ReadOnlyError):
        repo_v2.expire_snapshots(FUTURE)


# ---- spec 1 ----------------------------------------------------------------------------------------------------------


def test_spec_1_rewrites_only_the_parent_of_the_oldest_that_stays(repo_v1):
    objects = repo_v1._repository.context.objects
    edge, root = entry_of(repo_v1, "a3"), entry_of(repo_v1, ROOT)
    before = {meta.key: bytes(objects.get(meta.key)) for meta in objects.list()}

    repo_v1.expire_snapshots(edge.written_at)

    after = {meta.key: bytes(objects.get(meta.key)) for meta in objects.list()}
    key = keys.snapshot(parse_snapshot_id(edge.id))
    assert {name for name in after if after[name] != before.get(name)} == {key}
    assert before.keys() == after.keys()
    old, new = (_core.Snapshot.decode(files[key], parse_snapshot_id(edge.id)) for files in (before, after))
    assert new.parent_id == parse_snapshot_id(root.id)
    assert new.nodes() == old.nodes()
    assert new.manifest_files() == old.manifest_files()
    assert (new.id, new.flushed_at, new.message, new.metadata) == (old.id, old.flushed_at, old.message, old.metadata)
    assert new.file_spec_version == 1
