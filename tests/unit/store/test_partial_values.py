"""Many keys in one call: in order, as many at a time as the configuration says, and one failure ends all."""

import threading
from collections.abc import Iterator

import pytest
import zarr
from zarr.abc.store import OffsetByteRequest, RangeByteRequest, SuffixByteRequest
from zarr.core.buffer import default_buffer_prototype

import frazil
from tests.contract.object_server import Fault, ObjectServer, Request
from tests.contract.served_storage import s3_storage_at

PROTOTYPE = default_buffer_prototype()
CHUNKS = 12


class Crowd:
    """How many requests for chunks are under way at once.

    Each one waits until ``expected`` of them are there, or nobody else has come for a while.
    """

    def __init__(self, expected: int) -> None:
        self.expected = expected
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()
        self._enough = threading.Event()

    def __call__(self, request: Request) -> Fault | None:
        if "/chunks/" not in request.key:
            return None
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
            if self._now == self.expected:
                self._enough.set()
        self._enough.wait(10)
        with self._lock:
            self._now -= 1
        return None


@pytest.fixture
def server() -> Iterator[ObjectServer]:
    with ObjectServer("s3") as server:
        yield server


def store_of(storage: frazil.Storage, concurrency: int) -> frazil.IcechunkStore:
    config = frazil.RepositoryConfig(inline_chunk_threshold_bytes=0, get_partial_values_concurrency=concurrency)
    repo = frazil.Repository.create(storage, config)
    with repo.transaction("main", message="chunks") as store:
        array = zarr.create_array(
            store, name="a", shape=(4 * CHUNKS,), chunks=(4,), dtype="u1", fill_value=255, compressors=None
        )
        array[:] = list(range(4 * CHUNKS))
    return repo.readonly_session("main").store


@pytest.mark.parametrize("concurrency", [1, 3, CHUNKS])
async def test_as_many_at_a_time_as_the_configuration_says(server: ObjectServer, concurrency: int) -> None:
    store = store_of(s3_storage_at(server.url), concurrency)
    crowd = server.fault = Crowd(concurrency)
    found = await store.get_partial_values(PROTOTYPE, [(f"a/c/{i}", None) for i in range(CHUNKS)])
    assert [value and value.to_bytes()[0] for value in found] == [4 * i for i in range(CHUNKS)]
    assert crowd.most == concurrency


async def test_ranges_in_order_and_none_for_what_is_missing() -> None:
    store = store_of(frazil.in_memory_storage(), 2)
    wanted = [
        ("a/c/1", RangeByteRequest(1, 3)),
        ("a/c/99", None),
        ("a/c/0", OffsetByteRequest(3)),
        ("nope/zarr.json", None),
        ("a/c/1", SuffixByteRequest(1)),
    ]
    found = await store.get_partial_values(PROTOTYPE, wanted)
    assert [value and list(value.to_bytes()) for value in found] == [[5, 6], None, [3], None, [7]]
    assert await store.get_partial_values(PROTOTYPE, []) == []


async def test_one_failure_ends_all(server: ObjectServer) -> None:
    store = store_of(s3_storage_at(server.url), 2)
    wanted = [("nonsense", None), *[(f"a/c/{i}", None) for i in range(CHUNKS)]]
    server.requests.clear()
    with pytest.raises(frazil.InvalidInputError, match="invalid zarr key format"):
        await store.get_partial_values(PROTOTYPE, wanted)
    assert len([request for request in server.requests if "/chunks/" in request.key]) < CHUNKS
