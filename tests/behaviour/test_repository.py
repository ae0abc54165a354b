"""Creating, opening, refs and versions, as callers see them."""

import pickle
import subprocess
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import zarr

import frazil
from frazil import (
    ConflictError,
    IcechunkError,
    InvalidInputError,
    Repository,
    RepositoryConfig,
    RepositoryNotFoundError,
    SessionStateError,
    SpecVersion,
)

ROOT_ID = "1CECHNKREP0F1RSTCMT0"


@pytest.fixture(params=[1, 2], ids=["v1", "v2"])
def spec_version(request: pytest.FixtureRequest) -> int:
    version: int = request.param
    return version


@pytest.fixture
def repo(spec_version: int) -> Repository:
    return Repository.create(frazil.in_memory_storage(), spec_version=spec_version)


def commit(repo: Repository, branch: str = "main", message: str = "x") -> str:
    return repo.writable_session(branch).commit(message, allow_empty=True)


# ---- the package -----------------------------------------------------------------------------------------------------


def test_debug_information_can_be_printed(capsys: pytest.CaptureFixture[str]) -> None:
    frazil.print_debug_info()
    assert "frazil:  " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wanted", "said"), [(255, "Unsupported version 255"), ("two", "Couldn't parse a valid version")]
)
def test_spec_versions_that_do_not_exist(wanted: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Repository.create(frazil.in_memory_storage(), spec_version=wanted)


@pytest.mark.parametrize("wanted", [1, 2, SpecVersion.v1, SpecVersion.v2, None])
def test_spec_versions_that_do(wanted: Any) -> None:
    storage = frazil.in_memory_storage()
    Repository.create(storage, spec_version=wanted)
    assert Repository.fetch_spec_version(storage) == (wanted if wanted is not None else SpecVersion.v2)
    assert Repository.open(storage).spec_version == Repository.fetch_spec_version(storage)


# ---- creating and opening --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", [None, "", "/"])
def test_an_empty_prefix_is_refused_before_any_request(prefix: str | None) -> None:
    # Nobody listens on port 9: a request would fail otherwise.
    storage = frazil.s3_storage(
        bucket="b",
        prefix=prefix,
        region="r",
        endpoint_url="http://127.0.0.1:9",
        allow_http=True,
        access_key_id="a",
        secret_access_key="b",
    )
    with pytest.raises(InvalidInputError, match="empty prefix") as refused:
        Repository.create(storage)
    assert refused.value.kind == "empty-prefix-creation"


def test_only_a_configuration_that_says_something_is_stored(spec_version: int) -> None:
    for config, stored in [
        (None, None),
        (RepositoryConfig(), None),
        (RepositoryConfig.default(), None),
        (RepositoryConfig(inline_chunk_threshold_bytes=7), 7),
    ]:
        storage = frazil.in_memory_storage()
        Repository.create(storage, config, spec_version=spec_version)
        fetched = Repository.fetch_config(storage)
        assert (fetched.inline_chunk_threshold_bytes if fetched else None) == stored


def test_opening_nothing_makes_nothing(tmp_path: Path) -> None:
    storage = frazil.local_filesystem_storage(tmp_path / "nowhere")
    with pytest.raises(RepositoryNotFoundError, match="the repository doesn't exist") as missing:
        Repository.open(storage)
    assert missing.value.kind == "repository-not-found"
    assert missing.value.__notes__
    assert not (tmp_path / "nowhere").exists()
    assert not Repository.exists(storage)


@pytest.mark.parametrize("opening", ["create", "open", "open_or_create", "reopen"])
def test_none_as_authorisation_is_deprecated(opening: str) -> None:
    storage = frazil.in_memory_storage()
    existing = [] if opening == "create" else [Repository.create(storage)]
    call = existing[0].reopen if opening == "reopen" else partial(getattr(Repository, opening), storage)
    with pytest.warns(DeprecationWarning, match="authorize_virtual_chunk_access") as caught:
        call(authorize_virtual_chunk_access={"s3://a/": None})
    assert [warning.filename for warning in caught] == [__file__]
    assert 'authorize_virtual_chunk_access={"s3://a/": ' in str(caught[0].message)


def test_reopening_makes_another_repository(repo: Repository) -> None:
    session = repo.readonly_session("main")
    other = repo.reopen(RepositoryConfig(inline_chunk_threshold_bytes=7))
    assert other is not repo
    assert other.config.inline_chunk_threshold_bytes == 7
    assert repo.config.inline_chunk_threshold_bytes != 7
    assert session.config.inline_chunk_threshold_bytes != 7
    assert other.readonly_session("main").config.inline_chunk_threshold_bytes == 7


def test_authorised_prefixes_come_back_as_given() -> None:
    access = frazil.containers_credentials({"s3://a": frazil.s3_anonymous_credentials(), "s3://b/": None})
    given = {prefix: credential for prefix, credential in access.items() if credential is not None}
    repo = Repository.create(frazil.in_memory_storage(), authorize_virtual_chunk_access=given)
    assert repo.authorized_virtual_container_prefixes == {"s3://a"}


def test_default_commit_metadata_is_for_later_sessions_and_travels(tmp_path: Path, spec_version: int) -> None:
    storage = frazil.local_filesystem_storage(tmp_path / "repo")
    repo = Repository.create(storage, spec_version=spec_version)
    before = repo.writable_session("main")
    repo.set_default_commit_metadata({"who": "me", "why": "because"})
    assert repo.default_commit_metadata() == {"who": "me", "why": "because"}
    assert repo.lookup_snapshot(before.commit("a", allow_empty=True)).metadata == {}
    explicit = repo.writable_session("main").commit("b", {"who": "you"}, allow_empty=True)
    assert repo.lookup_snapshot(explicit).metadata == {"who": "you", "why": "because"}
    travelled = pickle.loads(pickle.dumps(repo))
    assert travelled.default_commit_metadata() == {"who": "me", "why": "because"}
    assert Repository.open(storage).default_commit_metadata() == {}


# ---- versions --------------------------------------------------------------------------------------------------------


def test_a_snapshot_whose_file_is_gone_is_named(tmp_path: Path, spec_version: int) -> None:
    Repository.create(frazil.local_filesystem_storage(tmp_path / "repo"), spec_version=spec_version)
    (tmp_path / "repo" / "snapshots" / ROOT_ID).unlink()
    with pytest.raises(IcechunkError, match=rf"(?s)object not found.*{ROOT_ID}"):
        Repository.open(frazil.local_filesystem_storage(tmp_path / "repo")).readonly_session("main").store  # noqa: B018


@pytest.mark.parametrize("start", ["itself", "a sibling", "a descendant"])
def test_differences_go_from_an_ancestor(repo: Repository, start: str) -> None:
    first = commit(repo)
    repo.create_branch("dev", first)
    sibling, second = commit(repo, "dev"), commit(repo)
    third = commit(repo)
    assert repo.diff(from_snapshot_id=first, to_snapshot_id=second).is_empty()
    begin = {"itself": second, "a sibling": sibling, "a descendant": third}[start]
    with pytest.raises(InvalidInputError, match="doesn't include") as refused:
        repo.diff(from_snapshot_id=begin, to_snapshot_id=second)
    assert refused.value.kind == "bad-snapshot-chain-for-diff"


@pytest.mark.parametrize("versions", [{}, {"branch": "main", "tag": "t"}, {"tag": "t", "snapshot_id": ROOT_ID}])
def test_a_version_is_named_once(repo: Repository, versions: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="Must provide one of branch, tag, or snapshot_id"):
        repo.readonly_session(**versions)


def test_as_of_needs_a_branch(repo: Repository) -> None:
    with pytest.raises(ValueError, match="as_of argument must be provided together with a branch name"):
        repo.readonly_session(snapshot_id=ROOT_ID, as_of=datetime(2100, 1, 1, tzinfo=UTC))
    assert repo.readonly_session("main", as_of=datetime(2100, 1, 1, tzinfo=UTC)).snapshot_id == ROOT_ID
    with pytest.raises(frazil.SnapshotNotFoundError):
        repo.readonly_session("main", as_of=datetime(2000, 1, 1, tzinfo=UTC))


def test_main_cannot_be_deleted(repo: Repository) -> None:
    with pytest.raises(SessionStateError, match="main branch cannot be deleted") as refused:
        repo.delete_branch("main")
    assert refused.value.kind == "cannot-delete-main"


def test_a_reset_can_depend_on_where_the_branch_is(repo: Repository) -> None:
    first, second = commit(repo), commit(repo)
    with pytest.raises(ConflictError, match="branch update conflict") as refused:
        repo.reset_branch("main", ROOT_ID, from_snapshot_id=first)
    assert refused.value.kind == "branch-update-conflict"
    assert repo.lookup_branch("main") == second
    repo.reset_branch("main", first, from_snapshot_id=second)
    assert repo.lookup_branch("main") == first
    repo.reset_branch("main", ROOT_ID)
    assert repo.lookup_branch("main") == ROOT_ID


def test_a_transaction_commits_what_was_done_and_nothing_else(repo: Repository) -> None:
    with repo.transaction("main", message="made", metadata={"a": 1}) as store:
        zarr.create_group(store, path="g")
    (newest, *_) = repo.ancestry(branch="main")
    assert (newest.message, newest.metadata) == ("made", {"a": 1})
    with (
        pytest.raises(SessionStateError, match="no changes made to the session"),
        repo.transaction("main", message="nothing"),
    ):
        pass
    assert repo.lookup_branch("main") == newest.id
    with pytest.raises(RuntimeError, match="stop"), repo.transaction("main", message="never") as store:
        zarr.create_group(store, path="other")
        raise RuntimeError("stop")
    assert repo.lookup_branch("main") == newest.id


# ---- what only spec 2 has --------------------------------------------------------------------------------------------


def test_spec_1_says_how_to_get_what_it_does_not_have() -> None:
    repo = Repository.create(frazil.in_memory_storage(), spec_version=1)
    calls: list[Any] = [
        lambda: repo.rearrange_session("main"),
        lambda: repo.writable_session("main").amend("x", allow_empty=True),
        lambda: repo.ops_log(),
        lambda: repo.status,
        lambda: repo.set_status(frazil.RepoStatus(frazil.RepoAvailability.read_only)),
        lambda: repo.feature_flags(),
        lambda: repo.set_feature_flag("move_node", False),
        lambda: repo.metadata,
        lambda: repo.set_metadata({}),
        lambda: repo.update_metadata({}),
        lambda: repo.inspect_repo_info(),
    ]
    for call in calls:
        with pytest.raises(IcechunkError, match="upgrade") as refused:
            call()
        assert refused.value.kind == "unsupported-spec-version"


@pytest.mark.parametrize("page", [1, 2, 3, 4, 5])
def test_the_operations_log_names_every_backup(tmp_path: Path, page: int) -> None:
    config = RepositoryConfig(num_updates_per_repo_info_file=page)
    repo = Repository.create(frazil.local_filesystem_storage(tmp_path / "repo"), config)
    for number in range(7):
        commit(repo, message=str(number))
    repo.create_tag("t", ROOT_ID)
    updates = list(repo.ops_log())
    assert isinstance(updates[0].kind, frazil.UpdateType.TagCreated)
    assert isinstance(updates[-1].kind, frazil.UpdateType.RepoInitialized)
    times = [update.updated_at for update in updates]
    assert times == sorted(set(times), reverse=True)
    assert updates[0].backup_path is None
    backups = {path.name for path in (tmp_path / "repo" / "overwritten").iterdir()}
    assert {update.backup_path for update in updates[1:]} == backups


def test_an_upgraded_repository_is_not_used_any_more() -> None:
    old = Repository.create(frazil.in_memory_storage(), spec_version=1)
    new = frazil.upgrade_icechunk_repository(old, dry_run=False)
    assert new.spec_version == SpecVersion.v2
    for use in (lambda: old.list_branches(), lambda: old.config, lambda: old.writable_session("main")):
        with pytest.raises(RuntimeError, match="invalidated by upgrade_icechunk_repository"):
            use()


# ---- travelling ------------------------------------------------------------------------------------------------------


def test_a_repository_travels_whole(tmp_path: Path, spec_version: int) -> None:
    repo = Repository.create(
        frazil.local_filesystem_storage(tmp_path / "repo"),
        RepositoryConfig(inline_chunk_threshold_bytes=7),
        spec_version=spec_version,
        attribution=frazil.Attribution(workload="w"),
    )
    travelled = pickle.loads(pickle.dumps(repo))
    assert travelled.config == repo.config
    assert travelled.attribution == repo.attribution
    assert commit(travelled) == repo.lookup_branch("main")
    with pytest.raises(ValueError, match="Invalid repository state"):
        repo.__setstate__("nonsense")


def test_importing_leaves_the_lock_of_the_interpreter_as_it_is() -> None:
    script = (
        "import sys; enabled = getattr(sys, '_is_gil_enabled', lambda: True); before = enabled(); import frazil; "
        "print(before == enabled())"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
