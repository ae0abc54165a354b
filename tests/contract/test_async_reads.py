"""`store.get` over a network: many at once, cancelled, on several loops, across a fork, and at the interpreter's end."""

import asyncio
import gc
import os
import re
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import zarr
from zarr.abc.store import OffsetByteRequest, RangeByteRequest, SuffixByteRequest
from zarr.core.buffer import default_buffer_prototype

import frazil
from frazil.concurrency import completions
from tests.contract.object_server import Fault, ObjectServer, Request
from tests.contract.served_storage import s3_storage_at

PROTOTYPE = default_buffer_prototype()
COUNT = 40
VALUES = np.arange(COUNT * 1000, dtype="i4").reshape(COUNT, 1000)


@pytest.fixture
def server() -> Iterator[ObjectServer]:
    with ObjectServer("s3") as made:
        session = frazil.Repository.create(s3_storage_at(made.url)).writable_session("main")
        zarr.create_array(
            session.store, name="a", shape=(COUNT + 1, 1000), chunks=(1, 1000), dtype="i4", compressors=None
        )[:COUNT] = VALUES
        session.commit("first")
        yield made


def opened(server: ObjectServer, config: frazil.RepositoryConfig | None = None) -> Any:
    return frazil.Repository.open(s3_storage_at(server.url), config).readonly_session("main").store


async def get(store: Any, number: int, byte_range: Any = None) -> bytes | None:
    found = await store.get(f"a/c/{number}/0", PROTOTYPE, byte_range)
    return None if found is None else found.to_bytes()


def chunk(number: int) -> bytes:
    return VALUES[number].tobytes()


def is_chunk(request: Request) -> bool:
    return request.method == "GET" and "/chunks/" in request.key


class Gate:
    """Holds the answers for chunks back until it is opened."""

    def __init__(self, server: ObjectServer) -> None:
        self.opened = threading.Event()
        self._arrived = threading.Semaphore(0)
        server.fault = self._wait

    def _wait(self, request: Request) -> Fault | None:
        if is_chunk(request):
            self._arrived.release()
            self.opened.wait(30)
        return None

    async def arrived(self, count: int) -> None:
        """Return when this many requests are waiting at the gate."""
        for _ in range(count):
            assert await asyncio.to_thread(self._arrived.acquire, timeout=30)


async def test_every_kind_of_key(server: ObjectServer) -> None:
    store = opened(server)
    assert await get(store, 3) == chunk(3)
    assert await get(store, 3, RangeByteRequest(4, 12)) == chunk(3)[4:12]
    assert await get(store, 3, OffsetByteRequest(3990)) == chunk(3)[3990:]
    assert await get(store, 3, SuffixByteRequest(8)) == chunk(3)[-8:]
    assert await get(store, COUNT) is None
    assert await get(store, COUNT + 7) is None
    assert await store.get("b/zarr.json", PROTOTYPE) is None
    assert await store.get("a/.zarray", PROTOTYPE) is None
    document = await store.get("a/zarr.json", PROTOTYPE)
    assert document is not None
    assert document.to_bytes().startswith(b"{")


async def test_many_at_once_are_all_in_flight(server: ObjectServer) -> None:
    """More than any pool of threads would have, and with the first look-up of the manifest among them."""
    gate = Gate(server)
    store = opened(server)
    reads = asyncio.gather(*(get(store, number % COUNT) for number in range(3 * COUNT)))
    await gate.arrived(3 * COUNT)
    gate.opened.set()
    assert await reads == [chunk(number % COUNT) for number in range(3 * COUNT)]


async def test_a_failure_is_the_one_that_blocking_calls_raise(server: ObjectServer) -> None:
    store = opened(server, frazil.RepositoryConfig(storage=quick_failures()))
    await get(store, 0)
    server.fault = lambda request: Fault(status=403, body=b"<Error><Code>AccessDenied</Code></Error>")
    with pytest.raises(frazil.StorageError) as awaited:
        await get(store, 1)
    with pytest.raises(frazil.StorageError) as blocking:
        await asyncio.to_thread(store.get_sync, "a/c/1/0", prototype=PROTOTYPE)
    told = [re.sub(r"in [0-9.]+.?s", "in a while", str(error.value)) for error in (awaited, blocking)]
    assert told[0] == told[1]
    server.fault = lambda request: None
    assert await get(store, 1) == chunk(1)


def quick_failures() -> frazil.StorageSettings:
    return frazil.StorageSettings(retries=frazil.StorageRetriesSettings(max_tries=1))


async def test_a_missing_chunk_object_is_an_error(server: ObjectServer) -> None:
    store = opened(server)
    for key in [key for key in server.objects if "/chunks/" in key]:
        del server.objects[key]
    with pytest.raises(frazil.StorageError, match="object not found: chunks/"):
        await get(store, 1)


async def test_a_cancelled_read_is_given_up(server: ObjectServer) -> None:
    gate = Gate(server)
    store = opened(server)
    given_up, kept = asyncio.create_task(get(store, 0)), asyncio.create_task(get(store, 1))
    await gate.arrived(2)
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    gate.opened.set()
    assert await kept == chunk(1)
    reads = completions.of_running_loop()
    assert reads is not None
    assert not reads._waiting


async def test_a_timeout_leaves_the_store_usable(server: ObjectServer) -> None:
    gate = Gate(server)
    store = opened(server)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(get(store, 0), 0.05)
    gate.opened.set()
    assert await get(store, 0) == chunk(0)


def test_several_loops_in_several_threads_share_a_store(server: ObjectServer) -> None:
    store = opened(server)

    async def all_chunks() -> list[bytes | None]:
        return await asyncio.gather(*(get(store, number) for number in range(COUNT)))

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _: asyncio.run(all_chunks()), range(12)))
    assert found == [[chunk(number) for number in range(COUNT)]] * 12


def test_a_loop_that_is_closed_while_reads_are_under_way(server: ObjectServer) -> None:
    gate = Gate(server)
    store = opened(server)
    loop = asyncio.new_event_loop()
    waiting = [loop.create_task(get(store, number)) for number in range(4)]
    loop.run_until_complete(gate.arrived(4))
    reads = completions._LOOPS.reads[loop]
    for task in waiting:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*waiting, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    gate.opened.set()
    assert reads is not None
    assert not reads._waiting
    # What belongs to the loop goes with it, as soon as the threads that it has used let go of it.
    kept = weakref.ref(reads)
    del loop, waiting, task, reads
    for _ in range(100):
        gc.collect()
        if kept() is None:
            break
        time.sleep(0.1)
    assert kept() is None
    assert asyncio.run(get(store, 5)) == chunk(5)


class NoSockets(asyncio.SelectorEventLoop):
    """A loop that watches no sockets for others, as the one of Windows."""

    def add_reader(self, *_: Any) -> None:  # type: ignore[override]
        raise NotImplementedError  # as asyncio's own loops say it


def test_a_loop_that_cannot_watch_sockets_reads_in_threads(server: ObjectServer) -> None:
    store = opened(server)
    loop = NoSockets()
    try:
        assert loop.run_until_complete(get(store, 2)) == chunk(2)
        assert completions._LOOPS.of(loop) is None
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()


async def test_with_a_chunk_cache(server: ObjectServer) -> None:
    config = frazil.RepositoryConfig(caching=frazil.CachingConfig(num_bytes_chunks=1 << 20))
    store = opened(server, config)
    server.requests.clear()
    for _ in range(3):
        assert await get(store, 2) == chunk(2)
    assert sum(map(is_chunk, server.requests)) == 1


async def test_virtual_and_inline_chunks_come_too(server: ObjectServer) -> None:
    session = frazil.Repository.open(s3_storage_at(server.url)).writable_session("main")
    array = zarr.create_array(session.store, name="i", shape=(2,), chunks=(1,), dtype="i1", compressors=None)
    await asyncio.to_thread(array.__setitem__, slice(None), np.array([1, 2], "i1"))
    found = await session.store.get("i/c/1", PROTOTYPE)
    assert found is not None
    assert found.to_bytes() == b"\x02"


SCRIPT = """
import asyncio, sys, threading
import frazil
from zarr.core.buffer import default_buffer_prototype
from tests.contract.served_storage import s3_storage_at

store = frazil.Repository.open(s3_storage_at(sys.argv[1])).readonly_session("main").store

async def get(number):
    return await store.get(f"a/c/{number}/0", default_buffer_prototype())

async def main(leave):
    await get(0)
    reads = [asyncio.ensure_future(get(number)) for number in range(40)]
    await asyncio.sleep(0)
    if leave == "all done":
        assert all([await read for read in reads])
    elif leave == "one done":
        assert await reads[0]
    elif leave == "at once":
        sys.exit(0)
"""

ENDINGS = {
    "all done": "asyncio.run(main('all done'))",
    "one done": "asyncio.run(main('one done'))",
    "at once": "asyncio.run(main('at once'))",
    "loop left open": "loop = asyncio.new_event_loop(); loop.run_until_complete(main('one done'))",
    "daemon thread": "threading.Thread(target=asyncio.run, args=(main('all done'),), daemon=True).start()",
}


STALLS = (0.0, 0.005, 0.2, 0.001, 0.02)
"""Seconds by which answers are late, so that scripts end in every stage of a read."""


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_end_of_a_script(server: ObjectServer, ending: str, amount: Callable[[int, int], int]) -> None:
    """Reads that nobody waits for any more neither crash nor hang the end of the interpreter, nor say a word."""
    for number in range(amount(3, 200)):
        late = Fault(stall=STALLS[number % len(STALLS)])
        server.fault = lambda request, late=late: late if is_chunk(request) and late.stall else None  # type: ignore[misc]
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", SCRIPT + ENDINGS[ending], server.url],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        complaints = [line for line in done.stderr.splitlines() if "Task was destroyed" not in line]
        assert done.returncode == 0, done.stderr
        if ending not in {"loop left open", "daemon thread"}:
            assert complaints == []


def test_a_request_beside_does_not_keep_a_script_from_ending(server: ObjectServer) -> None:
    """Its answer comes only when the script has ended."""
    ended, asked = threading.Event(), threading.Event()

    def hold(request: Request) -> Fault | None:
        if request.key.endswith("/held"):
            asked.set()
            ended.wait(90)
        return None

    server.fault = hold
    code = """
import sys
import frazil
from frazil.concurrency.offload import begin
from tests.contract.served_storage import s3_storage_at

objects = frazil.Repository.open(s3_storage_at(sys.argv[1]))._repository.context.objects
begin(lambda: objects.get("held"))
sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", code, server.url], stdin=subprocess.PIPE) as script:
        try:
            assert asked.wait(60)
            script.communicate(timeout=80)
        finally:
            script.kill()
            ended.set()
    assert script.returncode == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_says_that_it_cannot(server: ObjectServer) -> None:
    """The threads that read do not exist there; a read is refused, and does not wait for ever."""
    code = (
        SCRIPT
        + """
asyncio.run(main("all done"))
import os, warnings
warnings.simplefilter("ignore")
child = os.fork()
if not child:
    try:
        asyncio.run(get(1))
    except frazil.StorageError as error:
        os._exit(7 if "forked" in str(error) else 8)
    os._exit(9)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
assert asyncio.run(get(1))
"""
    )
    subprocess.run([sys.executable, "-c", code, server.url], timeout=120, check=True)
