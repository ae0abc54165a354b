"""New layouts of manifests for data that stays as it is."""

import numpy as np
import pytest
import zarr

import frazil
from frazil import ManifestConfig, ManifestSplitCondition, ManifestSplitDimCondition, ManifestSplittingConfig

PIECES_OF_THREE = frazil.RepositoryConfig(
    manifest=ManifestConfig(
        splitting=ManifestSplittingConfig.from_dict(
            {ManifestSplitCondition.AnyArray(): {ManifestSplitDimCondition.Any(): 3}}
        )
    )
)


@pytest.fixture(params=[1, 2])
def repo(request):
    return a_repository(request.param)


@pytest.fixture
def repo_v2():
    return a_repository(2)


def a_repository(spec_version):
    repo = frazil.Repository.create(frazil.in_memory_storage(), spec_version=spec_version)
    session = repo.writable_session("main")
    zarr.create_array(session.store, name="a", shape=(10,), chunks=(1,), dtype="i4")[:] = 1 + np.arange(10)
    session.commit("ten chunks in one manifest")
    return repo


def layout(repo):
    return sorted(file.num_chunk_refs for file in repo.list_manifest_files(repo.lookup_branch("main")))


def split(repo):
    return frazil.Repository.open(repo.storage, config=PIECES_OF_THREE)


def test_the_tip_is_laid_out_as_the_configuration_says(repo):
    before = repo.lookup_branch("main")
    assert layout(repo) == [10]

    made = split(repo).rewrite_manifests("split", branch="main")

    assert repo.lookup_branch("main") == made
    assert repo.lookup_snapshot(made).parent_id == before
    assert layout(repo) == [1, 3, 3, 3]
    array = zarr.open_array(repo.readonly_session("main").store, path="a", mode="r")
    assert np.array_equal(array[:], 1 + np.arange(10))
    assert repo.diff(from_snapshot_id=before, to_snapshot_id=made).is_empty()


def test_and_back_again(repo):
    split(repo).rewrite_manifests("split", branch="main")
    repo.rewrite_manifests("join", branch="main")
    assert layout(repo) == [10]


def test_an_amendment_takes_the_place_of_the_tip(repo_v2):
    tip = repo_v2.lookup_snapshot(repo_v2.lookup_branch("main"))
    made = split(repo_v2).rewrite_manifests("split", branch="main", commit_method="amend")
    assert repo_v2.lookup_snapshot(made).parent_id == tip.parent_id
    assert layout(repo_v2) == [1, 3, 3, 3]


def test_the_metadata_say_how_it_was_split_and_keep_what_else_they_say(repo):
    made = split(repo).rewrite_manifests("split", branch="main", metadata={"by": "me", "__icechunk": {"note": 1}})
    assert repo.lookup_snapshot(made).metadata == {
        "by": "me",
        "__icechunk": {
            "note": 1,
            "splitting_config": {"split_sizes": [["any_array", [{"condition": "Any", "num_chunks": 3}]]]},
        },
    }


def test_spec_1_cannot_amend():
    with pytest.raises(frazil.FormatError, match="amend is not supported") as failure:
        a_repository(1).rewrite_manifests("split", branch="main", commit_method="amend")
    assert failure.value.kind == "unsupported-operation-for-version"


def test_another_method_or_an_unknown_branch_is_refused(repo):
    with pytest.raises(ValueError, match="Invalid commit method: 'zz'"):
        repo.rewrite_manifests("split", branch="main", commit_method="zz")
    with pytest.raises(frazil.RefNotFoundError):
        repo.rewrite_manifests("split", branch="nope")


def test_a_repository_that_was_set_read_only_is_left_alone(repo_v2):
    repo_v2.set_status(frazil.RepoStatus(frazil.RepoAvailability.read_only))
    with pytest.raises(frazil.ReadOnlyError):
        repo_v2.rewrite_manifests("split", branch="main")
