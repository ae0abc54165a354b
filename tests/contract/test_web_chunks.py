"""Virtual chunks on web servers: what is sent, and which answers are taken for the bytes of an object."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

import numpy as np
import pytest
import zarr

import frazil
from tests.contract.web import DATA, Answer, Asked, Web, part, read, refer, store_of, whole

PAGE = b"<!DOCTYPE html><html><body>Please log in</body></html>" * 20
TYPED = {"Content_Type": "application/octet-stream"}


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as running:
        yield running


# ---- what is sent ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("location", "sent"),
    [
        ("download?file=A", "download?file=A"),
        ("download?file=B", "download?file=B"),
        ("?file=A", "?file=A"),
        ("x?a=%2F&b=c%20d", "x?a=%2F&b=c%20d"),
        ("x?q=/../y", "x?q=/../y"),
        ("x?", "x?"),
        ("x?a#part", "x?a"),
        ("x#part", "x"),
        ("x%3Ffile=A", "x%3Ffile=A"),
        ("a%2Fb", "a%2Fb"),
        ("a b?c d", "a%20b?c%20d"),
        ("é?é", "%C3%A9?%C3%A9"),
        ("a+b;c=d", "a+b;c=d"),
        ("x?X-Amz-Signature=ab%2Bcd&X-Amz-Date=1", "x?X-Amz-Signature=ab%2Bcd&X-Amz-Date=1"),
    ],
)
def test_an_address_is_sent_as_it_is_written(web, location, sent):
    store = store_of(f"{web.url}/")
    refer(store, f"{web.url}/{location}")
    assert read(store) == DATA[16:24]
    assert web.sent == [f"/{sent}"]


def test_queries_tell_objects_apart(web):
    web.answer = lambda asked: part(asked, bytes([ord(asked.target[-1])]) * 100)
    store = store_of(f"{web.url}/")
    for chunk, name in enumerate("AB"):
        refer(store, f"{web.url}/download?file={name}", chunk)
    assert [read(store, chunk) for chunk in range(2)] == [b"A" * 8, b"B" * 8]


def test_a_prefix_may_end_in_a_query(web):
    prefix = f"{web.url}/get?path=/"
    store = store_of(prefix)
    refer(store, f"{prefix}x")
    assert read(store) == DATA[16:24]
    assert web.sent == ["/get?path=/x"]
    for other in ("get?path=x", "get%3Fpath=/x", "get"):
        with pytest.raises(frazil.InvalidInputError) as caught:
            refer(store, f"{web.url}/{other}", 1)
        assert caught.value.kind == "no-container-for-virtual-chunk"


@pytest.mark.parametrize(
    "location", ["private/x", "public%2Fx", "public/../private", "public/%2e%2e/x", "public%2F..%2Fx"]
)
def test_no_spelling_leads_out_of_a_container(web, location):
    store = store_of(f"{web.url}/public/")
    with pytest.raises(frazil.InvalidInputError):
        refer(store, f"{web.url}/{location}")
    refer(store, f"{web.url}/{location}", validate_container=False)
    with pytest.raises(frazil.InvalidInputError):
        read(store)
    assert not web.asked


# ---- what comes back ---------------------------------------------------------------------------------------------------


def test_pages_are_no_chunks(web):
    """Whatever status, length and type they come with."""
    store = store_of(f"{web.url}/")
    page = {"Content_Type": "text/html; charset=utf-8"}
    answers = [
        partial(whole, data=PAGE, **page),
        partial(whole, data=DATA, **page),
        partial(whole, data=DATA, Content_Type="Application/XHTML+xml"),
        partial(whole, data=b"\n " + PAGE, **TYPED),
        partial(whole, data=PAGE),
        partial(whole, data=b'{"error": "expired token, log in again"}', Content_Type="application/problem+json"),
        partial(whole, data=b"<Error><Code>AccessDenied</Code></Error>", Content_Type="application/xml"),
        partial(part, data=PAGE, **page),
        lambda _: Answer(200, DATA, {"Content-Type": "text/html"}, measured=False),
        lambda _: Answer(200, DATA, measured=False),
        lambda _: Answer(200, DATA, {"Content-Type": "application/octet-stream"}, closing=True),
        lambda _: Answer(202, DATA, {"Content-Type": "application/octet-stream"}),
        lambda _: Answer(203, DATA, {"Content-Type": "application/octet-stream"}),
        lambda _: Answer(204),
    ]
    for number, answer in enumerate(answers):
        web.answer = answer
        refer(store, f"{web.url}/{number}")
        with pytest.raises(frazil.StorageError) as caught:
            read(store)
        assert caught.value.kind == "virtual-chunk-fetch", number


@pytest.mark.parametrize(
    "answer",
    [
        partial(whole),
        partial(whole, **TYPED),
        partial(whole, Content_Type="text/plain"),
        partial(whole, ETag='"e"', Content_Type="text/html"),
        lambda _: Answer(200, DATA, {"Content-Type": "application/x-grib"}, measured=False),
        lambda _: Answer(200, DATA, {"ETag": 'W/"e"'}, closing=True),
        lambda _: Answer(206, DATA[16:24], {"Content-Range": "bytes 16-23/*"}),
        lambda _: Answer(206, DATA[16:24], {"Content-Range": "bytes 16-23/*"}, measured=False),
        lambda _: Answer(206, DATA[16:24], {"Content-Range": "bytes 16-23/1024"}, measured=False),
        lambda _: Answer(206, DATA[16:24], {"Content-Range": "bytes 16-23/1024"}, closing=True),
        partial(part, ETag='"e"', Content_Type="text/html"),
    ],
)
def test_objects_are_chunks(web, answer):
    """With an ETag that is the recorded one, whatever else is said."""
    web.answer = answer
    store = store_of(f"{web.url}/")
    refer(store, f"{web.url}/x", checksum="e")
    assert read(store) == DATA[16:24]


@pytest.mark.parametrize(
    "answer", [whole, part, lambda _: Answer(206, DATA[16:20], {"Content-Range": "bytes 16-19/*"})]
)
def test_short_objects(web, answer):
    web.answer = answer if answer not in (whole, part) else partial(answer, data=DATA[:20])
    store = store_of(f"{web.url}/")
    refer(store, f"{web.url}/x")
    refer(store, f"{web.url}/x", 1, offset=2000)
    with pytest.raises(frazil.StorageError) as caught:
        read(store)
    assert caught.value.kind == "invalid-object-size"
    if answer in (whole, part):
        with pytest.raises(frazil.StorageError) as caught:
            read(store, 1)
        assert caught.value.kind == "invalid-object-size"


@pytest.mark.parametrize("answer", [whole, part])
@pytest.mark.parametrize(
    ("checksum", "headers", "is_same"),
    [
        ("a", {"ETag": '"a"'}, True),
        ("a", {"ETag": '"b"'}, False),
        (datetime(2026, 1, 1, tzinfo=UTC), {"Last_Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}, True),
        (datetime(2026, 1, 1, tzinfo=UTC), {"Last_Modified": "Thu, 01 Jan 2026 00:00:01 GMT"}, False),
    ],
)
def test_servers_that_heed_no_conditions_do_not_hide_a_change(web, answer, checksum, headers, is_same):
    web.answer = partial(answer, **headers)
    store = store_of(f"{web.url}/")
    refer(store, f"{web.url}/x", checksum=checksum)
    if is_same:
        assert read(store) == DATA[16:24]
    else:
        with pytest.raises(frazil.StorageError) as caught:
            read(store)
        assert caught.value.kind == "virtual-chunk-modified"


@pytest.mark.parametrize("at_once", [True, False])
def test_a_whole_object_is_sent_once_for_all_its_chunks(web, at_once):
    web.answer = whole
    store = store_of(f"{web.url}/")
    for chunk in range(64):
        refer(store, f"{web.url}/x", chunk, offset=8 * chunk)
    array = zarr.open_array(store, path="a", mode="r")
    found = array[:] if at_once else np.concatenate([array[8 * n : 8 * n + 8] for n in range(64)])
    assert bytes(found) == DATA[: 8 * 64]
    assert web.sent == ["/x"]


def test_a_large_object_is_not_sent_for_a_chunk(web):
    """It is refused by what it says of its length: that is all that is read."""
    told = {"Content-Length": str(1 << 30), "Content-Type": "application/octet-stream"}
    web.answer = lambda _: Answer(200, b"x" * 1000, told, closing=True)
    store = store_of(f"{web.url}/")
    refer(store, f"{web.url}/x")
    with pytest.raises(frazil.StorageError, match="ranges") as caught:
        read(store)
    assert caught.value.kind == "virtual-chunk-fetch"
    assert web.sent == ["/x"]


def test_what_has_changed_is_asked_for_again(web):
    """The copy that is kept serves those who mean it; others get what is there."""
    web.answer = partial(whole, ETag='"old"')
    store = store_of(f"{web.url}/")
    refer(store, f"{web.url}/x", 0, checksum="old")
    refer(store, f"{web.url}/x", 1, checksum="new")
    assert read(store) == DATA[16:24]
    web.answer = partial(whole, data=DATA[::-1], ETag='"new"')
    assert read(store, 1) == DATA[::-1][16:24]


def test_ranges_are_asked_for_at_once_where_there_are_some(web):
    """No request more than there are chunks."""
    store = store_of(f"{web.url}/")
    for chunk in range(64):
        refer(store, f"{web.url}/{chunk % 3}", chunk, offset=8 * chunk)
    assert bytes(zarr.open_array(store, path="a", mode="r")[:]) == DATA[: 8 * 64]
    assert len(web.asked) == 64


def test_pages_are_no_objects_of_a_repository_either(web, tmp_path):
    """Servers that answer everything that they do not have with a page."""
    repo = frazil.Repository.create(
        frazil.local_filesystem_storage(tmp_path), frazil.RepositoryConfig(inline_chunk_threshold_bytes=0)
    )
    session = repo.writable_session("main")
    array = zarr.create_array(session.store, name="a", shape=(32,), chunks=(8,), dtype="u1", compressors=None)
    array[:] = np.arange(32)
    session.commit("data")

    def files(asked: Asked) -> Answer:
        path = tmp_path / asked.target.lstrip("/")
        if asked.target.startswith("/chunks/") or not path.is_file():
            return whole(asked, PAGE, Content_Type="text/html")
        return part(asked, path.read_bytes())

    web.answer = files
    store = frazil.Repository.open(frazil.http_storage(web.url)).readonly_session("main").store
    with pytest.raises(frazil.StorageError, match="text/html"):
        zarr.open_array(store, path="a", mode="r")[:]


def test_a_repository_is_read_from_a_server_without_ranges_or_lengths(web, tmp_path):
    repo = frazil.Repository.create(
        frazil.local_filesystem_storage(tmp_path), frazil.RepositoryConfig(inline_chunk_threshold_bytes=0)
    )
    session = repo.writable_session("main")
    array = zarr.create_array(session.store, name="a", shape=(32,), chunks=(8,), dtype="u1", compressors=None)
    array[:] = np.arange(32)
    session.commit("data")

    def files(asked: Asked) -> Answer:
        path = tmp_path / asked.target.lstrip("/")
        data = path.read_bytes() if path.is_file() else None
        kind = {"Content-Type": "application/octet-stream"}
        return Answer(404) if data is None else Answer(200, data, kind, measured=asked.method == "HEAD")

    web.answer = files
    store = frazil.Repository.open(frazil.http_storage(web.url)).readonly_session("main").store
    np.testing.assert_array_equal(zarr.open_array(store, path="a", mode="r")[:], range(32))
