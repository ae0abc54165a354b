"""What requests for chunks say of them, and what a write leaves behind whose requests fail half way."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import zarr
from zarr.core.buffer import default_buffer_prototype
from zarr.core.sync import sync

import frazil
from frazil.codec_pipeline import use_codec_pipeline
from tests.contract.object_server import Fault, ObjectServer, Request
from tests.contract.served_storage import s3_storage_at


@pytest.fixture
def server() -> Iterator[ObjectServer]:
    with ObjectServer("s3") as server:
        yield server


@pytest.fixture(autouse=True)
def our_pipeline() -> Iterator[None]:
    with use_codec_pipeline(pack_chunks=True):
        yield


def new_repository(server: ObjectServer, **settings: Any) -> frazil.Repository:
    config = frazil.RepositoryConfig(
        inline_chunk_threshold_bytes=0,
        storage=frazil.StorageSettings(retries=frazil.StorageRetriesSettings(max_tries=1), **settings),
    )
    return frazil.Repository.create(s3_storage_at(server.url), config)


def said(server: ObjectServer, act: Callable[[], Any]) -> set[tuple[str, str]]:
    """Method, and what is said of chunks, of all requests for them that ``act`` makes."""
    server.requests.clear()
    act()
    requests = [request for request in server.requests if "/chunks/" in request.key]
    assert requests
    found = set()
    for request in requests:
        agent = re.fullmatch(r"frazil/\S+ \((array=[^;]*; chunk=[^;]*)\)", request.headers["user-agent"])
        assert agent is not None, request
        found.add((request.method, agent[1]))
    return found


def of(method: str, array: str, *chunks: str) -> set[tuple[str, str]]:
    return {(method, f"array={array}; chunk={chunk}") for chunk in chunks}


def test_requests_for_chunks_say_which_they_are(server: ObjectServer) -> None:
    repo = new_repository(server)
    store = repo.writable_session("main").store
    array = zarr.create_array(store, name="g/a", shape=(6, 4), chunks=(2, 4), dtype="i4", compressors=None)

    def set_one() -> None:
        sync(store.set("g/a/c/2/0", default_buffer_prototype().buffer.from_bytes(b"x" * 32)))

    def assign(chosen: Any, value: int) -> Callable[[], None]:
        return lambda: array.__setitem__(chosen, value)

    assert said(server, assign(..., 1)) == of("PUT", "/g/a", "0/0", "1/0", "2/0")
    assert said(server, assign(slice(0, 2), 2)) == of("PUT", "/g/a", "0/0")
    assert said(server, set_one) == of("PUT", "/g/a", "2/0")
    # What exists is read first.
    assert said(server, assign((slice(1, 4), 0), 3)) == of("GET", "/g/a", "0/0", "1/0") | of(
        "PUT", "/g/a", "0/0", "1/0"
    )
    assert said(server, lambda: array[...]) == of("GET", "/g/a", "0/0", "1/0", "2/0")
    assert said(server, lambda: array[2:3]) == of("GET", "/g/a", "1/0")
    with zarr.config.set({"codec_pipeline.path": "zarr.core.codec_pipeline.BatchedCodecPipeline"}):
        plain = zarr.open_array(store, path="g/a", mode="r+")
    assert said(server, lambda: plain.__setitem__(slice(0, 2), 4)) == of("PUT", "/g/a", "0/0")
    assert said(server, lambda: plain[4:]) == of("GET", "/g/a", "2/0")


def test_chunks_that_share_a_request_are_told_from_the_first_to_the_last(server: ObjectServer) -> None:
    store = new_repository(server).writable_session("main").store
    array = zarr.create_array(store, name="many", shape=(40,), chunks=(2,), dtype="i4", compressors=None)
    assert said(server, lambda: array.__setitem__(..., 1)) == of("PUT", "/many", "0...19")
    assert said(server, lambda: array[...]) == of("GET", "/many", "0...19")
    assert said(server, lambda: array[10:13]) == of("GET", "/many", "5...6")
    scalar = zarr.create_array(store, name="one", shape=(), chunks=(), dtype="i4", compressors=None)
    assert said(server, lambda: scalar.__setitem__(..., 1)) == of("PUT", "/one", "")


def test_parts_of_shards_and_of_uploads_say_it_too(server: ObjectServer) -> None:
    repo = new_repository(server, minimum_size_for_multipart_upload=100)
    store = repo.writable_session("main").store
    array = zarr.create_array(
        store, name="s", shape=(40,), chunks=(10,), shards=(20,), dtype="i8", compressors=None, config={"order": "C"}
    )
    assert said(server, lambda: array.__setitem__(..., np.arange(40))) == of("PUT", "/s", "0", "1") | of(
        "POST", "/s", "0", "1"
    )
    assert said(server, lambda: array[3:4]) == of("GET", "/s", "0")
    assert said(server, lambda: array[...]) == of("GET", "/s", "0", "1")


@pytest.mark.parametrize("pack", [True, False], ids=["packed", "one by one"])
def test_a_write_that_fails_half_way_records_nothing(server: ObjectServer, pack: bool) -> None:
    """So what the session sees, and would commit, is what it was."""
    repo = new_repository(server)
    session = repo.writable_session("main")
    with use_codec_pipeline(pack_chunks=pack):
        array = zarr.create_array(session.store, name="a", shape=(40,), chunks=(2,), dtype="i4", compressors=None)
        array[...] = np.arange(40)
        before = session.status()
        uploads = []

        def fault(request: Request) -> Fault | None:
            uploads.append(request.method)
            late = pack or uploads.count("PUT") > 7
            return Fault(status=403, body=b"<Error><Code>AccessDenied</Code></Error>") if late else None

        server.fault = fault
        with pytest.raises(frazil.StorageError):
            array[4:] = -1
        server.fault = lambda _: None
        assert "PUT" in uploads
        assert np.array_equal(array[...], np.arange(40))
        assert session.status() == before
        # And the same can be written again.
        array[4:] = -1
        session.commit("written again")
        again = zarr.open_array(repo.readonly_session("main").store, path="a", mode="r")
        assert np.array_equal(again[...], [0, 1, 2, 3, *[-1] * 36])
