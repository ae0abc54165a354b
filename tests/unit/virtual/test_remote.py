"""Virtual chunks on servers: S3, Google Cloud Storage, the web; each container with credentials of its own."""

from __future__ import annotations

import email.utils
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

import frazil
from frazil.credentials import HttpAccess
from frazil.virtual.authorisation import Authorisation
from tests.contract.object_server import Fault, ObjectServer
from tests.unit.virtual.repositories import add_array, read, session_with_array

CONTENT = b"0123456789"


@pytest.fixture
def server() -> Iterator[ObjectServer]:
    with ObjectServer("s3", buckets=("bucket", "private", "folder")) as made:
        yield made


def put(server: ObjectServer, path: str, data: bytes = CONTENT) -> None:
    server._store(path, data, {})


def s3(server: ObjectServer, bucket: str = "bucket", name: str | None = None) -> frazil.VirtualChunkContainer:
    store = frazil.s3_store(
        region="us-east-1", endpoint_url=server.url, allow_http=True, s3_compatible=True, force_path_style=True
    )
    return frazil.VirtualChunkContainer(f"s3://{bucket}/", store, name)


def s3_key(name: str) -> Authorisation:
    return frazil.Credentials.S3(frazil.s3_static_credentials(access_key_id=name, secret_access_key="secret"))


def open_store(
    *containers: frazil.VirtualChunkContainer, authorise: Mapping[str, Authorisation]
) -> frazil.IcechunkStore:
    return session_with_array(*containers, authorise=authorise).store


def refer(store: frazil.IcechunkStore, location: str, chunk: int = 0, **given: object) -> None:
    store.set_virtual_ref(f"a/c/{chunk}", location, offset=2, length=5, **given)  # type: ignore[arg-type]


def failure(store: frazil.IcechunkStore, chunk: int = 0) -> frazil.IcechunkError:
    with pytest.raises(frazil.IcechunkError) as raised:
        read(store, f"a/c/{chunk}")
    return raised.value


def test_each_bucket_is_read_with_its_own_credentials(server: ObjectServer) -> None:
    put(server, "/bucket/x")
    put(server, "/private/deep/y", b"ABCDEFGHIJ")
    store = open_store(
        s3(server),
        s3(server, "private", "mine"),
        authorise={"s3://bucket/": s3_key("one"), "s3://private/": s3_key("two")},
    )
    refer(store, "s3://bucket/x", 0)
    refer(store, "vcc://mine/deep/y", 1)
    assert read(store, "a/c/0") == b"23456"
    assert read(store, "a/c/1") == b"CDEFG"
    keys = {request.key: request.headers["authorization"] for request in server.requests}
    assert "Credential=one/" in keys["/bucket/x"]
    assert "Credential=two/" in keys["/private/deep/y"]


def test_only_the_bytes_of_the_chunk_are_asked_for(server: ObjectServer) -> None:
    put(server, "/bucket/x")
    store = open_store(s3(server), authorise={"s3://bucket/": s3_key("one")})
    refer(store, "s3://bucket/x")
    read(store)
    (request,) = server.requests
    assert (request.method, request.headers["range"]) == ("GET", "bytes=2-6")


def test_anonymous_requests_are_not_signed(server: ObjectServer) -> None:
    put(server, "/bucket/x")
    anonymous = frazil.Credentials.S3(frazil.S3Credentials.Anonymous())
    store = open_store(s3(server), authorise={"s3://bucket/": anonymous})
    refer(store, "s3://bucket/x")
    assert read(store) == b"23456"
    assert "authorization" not in server.requests[0].headers


def current_credentials() -> frazil.S3StaticCredentials:
    return frazil.S3StaticCredentials("refreshed", "secret", "token", datetime.now(UTC) + timedelta(hours=1))


def test_refreshable_credentials_are_asked_for(server: ObjectServer) -> None:
    put(server, "/bucket/x")
    given = frazil.Credentials.S3(frazil.s3_refreshable_credentials(current_credentials))
    store = open_store(s3(server), authorise={"s3://bucket/": given})
    refer(store, "s3://bucket/x")
    assert read(store) == b"23456"
    assert "Credential=refreshed/" in server.requests[0].headers["authorization"]


def bad_credentials() -> frazil.S3StaticCredentials:
    raise ValueError("bad creds")


def test_a_function_that_fails_to_give_credentials_is_heard(server: ObjectServer) -> None:
    put(server, "/bucket/x")
    given = frazil.Credentials.S3(frazil.s3_refreshable_credentials(bad_credentials))
    store = open_store(s3(server), authorise={"s3://bucket/": given})
    refer(store, "s3://bucket/x")
    assert "bad creds" in failure(store).message


@pytest.mark.parametrize("key", ["with space", "é", "q?r#s", "50%", "a+b=c&d", "~tilde", "back\\slash", "x y/%41"])
def test_keys_reach_the_server_as_they_are(server: ObjectServer, key: str) -> None:
    put(server, f"/bucket/{key}")
    store = open_store(s3(server), authorise={"s3://bucket/": s3_key("one")})
    quoted = key.replace("%", "%25").replace("?", "%3F").replace("#", "%23")
    refer(store, f"s3://bucket/{quoted}")
    assert read(store) == b"23456"


def test_an_etag_must_match_with_or_without_quotes(server: ObjectServer) -> None:
    put(server, "/bucket/x")
    etag = server.objects["/bucket/x"].etag
    store = open_store(s3(server), authorise={"s3://bucket/": s3_key("one")})
    for accepted in (etag, etag.strip('"')):
        refer(store, "s3://bucket/x", checksum=accepted)
        assert read(store) == b"23456"
    put(server, "/bucket/x", b"9876543210")
    assert failure(store).kind == "virtual-chunk-modified"


def test_an_object_must_not_be_younger_than_recorded(server: ObjectServer) -> None:
    put(server, "/bucket/x")
    server.objects["/bucket/x"].modified = 1_600_000_000
    store = open_store(s3(server), authorise={"s3://bucket/": s3_key("one")})
    refer(store, "s3://bucket/x", checksum=datetime.fromtimestamp(1_600_000_000, tz=UTC))
    assert read(store) == b"23456"
    asked = server.requests[-1].headers["if-unmodified-since"]
    assert email.utils.parsedate_to_datetime(asked).timestamp() == 1_600_000_000
    server.objects["/bucket/x"].modified += 1
    assert failure(store).kind == "virtual-chunk-modified"


@pytest.mark.parametrize("checksum", [None, datetime(2100, 1, 1, tzinfo=UTC)])
def test_missing_and_short_objects(server: ObjectServer, checksum: datetime | None) -> None:
    put(server, "/bucket/short", b"0123")
    put(server, "/bucket/shorter", b"0")
    store = open_store(s3(server), authorise={"s3://bucket/": s3_key("one")})
    for chunk, (key, kind) in enumerate(
        [("missing", "virtual-chunk-fetch"), ("short", "invalid-object-size"), ("shorter", "invalid-object-size")]
    ):
        refer(store, f"s3://bucket/{key}", chunk, checksum=checksum)
        failed = failure(store, chunk)
        assert isinstance(failed, frazil.StorageError)
        assert failed.kind == kind
        assert f"s3://bucket/{key}" in failed.message


def test_a_refusal_names_the_credentials_and_the_line_that_gives_others(server: ObjectServer) -> None:
    forbidden = Fault(status=403, body=b"<Error><Code>InvalidAccessKeyId</Code></Error>")
    server.misbehave(*[forbidden] * 9, method="GET")
    store = open_store(s3(server), authorise={"s3://bucket/": s3_key("one")})
    refer(store, "s3://bucket/x")
    refused = failure(store)
    assert refused.kind == "virtual-chunk-fetch"
    assert "InvalidAccessKeyId" in refused.message
    assert "container s3://bucket/ is read with S3Credentials.Static" in refused.message
    assert 'authorize_virtual_chunk_access={"s3://bucket/": frazil.Credentials.S3(' in refused.message
    assert "secret" not in refused.message


def test_the_web(server: ObjectServer) -> None:
    put(server, "/folder/x y")
    source = frazil.VirtualChunkContainer(
        f"{server.url}/folder/", frazil.http_store({"allow_http": "true"}, {"X-Token": "t"}), "web"
    )
    store = open_store(source, authorise={source.url_prefix: HttpAccess})
    refer(store, f"{server.url}/folder/x y", 0)
    refer(store, "vcc://web/x%20y?version=3#part", 1)
    refer(store, f"{server.url}/folder/missing", 2)
    assert read(store, "a/c/0") == read(store, "a/c/1") == b"23456"
    assert server.requests[0].headers["x-token"] == "t"
    assert server.requests[0].headers["range"] == "bytes=2-6"
    assert failure(store, 2).kind == "virtual-chunk-fetch"


@pytest.mark.parametrize("authorised", ["s3://bucket", "s3://bucket/"])
def test_a_stored_container_without_its_last_slash_is_read(server: ObjectServer, authorised: str) -> None:
    put(server, "/bucket/x")
    early = frazil.VirtualChunkContainer("s3://bucket", s3(server).store)
    storage = frazil.in_memory_storage()
    frazil.Repository.create(
        storage, frazil.RepositoryConfig(virtual_chunk_containers={"s3://bucket": early})
    ).save_config()
    repo = frazil.Repository.open(storage, authorize_virtual_chunk_access={authorised: s3_key("one")})
    store = repo.writable_session("main").store
    add_array(store)
    refer(store, "s3://bucket/x")
    assert read(store) == b"23456"


def test_google_cloud_storage() -> None:
    with ObjectServer("gcs") as server:
        put(server, "/bucket/x y")
        account = {"gcs_base_url": server.url, "disable_oauth": True, "client_email": "", "private_key": ""}
        key = json.dumps({**account, "private_key_id": ""})
        source = frazil.VirtualChunkContainer("gs://bucket/", frazil.gcs_store({"allow_http": "true"}))
        given = frazil.containers_credentials({"gs://bucket/": frazil.gcs_credentials(service_account_key=key)})
        store = open_store(source, authorise=given)
        refer(store, "gs://bucket/x y")
        assert read(store) == b"23456"


def test_requests_say_who_is_asking(server: ObjectServer) -> None:
    put(server, "/bucket/x")
    config = frazil.RepositoryConfig.default()
    config.set_virtual_chunk_container(s3(server))
    repository = frazil.Repository.create(
        frazil.in_memory_storage(),
        config,
        authorize_virtual_chunk_access={"s3://bucket/": s3_key("one")},
        attribution=frazil.Attribution(client="test-client/1.0"),
    )
    session = repository.writable_session("main")
    add_array(session.store)
    refer(session.store, "s3://bucket/x")
    read(session.store)
    agent = server.requests[0].headers["user-agent"]
    assert agent.startswith("test-client/1.0 frazil/")
    assert "array=/a; chunk=0" in agent


@pytest.mark.parametrize("key", ["a//b", "/x", "a/b//c é#", "//"])
def test_keys_with_empty_segments_are_read_from_s3(server: ObjectServer, key: str) -> None:
    put(server, f"/bucket/{key}")
    store = open_store(s3(server), authorise={"s3://bucket/": s3_key("one")})
    refer(store, f"s3://bucket/{key.replace('#', '%23')}")
    assert read(store, "a/c/0") == b"23456"
    (request,) = server.requests
    assert request.key == f"/bucket/{key}"
    assert "Credential=one/" in request.headers["authorization"]


@pytest.mark.parametrize("key", ["a/../b", "./a//b"])
def test_keys_that_no_client_sends_are_told(server: ObjectServer, key: str) -> None:
    store = open_store(s3(server), authorise={"s3://bucket/": s3_key("one")})
    refer(store, f"s3://bucket/{key}")
    assert "cannot address" in failure(store).message
    assert not server.requests


def broken(server: ObjectServer, settings: frazil.StorageSettings | None) -> int:
    """The requests that a broken server gets for one chunk, of a repository with these settings."""
    config = frazil.RepositoryConfig(storage=settings)
    config.set_virtual_chunk_container(s3(server))
    access = {"s3://bucket/": s3_key("one")}
    repo = frazil.Repository.create(frazil.in_memory_storage(), config, authorize_virtual_chunk_access=access)
    store = repo.writable_session("main").store
    add_array(store)
    refer(store, "s3://bucket/x")
    server.misbehave(*[Fault(status=500)] * 3, method="GET")
    put(server, "/bucket/x")
    with suppress(frazil.StorageError):
        assert read(store) == b"23456"
    return len(server.requests)


def test_requests_for_virtual_chunks_are_made_as_the_repository_is_told_to(server: ObjectServer) -> None:
    retries = frazil.StorageRetriesSettings(max_tries=2, initial_backoff_ms=1, max_backoff_ms=1)
    assert broken(server, frazil.StorageSettings(retries=retries)) == 2


def test_what_suits_the_memory_does_not_suit_a_network(server: ObjectServer) -> None:
    own = frazil.in_memory_storage().default_settings()
    assert own.retries is not None
    assert own.retries.max_tries == 1
    assert broken(server, None) == 4
    server.requests.clear()
    assert broken(server, frazil.StorageSettings(retries=frazil.StorageRetriesSettings(initial_backoff_ms=1))) == 4
