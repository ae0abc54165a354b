"""Redirects: where they are followed to, and that no header of ours goes along to another origin."""

from __future__ import annotations

import pickle
from collections.abc import Iterator

import pytest
import zarr

import frazil
from frazil._core import ObjectStore
from frazil.storage.redirect import backend_at, follow
from tests.contract.web import DATA, Answer, Asked, Web, part, read, refer, store_of

SECRET = "PlantedSecret7Q"
OURS = {"X-Api-Key": SECRET, "Authorization": f"Bearer {SECRET}", "Cookie": f"session={SECRET}"}
NEUTRAL = {"host", "accept", "range", "user-agent", "if-match", "connection", "accept-encoding"}


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as running:
        yield running


@pytest.fixture
def other() -> Iterator[Web]:
    with Web() as running:
        yield running


def to(location: str, status: int = 302) -> Answer:
    return Answer(status, b"", {"Location": location})


def s3(web: Web, **more: object) -> frazil.Storage:
    return frazil.s3_storage(
        bucket="bucket",
        prefix="p",
        region="us-east-1",
        endpoint_url=web.url,
        allow_http=True,
        force_path_style=True,
        access_key_id="id",
        secret_access_key="key",
        session_token=SECRET,
        **more,  # type: ignore[arg-type]
    )


# ---- files of the web --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_header_of_ours_goes_to_another_origin(web, other, status):
    """Nor the address that led there, which may be a signed one."""
    web.answer = lambda asked: to(f"{other.url}{asked.target}&moved", status)
    store = store_of(f"{web.url}/", headers=OURS)
    refer(store, f"{web.url}/x?sig={SECRET}-1", checksum="e")
    other.answer = lambda asked: part(asked, ETag='"e"') if asked.target.endswith("&moved") else Answer(404)
    assert read(store) == DATA[16:24]
    assert web.asked[0].headers["x-api-key"] == SECRET
    (asked,) = other.asked
    assert SECRET not in "".join(asked.headers.values())
    assert set(asked.headers) <= NEUTRAL
    assert asked.headers["range"] == "bytes=16-23"
    assert "array" not in asked.headers["user-agent"]


def test_headers_stay_with_their_origin(web):
    web.answer = lambda asked: part(asked) if asked.target == "/there" else to("/there")
    store = store_of(f"{web.url}/", headers=OURS)
    refer(store, f"{web.url}/x")
    assert read(store) == DATA[16:24]
    assert [asked.headers.get("x-api-key") for asked in web.asked] == [SECRET] * 2


def test_headers_do_not_come_back(web, other):
    """Whoever is in between may choose what is asked of the first one."""
    web.answer = lambda asked: part(asked) if asked.target == "/chosen" else to(f"{other.url}/x")
    other.answer = lambda _: to(f"{web.url}/chosen")
    store = store_of(f"{web.url}/", headers=OURS)
    refer(store, f"{web.url}/x")
    assert read(store) == DATA[16:24]
    assert set(web.asked[-1].headers) <= NEUTRAL


def test_nobodys_credentials_are_taken_from_an_answer(web, other):
    web.answer = lambda _: to(other.url.replace("://", "://user:password@"))
    store = store_of(f"{web.url}/")
    refer(store, f"{web.url}/x")
    assert read(store) == DATA[16:24]
    assert "authorization" not in other.asked[0].headers


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://[fe80::1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://2852039166/",
        "http://10.0.0.1/",
        "http://192.168.1.1:8080/",
        "http://[fd00:ec2::254]/",
        "http://0.0.0.0/",
        "ftp://example.org/x",
        "s3://bucket/x",
        "http://",
    ],
)
def test_private_places_are_not_asked(web, location):
    web.answer = lambda _: to(location)
    store = store_of(f"{web.url}/")
    refer(store, f"{web.url}/x")
    with pytest.raises(frazil.StorageError, match="redirect") as caught:
        read(store)
    assert caught.value.kind == "virtual-chunk-fetch"
    assert len(web.asked) == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}", "http://localhost:{port}", "http://127.1:{port}"])
def test_hosts_that_are_not_named_are_not_asked(web, url):
    """As an address of a storage that a redirect has led to."""
    url = url.format(port=web.url.rpartition(":")[2])
    store = ObjectStore.remote("http", {"url": url}, {"named_hosts": ["example.org"], "max_tries": 1})
    with pytest.raises(frazil.StorageError, match="private network"):
        store.get("x")
    assert not web.asked
    for named in ("localhost", "127.0.0.1", "[::1]", "http://user:password@127.0.0.1:1/x"):
        store = ObjectStore.remote("http", {"url": url}, {"named_hosts": [named]})
        assert store.get("x", 0, 3) == DATA[:3]


def test_hosts_that_are_named_are_asked(web):
    """By the storage, or by another container that the caller authorises; nobody answers there, and that is said."""
    web.answer = lambda _: to("http://127.0.0.1:1/x")
    store = store_of(f"{web.url}/")
    refer(store, f"{web.url}/x")
    with pytest.raises(frazil.StorageError) as caught:
        read(store)
    assert "private network" not in str(caught.value)
    web.answer = lambda _: to("http://10.255.255.255:1/x")
    quick = frazil.StorageSettings(
        retries=frazil.StorageRetriesSettings(max_tries=1), timeouts=frazil.StorageTimeoutSettings(connect_timeout_ms=1)
    )
    for hosts, refused in ((), True), (("10.255.255.255",), False):
        storage = frazil.http_storage(web.url, redirect_hosts=hosts)
        with pytest.raises(frazil.IcechunkError) as failed:
            frazil.Repository.open(storage, frazil.RepositoryConfig(storage=quick))
        assert ("private network" in str(failed.value)) is refused


def test_loops_end(web):
    web.answer = lambda asked: to(asked.target)
    store = store_of(f"{web.url}/")
    refer(store, f"{web.url}/x")
    with pytest.raises(frazil.StorageError, match="more than 10 redirects"):
        read(store)
    assert len(web.asked) == 11


# ---- services ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_signed_requests_go_nowhere_else(web, other, status):
    web.answer = lambda asked: to(f"{other.url}{asked.target}", status)
    storage = s3(web, headers=OURS)
    for use in (frazil.Repository.open, frazil.Repository.create, frazil.Repository.exists):
        with pytest.raises(frazil.IcechunkError) as caught:
            use(storage)
        assert SECRET not in repr(caught.value)
    with pytest.raises(frazil.IcechunkError, match="another host"):
        storage.list_objects()
    assert web.asked
    assert not other.asked


def test_requests_for_virtual_chunks_on_s3_go_nowhere_else(web, other):
    web.answer = lambda asked: to(f"{other.url}{asked.target}")
    config = frazil.RepositoryConfig.default()
    container = frazil.s3_store(region="us-east-1", endpoint_url=web.url, allow_http=True, s3_compatible=True)
    config.set_virtual_chunk_container(frazil.VirtualChunkContainer("s3://bucket/", container))
    key = frazil.s3_credentials(access_key_id="id", secret_access_key="key", session_token=SECRET)
    access = frazil.containers_credentials({"s3://bucket/": key})
    repo = frazil.Repository.create(frazil.in_memory_storage(), config, authorize_virtual_chunk_access=access)
    store = repo.writable_session("main").store
    frazil_array(store)
    refer(store, "s3://bucket/x")
    with pytest.raises(frazil.StorageError, match="another host"):
        read(store)
    assert web.asked[0].headers["x-amz-security-token"] == SECRET
    assert not other.asked


def frazil_array(store: frazil.IcechunkStore) -> None:
    zarr.create_array(store, name="a", shape=(8,), chunks=(8,), dtype="u1", compressors=None, filters=None)


def test_a_service_may_redirect_within_itself(web):
    """What is asked then is signed anew."""
    web.answer = lambda asked: part(asked) if asked.target.startswith("/moved") else to(f"/moved{asked.target}", 307)
    options = {"aws_bucket_name": "bucket", "aws_endpoint": web.url, "aws_allow_http": "true"}
    options |= {"aws_access_key_id": "id", "aws_secret_access_key": "key", "aws_token": SECRET}
    web_answer = web.answer
    web.answer = lambda asked: with_etag(web_answer(asked))
    assert ObjectStore.remote("s3", options, {}).get("x", 0, 3) == DATA[:3]
    first, second = (asked.headers["authorization"] for asked in web.asked)
    assert first.rpartition("=")[2] != second.rpartition("=")[2]


def with_etag(answer: Answer) -> Answer:
    told = {"ETag": '"e"', "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
    return Answer(answer.status, answer.body, {**answer.headers, **told})


# ---- storages that redirects lead to -----------------------------------------------------------------------------------


def test_only_the_first_origin_is_told_who_asks(web, other):
    def answer(asked: Asked) -> Answer:
        return to("/here" if asked.target == "/" else f"{other.url}/there")

    web.answer = answer
    other.answer = lambda _: to("s3://bucket/p?region=eu-west-1")
    assert follow(f"{web.url}/", "principal=me") == "s3://bucket/p?region=eu-west-1"
    assert [asked.headers["user-agent"] for asked in web.asked] == ["principal=me"] * 2
    assert "me" not in other.asked[0].headers["user-agent"]


@pytest.mark.parametrize("target", ["http://169.254.169.254/x", "http://[::ffff:a9fe:a9fe]/", "http://10.0.0.1/"])
@pytest.mark.parametrize("tag", ["", "+ic", "+icechunk"])
def test_storages_are_not_found_in_private_places(web, tag, target):
    web.answer = lambda _: to(target.replace("http", f"http{tag}", 1))
    if not tag:
        # Connecting to such an address may take long to fail: none is listening on this one.
        web.answer = lambda _: to("http://127.0.0.1:1/")
        with pytest.raises(frazil.StorageError) as caught:
            follow(f"{web.url}/", "me", named=("127.0.0.2", "example.org"))
        assert caught.value.kind == "bad-redirect"
        return
    with pytest.raises(frazil.StorageError, match="private network") as caught:
        frazil.Repository.open(frazil.redirect_storage(web.url))
    assert caught.value.kind == "bad-redirect"


def test_redirecting_hosts_that_are_not_named_are_not_asked(web):
    with pytest.raises(frazil.StorageError, match="private network"):
        follow(f"{web.url}/", "me", named=("example.org",))
    assert not web.asked


def test_a_named_host_may_hold_the_storage(web, other, tmp_path):
    frazil.Repository.create(frazil.local_filesystem_storage(tmp_path))

    def files(asked: Asked) -> Answer:
        path = tmp_path / asked.target.lstrip("/")
        return part(asked, path.read_bytes()) if path.is_file() else Answer(404)

    other.answer = files
    web.answer = lambda _: to(other.url.replace("http", "http+ic", 1))
    assert frazil.Repository.open(frazil.redirect_storage(web.url)).list_branches() == {"main"}


@pytest.mark.parametrize(
    "target",
    [
        "s3://bucket/p?region=x@169.254.169.254/",
        "s3://bucket/p?region=evil.org%2F%3F",
        "s3://bucket/p?region=evil.org%23",
        "r2://bucket/p?region=auto&account_id=evil.org/",
        "r2://bucket/p?region=auto&account_id=a.b",
        "tigris://169.254.169.254%5C/p?region=iad",
        "tigris://evil.org:443@x/p?region=iad",
        "tigris://evil.org\\/p?region=iad",
        "gs://user@bucket/p",
        "s3://bucket:1/p?region=eu-west-1",
    ],
)
def test_nothing_hides_in_the_names_of_a_storage(target):
    with pytest.raises(frazil.StorageError) as caught:
        backend_at(target)
    assert caught.value.kind == "bad-redirect"


def test_pickles_keep_the_hosts(web):
    storage = frazil.redirect_storage(web.url, redirect_hosts=["10.0.0.1"])
    assert pickle.loads(pickle.dumps(storage))._backend.hosts == ("10.0.0.1",)
