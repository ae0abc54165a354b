"""Every change through a store that may not be written to is refused, in the words of zarr and of this package."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
import zarr
from zarr.core.buffer import default_buffer_prototype

import frazil
from frazil import IcechunkError, IcechunkStore, Repository, VirtualChunkSpec

GROUP = default_buffer_prototype().buffer.from_bytes(b'{"zarr_format":3,"node_type":"group"}')
CHUNK = default_buffer_prototype().buffer.from_bytes(b"\x01\x02\x03\x04")
REFERENCE = {"offset": 0, "length": 4, "validate_container": False}
COLUMNS = (np.array([0], "u8"), np.array([4], "u8"))

READS = [
    "array_chunk_iterator",
    "close",
    "exists",
    "get",
    "get_partial_values",
    "get_ranges",
    "get_ranges_sync",
    "get_sync",
    "getsize",
    "getsize_prefix",
    "is_empty",
    "list",
    "list_dir",
    "list_prefix",
    "open",
    "with_read_only",
]
WRITES: dict[str, Callable[[IcechunkStore], Any]] = {
    "set": lambda store: store.set("a/c/0", CHUNK),
    "set_sync": lambda store: store.set_sync("a/c/0", CHUNK),
    "set_if_not_exists": lambda store: store.set_if_not_exists("new/zarr.json", GROUP),
    "set_partial_values": lambda store: store.set_partial_values([("a/c/0", 0, b"\x01")]),
    "delete": lambda store: store.delete("a/c/0"),
    "delete_sync": lambda store: store.delete_sync("a/c/0"),
    "delete_dir": lambda store: store.delete_dir("a"),
    "clear": lambda store: store.clear(),
    "sync_clear": lambda store: store.sync_clear(),
    "set_virtual_ref": lambda store: store.set_virtual_ref("a/c/0", "s3://b/x", **REFERENCE),
    "set_virtual_ref_async": lambda store: store.set_virtual_ref_async("a/c/0", "s3://b/x", **REFERENCE),
    "set_virtual_refs": lambda store: store.set_virtual_refs("a", references(), validate_containers=False),
    "set_virtual_refs_async": lambda store: store.set_virtual_refs_async("a", references(), validate_containers=False),
    "set_virtual_refs_arr": lambda store: store.set_virtual_refs_arr(
        "a", (1,), ["s3://b/x"], *COLUMNS, validate_containers=False
    ),
    "set_virtual_refs_arr_async": lambda store: store.set_virtual_refs_arr_async(
        "a", (1,), ["s3://b/x"], *COLUMNS, validate_containers=False
    ),
}
THROUGH_ZARR: dict[str, Callable[[IcechunkStore], Any]] = {
    "assignment": lambda store: zarr.open_array(store, path="a").__setitem__(0, 3),
    "attributes": lambda store: zarr.open_array(store, path="a").attrs.update(unit="K"),
    "resize": lambda store: zarr.open_array(store, path="a").resize((99,)),
    "many": lambda store: store._set_many([("a/c/0", CHUNK)]),
}


def references() -> list[VirtualChunkSpec]:
    return [VirtualChunkSpec([0], "s3://b/x", 0, 4, last_updated_at_checksum=datetime(2026, 1, 1, tzinfo=UTC))]


@pytest.fixture
def repo() -> Repository:
    repo = Repository.create(frazil.in_memory_storage())
    with repo.transaction("main", message="start") as store:
        zarr.create_array(store, name="a", shape=(4,), chunks=(4,), dtype="u1", compressors=None)[:] = 9
    return repo


def committed(repo: Repository) -> IcechunkStore:
    session = repo.writable_session("main")
    session.commit("nothing", allow_empty=True)
    return session.store


STORES: dict[str, Callable[[Repository], IcechunkStore]] = {
    "of a read-only session": lambda repo: repo.readonly_session("main").store,
    "of a read-only session, as writable": lambda repo: repo.readonly_session("main").store.with_read_only(False),
    "of a writable session, as read-only": lambda repo: repo.writable_session("main").store.with_read_only(True),
    "of a session that was committed": committed,
}


async def result(of: Any) -> Any:
    return await of if isinstance(of, Awaitable) else of


def test_every_method_is_known_to_read_or_to_write() -> None:
    methods = {name for name, method in inspect.getmembers(IcechunkStore, callable) if not name.startswith("_")}
    assert methods <= {*READS, *WRITES}


@pytest.mark.parametrize("which", STORES)
@pytest.mark.parametrize("what", [*WRITES, *THROUGH_ZARR])
async def test_a_change_is_refused(repo: Repository, which: str, what: str) -> None:
    store = STORES[which](repo)
    with pytest.raises(IcechunkError) as refused:
        if what in THROUGH_ZARR:
            await result(THROUGH_ZARR[what](store))
        else:
            await result(WRITES[what](store))
    assert isinstance(refused.value, frazil.ReadOnlyError)
    assert isinstance(refused.value, ValueError)
    assert refused.value.kind == "read-only-store"
    assert "cannot write to read-only store" in str(refused.value)
    assert "does not support writing" in str(refused.value)
    assert not store.session.has_uncommitted_changes
    assert zarr.open_array(repo.readonly_session("main").store, path="a", mode="r")[0] == 9


@pytest.mark.parametrize("what", [what for what in WRITES if what != "set_partial_values"])
async def test_the_same_change_goes_through_elsewhere(repo: Repository, what: str) -> None:
    session = repo.writable_session("main")
    await result(WRITES[what](session.store))
    assert session.has_uncommitted_changes
