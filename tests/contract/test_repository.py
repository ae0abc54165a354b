"""One life of a repository, on every kind of storage and in both formats."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

import frazil
from frazil.virtual.authorisation import Authorisation
from tests.servers.ceph import ceph
from tests.servers.place import Place
from tests.servers.places import SERVERS, place
from tests.servers.s3_servers import make_bucket, minio, temporary_credentials
from tests.servers.signed import s3_request

EVER = datetime(2100, 1, 1, tzinfo=UTC)
CHUNK = 100
"""Elements; 800 bytes are too many to be kept in a manifest."""

_SERVERS = [pytest.param(name, marks=pytest.mark.server) for name in SERVERS]


@pytest.fixture(params=["memory", "local", *_SERVERS])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> frazil.Storage:
    if request.param == "memory":
        return frazil.in_memory_storage()
    where = Place("local", {"path": str(tmp_path)}) if request.param == "local" else place(request.param)
    handle: frazil.Storage = where.storage()
    return handle


@pytest.fixture(params=[1, 2], ids=["spec 1", "spec 2"])
def spec(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def repo(storage: frazil.Storage, spec: int) -> frazil.Repository:
    """With an array ``a`` of four chunks, all 0."""
    made = frazil.Repository.create(storage, spec_version=spec)
    with made.transaction("main", message="start") as store:
        array = zarr.create_array(
            store, name="a", shape=(4 * CHUNK,), chunks=(CHUNK,), dtype="i8", compressors=None, fill_value=-1
        )
        array[:] = 0
    return made


def fill(session: frazil.Session, chunk: int, value: int) -> None:
    zarr.open_array(session.store, path="a", mode="r+")[chunk * CHUNK : (chunk + 1) * CHUNK] = value


def commit(repo: frazil.Repository, chunk: int, value: int, branch: str = "main") -> str:
    session = repo.writable_session(branch)
    fill(session, chunk, value)
    return session.commit(f"{value} in {chunk}")


def chunks(session: frazil.Session) -> list[int]:
    found = np.asarray(zarr.open_array(session.store, path="a", mode="r")[:]).reshape(4, CHUNK)
    assert (found == found[:, :1]).all()
    return [int(value) for value in found[:, 0]]


def messages(repo: frazil.Repository, branch: str = "main") -> list[str]:
    return [entry.message for entry in repo.ancestry(branch=branch)]


def kept(storage: frazil.Storage, folder: str) -> int:
    return len(storage.list_objects(prefix=folder))


def test_what_is_committed_is_read_by_whoever_opens(storage, repo, spec):
    commit(repo, 1, 11)
    with pytest.raises(frazil.IcechunkError):
        frazil.Repository.create(storage, spec_version=spec)
    other = frazil.Repository.open(storage)
    assert other.spec_version == spec
    assert chunks(other.readonly_session("main")) == [0, 11, 0, 0]
    assert messages(other) == ["11 in 1", "start", "Repository initialized"]
    assert frazil.Repository.exists(storage)


def test_there_is_nothing_where_nothing_was_made(storage):
    assert not frazil.Repository.exists(storage)
    with pytest.raises(frazil.RepositoryNotFoundError):
        frazil.Repository.open(storage)


def test_configuration_is_kept(storage, spec):
    config = frazil.RepositoryConfig(inline_chunk_threshold_bytes=17)
    frazil.Repository.create(storage, config, spec_version=spec)
    assert frazil.Repository.open(storage).config.inline_chunk_threshold_bytes == 17
    changed = frazil.Repository.open(storage, frazil.RepositoryConfig(inline_chunk_threshold_bytes=18))
    changed.save_config()
    fetched = frazil.Repository.fetch_config(storage)
    assert fetched is not None
    assert fetched.inline_chunk_threshold_bytes == 18


def test_branches_and_tags(storage, repo):
    first = repo.lookup_branch("main")
    second = commit(repo, 0, 1)
    repo.create_branch("feature é 1", first)
    repo.create_tag("v1", second)
    with pytest.raises(frazil.IcechunkError):
        repo.create_branch("feature é 1", second)
    with pytest.raises(frazil.IcechunkError):
        repo.create_tag("v1", first)
    third = commit(repo, 3, 3, branch="feature é 1")
    repo.reset_branch("main", first)

    other = frazil.Repository.open(storage)
    assert other.list_branches() == {"main", "feature é 1"}
    assert (other.lookup_branch("main"), other.lookup_branch("feature é 1")) == (first, third)
    assert chunks(other.readonly_session(tag="v1")) == [1, 0, 0, 0]
    assert chunks(other.readonly_session("feature é 1")) == [0, 0, 0, 3]
    other.delete_branch("feature é 1")
    other.delete_tag("v1")
    assert (repo.list_branches(), repo.list_tags()) == ({"main"}, set())
    with pytest.raises(frazil.IcechunkError):
        repo.create_tag("v1", first)


def test_of_two_commits_one_is_first(storage, repo):
    late, quick = repo.writable_session("main"), frazil.Repository.open(storage).writable_session("main")
    fill(late, 0, 1)
    fill(quick, 1, 2)
    tip = quick.commit("quick")
    with pytest.raises(frazil.ConflictError) as caught:
        late.commit("late")
    assert caught.value.actual_parent == tip
    late.commit("late", rebase_with=frazil.ConflictDetector())
    assert chunks(repo.readonly_session("main")) == [1, 2, 0, 0]


def test_a_conflict_is_found_and_settled(storage, repo):
    late, quick = repo.writable_session("main"), frazil.Repository.open(storage).writable_session("main")
    fill(late, 0, 1)
    fill(quick, 0, 2)
    quick.commit("quick")
    with pytest.raises(frazil.RebaseFailedError):
        late.commit("late", rebase_with=frazil.ConflictDetector())
    ours = frazil.BasicConflictSolver(on_chunk_conflict=frazil.VersionSelection.UseOurs)
    late.commit("late", rebase_with=ours)
    assert chunks(repo.readonly_session("main")) == [1, 0, 0, 0]


def test_a_commit_is_amended(storage, repo, spec):
    commit(repo, 0, 1)
    session = repo.writable_session("main")
    fill(session, 1, 2)
    if spec == 1:
        with pytest.raises(frazil.IcechunkError):
            session.amend("better")
        return
    session.amend("better")
    other = frazil.Repository.open(storage)
    assert messages(other) == ["better", "start", "Repository initialized"]
    assert chunks(other.readonly_session("main")) == [1, 2, 0, 0]


def test_what_is_expired_is_collected(storage, repo, spec):
    old = [commit(repo, 0, value) for value in range(1, 4)]
    repo.create_tag("kept", old[1])
    assert kept(storage, "chunks") == 4 + 3
    expired = repo.expire_snapshots(EVER)
    assert old[0] in expired
    if spec == 2:  # in the older format those that are kept are named too, as the official package does
        assert not {old[1], old[2]} & expired
    found = frazil.Repository.open(storage).garbage_collect(EVER)
    assert found.chunks_deleted == 2  # the first zeros, and the ones of the expired commit
    assert kept(storage, "chunks") == 5
    assert kept(storage, "snapshots") == 3  # main's, the tag's, and the initial one
    other = frazil.Repository.open(storage)
    assert chunks(other.readonly_session("main")) == [3, 0, 0, 0]
    assert chunks(other.readonly_session(tag="kept")) == [2, 0, 0, 0]


def test_what_is_young_is_not_collected(storage, repo):
    session = repo.writable_session("main")
    fill(session, 0, 1)
    assert kept(storage, "chunks") == 5
    repo.garbage_collect(datetime.now(UTC) - timedelta(hours=1))
    session.commit("after collection")
    assert chunks(repo.readonly_session("main")) == [1, 0, 0, 0]


def test_large_chunks_travel_in_parts(storage, spec):
    config = frazil.RepositoryConfig(
        storage=frazil.StorageSettings(
            minimum_size_for_multipart_upload=6 << 20,
            concurrency=frazil.StorageConcurrencySettings(
                max_concurrent_requests_for_object=3, ideal_concurrent_request_size=5 << 20
            ),
        )
    )
    repo = frazil.Repository.create(storage, config, spec_version=spec)
    data = np.random.default_rng(0).integers(0, 256, 12 << 20, dtype="u1")
    with repo.transaction("main", message="large") as store:
        array = zarr.create_array(store, name="a", shape=data.shape, chunks=data.shape, dtype="u1", compressors=None)
        array[:] = data
    (stored,) = storage.list_objects(prefix="chunks")
    assert stored[1] == data.size
    session = frazil.Repository.open(storage, config).readonly_session("main")
    found = zarr.open_array(session.store, path="a", mode="r")
    np.testing.assert_array_equal(found[:], data)


# --------------------------------------------------------------------------------------------------------------------
# virtual chunks


@dataclass(frozen=True)
class Source:
    """Files of others: where they are, and how a repository is told."""

    objects: Any
    container: frazil.VirtualChunkContainer
    credentials: Authorisation

    def repository(self, authorise: bool = True) -> frazil.Repository:
        config = frazil.RepositoryConfig.default()
        config.set_virtual_chunk_container(self.container)
        access = {self.container.url_prefix: self.credentials} if authorise else None
        return frazil.Repository.create(frazil.in_memory_storage(), config, authorize_virtual_chunk_access=access)


@pytest.fixture(params=["local", *_SERVERS])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Source]:
    if request.param == "local":
        where = Place("local", {"path": str(tmp_path)})
        store = frazil.local_filesystem_store(str(tmp_path))
        container = frazil.VirtualChunkContainer(f"{tmp_path.as_uri()}/", store)
        yield Source(where.store(), container, frazil.credentials.LocalFileSystemAccess)
        return
    where = place(request.param)
    yield Source(where.store(), *at_server(where))


def at_server(where: Place) -> tuple[frazil.VirtualChunkContainer, Authorisation]:
    arguments = where.arguments
    prefix = arguments["prefix"]
    credentials: Authorisation
    match where.kind:
        case "s3":
            names = ("region", "endpoint_url", "allow_http", "force_path_style")
            s3 = frazil.s3_store(**{name: arguments[name] for name in names}, s3_compatible=True)
            keys = {name: arguments[name] for name in ("access_key_id", "secret_access_key")}
            credentials = frazil.Credentials.S3(frazil.s3_credentials(**keys))
            return frazil.VirtualChunkContainer(f"s3://{arguments['bucket']}/{prefix}/", s3), credentials
        case "azure":
            azure = frazil.storage.azure_store(account=arguments["account"], config=arguments["config"])
            credentials = frazil.Credentials.Azure(frazil.azure_credentials(access_key=arguments["access_key"]))
            return frazil.VirtualChunkContainer(f"az://{arguments['container']}/{prefix}/", azure), credentials
        case _:
            gcs = frazil.gcs_store(arguments["config"])
            key = frazil.gcs_credentials(service_account_key=arguments["service_account_key"])
            credentials = frazil.Credentials.Gcs(key)
            return frazil.VirtualChunkContainer(f"gs://{arguments['bucket']}/{prefix}/", gcs), credentials


def refer(source: Source, repo: frazil.Repository, **checksum: Any) -> None:
    """Two chunks of four bytes from the middle of a file."""
    with repo.transaction("main", message="references") as store:
        zarr.create_array(store, name="a", shape=(8,), chunks=(4,), dtype="u1", compressors=None)
        for chunk in range(2):
            url = f"{source.container.url_prefix}deep/file.bin"
            store.set_virtual_ref(f"a/c/{chunk}", url, offset=3 + 4 * chunk, length=4, **checksum)


def values(repo: frazil.Repository) -> list[int]:
    found = np.asarray(zarr.open_array(repo.readonly_session("main").store, path="a", mode="r")[:])
    return [int(value) for value in found]


def test_virtual_chunks_are_read_where_they_are(source):
    source.objects.put("deep/file.bin", bytes(range(100, 120)))
    repo = source.repository()
    refer(source, repo)
    assert values(repo) == list(range(103, 111))


def test_virtual_chunks_need_authorisation(source):
    source.objects.put("deep/file.bin", bytes(20))
    repo = source.repository(authorise=False)
    refer(source, repo)
    with pytest.raises(frazil.InvalidInputError, match="authorize"):
        values(repo)


def test_a_missing_source_is_told(source):
    repo = source.repository()
    refer(source, repo)
    with pytest.raises(frazil.StorageError, match="virtual"):
        values(repo)


@pytest.mark.parametrize("kind", ["etag", "time"])
def test_a_source_that_changed_is_told(source, kind):
    source.objects.put("deep/file.bin", bytes(range(100, 120)))
    head = source.objects.head("deep/file.bin")
    written = datetime.fromtimestamp(-(-head.last_modified // 1_000_000), UTC)
    repo = source.repository()
    refer(source, repo, checksum=head.version.etag if kind == "etag" else written)
    assert values(repo) == list(range(103, 111))
    if kind == "time":
        repo = source.repository()
        refer(source, repo, checksum=written - timedelta(seconds=2))
    else:
        source.objects.put("deep/file.bin", bytes(21))
    with pytest.raises(frazil.StorageError, match="chunk has changed"):
        values(repo)


# --------------------------------------------------------------------------------------------------------------------
# who may do what


@pytest.mark.server
@pytest.mark.parametrize("server", ["minio", "ceph", "azurite"])
def test_wrong_credentials_are_told_and_not_shown(server):
    where = place(server)
    if where.kind == "s3":
        wrong = where.with_(secret_access_key="not-the-key-of-this-bucket")
    else:
        wrong = where.with_(access_key="bm90IHRoZSBrZXk=")
    with pytest.raises(frazil.StorageError, match="credentials") as caught:
        frazil.Repository.create(wrong.storage())
    assert "not-the-key" not in str(caught.value)
    assert "bm90IHRoZ" not in str(caught.value)


@pytest.mark.server
def test_who_may_only_read_reads_and_is_told_at_the_first_write():
    owner, stranger = ceph().owner.with_(bucket="shared"), ceph().stranger.with_(bucket="shared")
    make_bucket(owner, "shared")
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": ["arn:aws:iam:::user/stranger"]},
                "Action": ["s3:GetObject", "s3:ListBucket"],
                "Resource": ["arn:aws:s3:::shared", "arn:aws:s3:::shared/*"],
            }
        ],
    }
    arguments = owner.arguments
    s3_request(
        "PUT",
        f"{arguments['endpoint_url']}/shared?policy=",
        arguments["access_key_id"],
        arguments["secret_access_key"],
        body=json.dumps(policy).encode(),
    )
    mine = owner.inside("r")
    repo = frazil.Repository.create(mine.storage())
    with repo.transaction("main", message="start") as store:
        zarr.create_array(store, name="a", shape=(4 * CHUNK,), chunks=(CHUNK,), dtype="i8", compressors=None)[:] = 5
    reader = frazil.Repository.open(stranger.inside("r").storage())
    assert chunks(reader.readonly_session("main")) == [5, 5, 5, 5]
    session = reader.writable_session("main")
    with pytest.raises(frazil.StorageError, match="do not permit"):
        fill(session, 0, 1)
    with pytest.raises(frazil.StorageError, match="do not permit"):
        reader.create_tag("mine", reader.lookup_branch("main"))
    assert chunks(repo.readonly_session("main")) == [5, 5, 5, 5]


@pytest.mark.server
def test_temporary_credentials_are_used_and_exchanged():
    where = minio().inside()
    keys = temporary_credentials(where)
    temporary = where.with_(**keys)
    frazil.Repository.create(temporary.storage())
    assert frazil.Repository.open(where.storage()).list_branches() == {"main"}
    with pytest.raises(frazil.StorageError, match="credentials"):
        frazil.Repository.open(where.with_(**{**keys, "session_token": "wrong"}).storage())


@pytest.mark.server
def test_a_store_that_ignores_conditions_is_warned_about(spec, caplog):
    repo = frazil.Repository.create(place("rclone").storage(), spec_version=spec)
    assert "ignores conditional writes" in caplog.text
    with repo.transaction("main", message="alone") as store:
        zarr.create_group(store)
    assert messages(repo)[0] == "alone"


@pytest.mark.server
@pytest.mark.parametrize("server", SERVERS)
def test_a_store_that_heeds_them_is_not(server, spec, caplog):
    frazil.Repository.create(place(server).storage(), spec_version=spec)
    assert not caplog.text
