"""Answers to reads that are not what was asked for, or not all of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from frazil._core import ObjectStore
from frazil.errors import StorageError
from tests.contract.object_server import Fault, ObjectServer
from tests.contract.stores import s3_store


@pytest.fixture
def server() -> Iterator[ObjectServer]:
    with ObjectServer("s3") as running:
        yield running


WRONG_RANGES = [
    {"Content-Range": None},
    {"Content-Range": "nonsense"},
    {"Content-Range": "bytes 3-6/10"},
    {"Content-Range": "bytes 2-9/10"},
    {"Content-Range": "bytes 2-6/*"},
    {"Content-Range": "bytes 3-5/*"},
    {"Content-Range": "bytes */10"},
]


@pytest.mark.parametrize("headers", WRONG_RANGES, ids=str)
def test_an_answer_with_another_range_is_asked_for_again(server, headers):
    store = s3_store(server, {"initial_backoff_ms": 1, "max_tries": 3})
    store.put("x", b"0123456789")
    server.requests.clear()
    server.misbehave(Fault(headers=headers), Fault(headers=headers), method="GET")
    assert store.get("x", 2, 6) == b"2345"
    assert [request.method for request in server.requests] == ["GET"] * 3
    server.misbehave(*[Fault(headers=headers)] * 3, method="GET")
    with pytest.raises(StorageError, match="the answer to the request for bytes=2-5 says"):
        store.get("x", 2, 6)


def test_a_partial_answer_that_is_shorter_than_it_says_is_asked_for_again(server):
    """The whole is shorter too, by what it says of its length."""
    store = s3_store(server, {"initial_backoff_ms": 1, "max_tries": 3})
    store.put("x", b"0123456789")
    server.misbehave(Fault(headers={"Content-Range": "bytes 2-7/10"}), method="GET")
    assert store.get("x", 2, 8) == b"234567"
    server.ranges = False
    assert store.get("x", 2, 8) == b"234567"


@pytest.mark.parametrize("etags", [True, False])
@pytest.mark.parametrize("bounds", [(None, None), (2, 8), (2, None)])
def test_an_answer_that_breaks_off_is_asked_for_again(server, etags, bounds):
    """Without an ETag nobody knows whether the rest would be of the same object: all of it is asked for again."""
    server.etags = etags
    store = ObjectStore.remote(
        "http", {"url": f"{server.url}/bucket"}, {"initial_backoff_ms": 1, "max_backoff_ms": 2, "max_tries": 4}
    )
    data = bytes(range(256)) * 1000
    server._store("/bucket/x", data, {})
    server.misbehave(Fault(cut=True), Fault(cut=True), method="GET")
    assert store.get("x", *bounds) == data[slice(*bounds)]
    server.misbehave(*[Fault(cut=True)] * 20, method="GET")
    server.requests.clear()
    with pytest.raises(StorageError, match="cannot read x"):
        store.get("x", *bounds)
    assert 4 <= len(server.requests) <= 8


def test_a_refusal_that_breaks_off_is_asked_for_again(server):
    """What is missing may be all that matters: that there is no such object."""
    store = s3_store(server, {"initial_backoff_ms": 1, "max_tries": 3})
    server.misbehave(Fault(cut=True), Fault(cut=True), method="GET")
    assert store.get("x") is None
    assert [request.method for request in server.requests] == ["GET"] * 3
