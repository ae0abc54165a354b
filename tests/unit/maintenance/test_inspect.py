"""Descriptions of files; their shapes are held against the official package in tests/interop."""

import json

import pytest
import zarr

import frazil
from frazil.maintenance.inspect import _time
from frazil.version import WRITER


@pytest.fixture(params=[1, 2])
def repo(request):
    return a_repository(request.param)


def a_repository(spec_version):
    repo = frazil.Repository.create(frazil.in_memory_storage(), spec_version=spec_version)
    session = repo.writable_session("main")
    array = zarr.create_array(
        session.store, name="g/a", shape=(4, 3), chunks=(2, 3), dtype="i4", dimension_names=["t", None]
    )
    array[:2] = 1
    session.commit("first", {"by": "me"})
    return repo


def test_descriptions_are_json(repo):
    tip = repo.lookup_branch("main")
    (manifest,) = repo.list_manifest_files(tip)
    for shown in (repo.inspect_snapshot(tip), repo.inspect_manifest(manifest.id), repo.inspect_transaction_log(tip)):
        assert json.loads(json.dumps(shown)) == shown


def test_a_snapshot_says_who_wrote_it_and_what_is_in_it(repo):
    tip = repo.lookup_branch("main")
    shown = repo.inspect_snapshot(tip)
    assert shown["header"]["written_by"] == WRITER
    assert (shown["header"]["app_name"], shown["header"]["app_version"]) == tuple(WRITER.split("-", 1))
    assert shown["header"]["spec_version"] == f"{int(repo.spec_version)}.0"
    assert (shown["id"], shown["commit_message"], shown["metadata"]) == (tip, "first", {"by": "me"})
    (array,) = [node for node in shown["nodes"] if node["node_type"] == "array"]
    assert array["path"] == "/g/a"
    assert array["shape"] == [{"name": "t", "array_length": 4, "num_chunks": 2}, {"array_length": 3, "num_chunks": 1}]
    assert array["manifest_refs"] == [{"id": shown["manifests"][0]["id"], "extents": [[0, 1], [0, 1]]}]
    assert array["id"] == repo.readonly_session("main").get_node_id("/g/a")


def test_a_transaction_log_names_nodes_by_id(repo):
    shown = repo.inspect_transaction_log(repo.lookup_branch("main"))
    array = repo.readonly_session("main").get_node_id("/g/a")
    assert shown["new_arrays"] == [array]
    assert shown["updated_chunks"] == [{"node_id": array, "chunks": [[0, 0]]}]
    assert "synthetic_composite" not in shown


def test_a_log_over_expired_commits_merges_theirs_and_names_the_missing():
    repo = a_repository(2)
    first = repo.lookup_branch("main")
    session = repo.writable_session("main")
    zarr.open_array(session.store, path="g/a")[2:] = 2
    tip = session.commit("second")
    repo.expire_snapshots(repo.lookup_snapshot(tip).written_at)

    shown = repo.inspect_transaction_log(tip)
    assert shown["synthetic_composite"]["merged_pruned_ancestor_tx_logs"] == [first]
    assert [found["chunks"] for found in shown["updated_chunks"]] == [[[0, 0], [1, 0]]]

    repo._repository.context.objects.delete_many([f"transactions/{first}"])
    shown = repo.inspect_transaction_log(tip)
    assert shown["synthetic_composite"]["missing_tx_logs"] == [first]
    assert [found["chunks"] for found in shown["updated_chunks"]] == [[[1, 0]]]


def test_the_repo_object_lists_refs_snapshots_and_updates():
    repo = frazil.Repository.create(frazil.in_memory_storage())
    repo.create_tag("t", repo.lookup_branch("main"))
    repo.set_feature_flag("move_node", setting=False)
    repo.set_feature_flag("move_node", setting=None)
    repo.set_status(frazil.RepoStatus(frazil.RepoAvailability.online, limited_availability_reason="why"))
    shown = repo.inspect_repo_info()
    assert json.loads(json.dumps(shown)) == shown
    assert (list(shown["branches"]), list(shown["tags"])) == (["main"], ["t"])
    status, back, off, tag, start = (update["update_type"] for update in shown["latest_updates"])
    assert (status["type"], status["status"]["limited_availability_reason"]) == ("RepoStatusChangedUpdate", "why")
    assert back == {"type": "FeatureFlagChanged", "id": 3, "new_value": None}
    assert off == {"type": "FeatureFlagChanged", "id": 3, "new_value": False}
    assert tag == {"type": "TagCreatedUpdate", "name": "t"}
    assert start == {"type": "RepoInitializedUpdate"}


@pytest.mark.parametrize("method", ["inspect_snapshot", "inspect_manifest", "inspect_transaction_log"])
def test_what_is_missing_or_no_id_is_an_error_with_a_name(repo, method):
    with pytest.raises(frazil.StorageError, match="object not found") as missing:
        getattr(repo, method)("0000000000000000000G")
    assert missing.value.kind == "object-not-found"
    with pytest.raises(frazil.IcechunkError, match="zz"):
        getattr(repo, method)("zz")


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [
        (1_700_000_000_000_000, "2023-11-14T22:13:20Z"),
        (1_700_000_000_120_000, "2023-11-14T22:13:20.120Z"),
        (1_700_000_000_123_450, "2023-11-14T22:13:20.123450Z"),
    ],
)
def test_times_have_as_many_decimals_as_they_need(microseconds, text):
    assert _time(microseconds) == text
