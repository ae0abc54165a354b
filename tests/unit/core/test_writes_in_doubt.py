"""Writes over a network of which no answer comes: what is said of them (docs/design/0012)."""

from collections.abc import Iterator

import pytest

from frazil._core import PutMode
from frazil.errors import StorageError
from tests.contract.object_server import Fault, ObjectServer
from tests.contract.stores import s3_store

REPO, CHUNK = "repo", "chunks/1CECHNKREP0F1RSTCMT0"


@pytest.fixture
def server() -> Iterator[ObjectServer]:
    with ObjectServer("s3") as running:
        yield running


@pytest.mark.parametrize(
    ("key", "fault", "kind"),
    [
        (REPO, Fault(status=500), "outcome-unknown"),
        (REPO, Fault(status=504), "outcome-unknown"),
        (REPO, Fault(), "outcome-unknown"),
        (REPO, Fault(status=503, body=b"upstream connect error or disconnect/reset before headers"), "outcome-unknown"),
        (REPO, Fault(status=503, body=b"<Error><Code>SlowDown</Code></Error>"), "throttled"),
        (REPO, Fault(status=403), "object-store"),
        (CHUNK, Fault(status=500), "object-store"),
        (CHUNK, Fault(), "object-store"),
    ],
)
@pytest.mark.parametrize("way", ["create", "update", "overwrite", "without conditions"])
def test_a_write_without_an_answer_is_in_doubt_if_others_see_it(server, way, key, fault, kind):
    off = {"conditional_create": False, "conditional_update": False}
    store = s3_store(server, off if way == "without conditions" else {})
    mode = PutMode.CREATE if way == "create" else PutMode.OVERWRITE
    if way in ("update", "without conditions"):
        mode = PutMode.update(store.put(key, b"1"))
    server.fault = lambda request: fault if request.method == "PUT" else None
    with pytest.raises(StorageError) as caught:
        store.put(key, b"2", mode)
    assert caught.value.kind == kind


def test_a_write_that_was_never_sent_is_not_in_doubt(server):
    store = s3_store(server)
    server.close()
    with pytest.raises(StorageError) as caught:
        store.put("repo", b"1", PutMode.CREATE)
    assert caught.value.kind == "object-store"


def test_a_write_that_takes_too_long_is_in_doubt(server):
    store = s3_store(server, {"operation_timeout_ms": 200})
    server.fault = lambda request: Fault(stall=5.0) if request.method == "PUT" else None
    for key, kind in ((REPO, "outcome-unknown"), (CHUNK, "object-store")):
        with pytest.raises(StorageError, match="operation timeout") as caught:
            store.put(key, b"1")
        assert caught.value.kind == kind
