"""A short script of asyncio that ends right after its last await, in one of several ways.

    python ending.py KIND DIRECTORY [ENDPOINT]

Prints ``done`` as the last thing that it does: whatever comes after is the interpreter's end.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable

import numpy as np
import zarr
from zarr.api import asynchronous
from zarr.core.buffer import default_buffer_prototype

import frazil

CHUNKS, CHUNK = 64, 16 << 10
DATA = np.arange(CHUNKS * CHUNK, dtype="i4")


def storage(path: str, endpoint: str | None) -> frazil.Storage:
    if endpoint is None:
        return frazil.local_filesystem_storage(path)
    return frazil.s3_storage(
        bucket="bucket",
        prefix=path,
        region="us-east-1",
        endpoint_url=endpoint,
        allow_http=True,
        force_path_style=True,
        access_key_id="key",
        secret_access_key="secret",
    )


def fill(repo: frazil.Repository) -> None:
    session = repo.writable_session("main")
    zarr.create_array(session.store, name="a", data=DATA, chunks=(CHUNK,))
    session.commit("filled")


async def gathered(repo: frazil.Repository) -> None:
    """Many reads at once, a write and a commit."""
    session = repo.writable_session("main")
    prototype = default_buffer_prototype()
    await asyncio.gather(*[session.store.get(f"a/c/{i}", prototype) for i in range(CHUNKS)])
    await session.store.set("a/c/3", prototype.buffer.from_bytes(b"x" * 5000))
    await session.commit_async("written")


async def whole_array(repo: frazil.Repository) -> None:
    """A read that is done by a thread, through zarr's asynchronous doors."""
    session = await repo.readonly_session_async("main")
    array = await asynchronous.open_array(store=session.store, path="a", mode="r")
    assert np.array_equal(await array.getitem(slice(None)), DATA)


async def abandoned(repo: frazil.Repository) -> None:
    """Calls that are under way when the last await is over."""
    tasks = [asyncio.ensure_future(repo.readonly_session_async("main")) for _ in range(20)]
    tasks.append(asyncio.ensure_future(whole_array(repo)))
    await asyncio.sleep(0)


async def half_listed(repo: frazil.Repository) -> None:
    """An asynchronous iteration that nobody finishes."""
    async for _ in repo.async_ancestry(branch="main"):
        break
    async for _ in repo.readonly_session("main").store.list():
        break


async def beside_a_reader(repo: frazil.Repository) -> None:
    """A daemon thread that reads on and on, also while the interpreter ends."""
    array = zarr.open_array(repo.readonly_session("main").store, path="a", mode="r")
    begun = threading.Event()

    def read() -> None:
        while True:
            array[:]
            begun.set()

    threading.Thread(target=read, daemon=True).start()
    await asyncio.to_thread(begun.wait)


def left_open(repo: frazil.Repository) -> None:
    """A loop that is not closed."""
    loop = asyncio.new_event_loop()
    loop.run_until_complete(abandoned(repo))
    loop.run_until_complete(gathered(repo))


def in_a_loop(main: Callable[[frazil.Repository], object]) -> Callable[[frazil.Repository], None]:
    return lambda repo: asyncio.run(main(repo))  # type: ignore[arg-type]


KINDS: dict[str, Callable[[frazil.Repository], None]] = {
    "left_open": left_open,
    **{main.__name__: in_a_loop(main) for main in (gathered, whole_array, abandoned, half_listed, beside_a_reader)},
}


if __name__ == "__main__":
    kind, path, *endpoint = sys.argv[1:]
    opened = frazil.Repository.create(storage(path, endpoint[0] if endpoint else None))
    fill(opened)
    KINDS[kind](opened)
    print("done", flush=True)
