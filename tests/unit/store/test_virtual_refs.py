"""Setting and listing references through the Zarr store."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st
from zarr.core.buffer import default_buffer_prototype

import frazil
from frazil import VirtualChunkSpec
from frazil._core import Latency, ObjectStore
from frazil.store import raw
from frazil.virtual import access
from frazil.virtual.reading import read_virtual
from tests.unit.virtual.repositories import CHUNKS, add_array, container, folder_url, read, session_with_array

S3 = frazil.VirtualChunkContainer("s3://bucket/", frazil.s3_store(region="us-east-1"), "s")
GCS = frazil.VirtualChunkContainer("gs://bucket/", frazil.gcs_store())


def u64(*values: int) -> npt.NDArray[np.uint64]:
    return np.array(values, dtype=np.uint64)


@pytest.fixture
def session() -> frazil.Session:
    made = session_with_array(S3, GCS, authorise={})
    add_array(made.store, "scalar", ())
    add_array(made.store, "plane", (4, 4))
    zarr.create_group(made.store, path="group")
    return made


def rows(store: frazil.IcechunkStore, path: str = "a", batch_size: int = 100) -> list[tuple[Any, ...]]:
    """(coordinates, kind, path, offset, length, inline bytes) of every chunk."""
    found = []
    for coords, kinds, paths, offsets, lengths, inline in store.array_chunk_iterator(path, batch_size):
        assert len(paths) <= batch_size
        assert coords.dtype == np.uint32
        assert kinds.dtype == np.uint8
        assert offsets.dtype == lengths.dtype == np.uint64
        for row, location in enumerate(paths):
            found.append(
                (
                    tuple(coords[row].tolist()),
                    int(kinds[row]),
                    location,
                    int(offsets[row]),
                    int(lengths[row]),
                    inline.get(row),
                )
            )
    return found


def virtual(coords: tuple[int, ...], location: str, offset: int, length: int) -> tuple[Any, ...]:
    return (coords, 2, location, offset, length, None)


# ---- one ---------------------------------------------------------------------------------------------------------------


def test_one_reference(session: frazil.Session) -> None:
    session.store.set_virtual_ref("a/c/3", "S3://bucket/x", offset=5, length=7)
    session.store.set_virtual_ref("/scalar/c", "s3://bucket/y", offset=0, length=1)
    session.store.set_virtual_ref("plane/c/1/2", "vcc://s/z", offset=2**40, length=2**33)
    assert rows(session.store) == [virtual((3,), "s3://bucket/x", 5, 7)]
    assert rows(session.store, "scalar") == [virtual((), "s3://bucket/y", 0, 1)]
    assert rows(session.store, "plane") == [virtual((1, 2), "s3://bucket/z", 2**40, 2**33)]
    assert sorted(session.all_virtual_chunk_locations()) == ["s3://bucket/x", "s3://bucket/y", "s3://bucket/z"]


@pytest.mark.parametrize(
    ("key", "error", "kind"),
    [
        ("a/zarr.json", frazil.SessionStateError, "not-allowed"),
        ("a/.zarray", frazil.SessionStateError, "not-allowed"),
        ("a", frazil.InvalidInputError, "invalid-key"),
        ("missing/c/0", frazil.NodeNotFoundError, "node-not-found"),
        ("group/c/0", frazil.InvalidInputError, "not-an-array"),
        ("a/c/16", frazil.InvalidInputError, "invalid-chunk-index"),
        ("a/c/1/1", frazil.InvalidInputError, "invalid-chunk-index"),
        ("plane/c/1", frazil.InvalidInputError, "invalid-chunk-index"),
    ],
)
def test_keys_that_are_no_chunks(session: frazil.Session, key: str, error: type[Exception], kind: str) -> None:
    with pytest.raises(error) as raised:
        session.store.set_virtual_ref(key, "s3://bucket/x", offset=0, length=1)
    assert isinstance(raised.value, frazil.IcechunkError)
    assert raised.value.kind == kind


@pytest.mark.parametrize(
    ("location", "fragment", "kind"),
    [
        ("s3://other/x", "invalid chunk location", "no-container-for-virtual-chunk"),
        ("vcc://other/x", "no virtual chunk container named", "no-container-for-virtual-chunk"),
        ("x", "error parsing", "invalid-virtual-ref"),
        ("s3:///x", "error parsing", "invalid-virtual-ref"),
        ("gs://bucket/a//b", "cannot address key", "invalid-virtual-ref"),
    ],
)
def test_locations_that_are_refused(session: frazil.Session, location: str, fragment: str, kind: str) -> None:
    with pytest.raises(frazil.InvalidInputError, match=fragment) as raised:
        session.store.set_virtual_ref("a/c/0", location, offset=0, length=1)
    assert raised.value.kind == kind
    assert rows(session.store) == []
    if kind == "no-container-for-virtual-chunk":
        session.store.set_virtual_ref("a/c/0", location, offset=0, length=1, validate_container=False)
        assert rows(session.store) == [virtual((0,), location, 0, 1)]


def test_numbers_that_are_refused(session: frazil.Session) -> None:
    with pytest.raises(frazil.InvalidInputError, match="length 0") as raised:
        session.store.set_virtual_ref("a/c/0", "s3://bucket/x", offset=0, length=0)
    assert raised.value.kind == "zero-length-chunk"
    for offset, length in [(-1, 1), (0, -1), (2**64, 1)]:
        with pytest.raises(OverflowError):
            session.store.set_virtual_ref("a/c/0", "s3://bucket/x", offset=offset, length=length)
    with pytest.raises(TypeError):
        session.store.set_virtual_ref("a/c/0", "s3://bucket/x", offset=0.5, length=1)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [datetime(2020, 1, 1), 5])  # noqa: DTZ001 - the naive time is the point
def test_checksums_that_are_refused(session: frazil.Session, wrong: Any) -> None:
    with pytest.raises(TypeError):
        session.store.set_virtual_ref("a/c/0", "s3://bucket/x", offset=0, length=1, checksum=wrong)
    with pytest.raises(TypeError):
        session.store.set_virtual_refs_arr("a", (1,), ["s3://bucket/x"], u64(0), u64(1), checksum=wrong)


# ---- many --------------------------------------------------------------------------------------------------------------


def test_many_references_and_those_that_no_container_serves(session: frazil.Session) -> None:
    specs = [
        VirtualChunkSpec([0], "s3://bucket/x", 1, 2),
        VirtualChunkSpec([1], "s3://other/x", 3, 4),
        VirtualChunkSpec([2], "S3://bucket/y", 5, 6, "etag"),
        VirtualChunkSpec([3], "gs://bucket/a//b", 7, 8, None, datetime(2020, 1, 1, tzinfo=UTC)),
        VirtualChunkSpec([4], "vcc://other/x", 9, 10),
    ]
    assert session.store.set_virtual_refs("/a", specs) == [(1,), (3,), (4,)]
    assert rows(session.store) == [virtual((0,), "s3://bucket/x", 1, 2), virtual((2,), "s3://bucket/y", 5, 6)]
    assert session.store.set_virtual_refs("a", specs, validate_containers=False) is None
    assert len(rows(session.store)) == 5
    assert session.store.set_virtual_refs("a", []) is None


def test_an_error_sets_nothing(session: frazil.Session) -> None:
    good = VirtualChunkSpec([0], "s3://bucket/x", 1, 2)
    for bad, kind in [
        (VirtualChunkSpec([16], "s3://bucket/x", 1, 2, "etag"), "invalid-chunk-index"),
        (VirtualChunkSpec([1, 1], "s3://bucket/x", 1, 2), "invalid-chunk-index"),
        (VirtualChunkSpec([1], "s3://bucket/x", 1, 0), "zero-length-chunk"),
        (VirtualChunkSpec([1], "x", 1, 2, "etag"), "invalid-virtual-ref"),
    ]:
        with pytest.raises(frazil.InvalidInputError) as raised:
            session.store.set_virtual_refs("a", [good, bad])
        assert raised.value.kind == kind
    assert rows(session.store) == []


def test_a_block_of_references(session: frazil.Session) -> None:
    locations = ["s3://bucket/x", "", "s3://other/x", "s3://bucket/y", "s3://bucket/y", "vcc://s/z"]
    failing = session.store.set_virtual_refs_arr(
        "/plane", (2, 3), locations, u64(*range(6)), u64(*range(1, 7)), arr_offset=(2, 1)
    )
    assert failing == [(2, 3)]
    assert rows(session.store, "plane") == [
        virtual((2, 1), "s3://bucket/x", 0, 1),
        virtual((3, 1), "s3://bucket/y", 3, 4),
        virtual((3, 2), "s3://bucket/y", 4, 5),
        virtual((3, 3), "s3://bucket/z", 5, 6),
    ]


def test_a_block_of_a_scalar_and_an_empty_block(session: frazil.Session) -> None:
    assert session.store.set_virtual_refs_arr("scalar", (), ["s3://bucket/x"], u64(1), u64(2)) is None
    assert session.store.set_virtual_refs_arr("a", (0,), [], u64(), u64()) is None
    assert rows(session.store, "scalar") == [virtual((), "s3://bucket/x", 1, 2)]
    assert rows(session.store) == []


def test_the_chunk_of_a_scalar_may_be_given_an_index(session: frazil.Session) -> None:
    assert session.store.set_virtual_refs_arr("scalar", (1,), ["s3://bucket/x"], u64(1), u64(2)) is None
    assert rows(session.store, "scalar") == [virtual((), "s3://bucket/x", 1, 2)]
    assert session.store.set_virtual_refs("scalar", [VirtualChunkSpec([0], "s3://bucket/y", 1, 2)]) is None
    assert rows(session.store, "scalar") == [virtual((), "s3://bucket/y", 1, 2)]
    with pytest.raises(frazil.InvalidInputError, match="dimensions"):
        session.store.set_virtual_refs_arr("scalar", (1,), ["s3://bucket/x"], u64(1), u64(2), arr_offset=(1,))


def test_missing_arrays_and_groups(session: frazil.Session) -> None:
    calls: list[Callable[[str], Any]] = [
        lambda path: session.store.set_virtual_refs(path, [VirtualChunkSpec([0], "s3://bucket/x", 0, 1)]),
        lambda path: session.store.set_virtual_refs_arr(path, (1,), ["s3://bucket/x"], u64(0), u64(1)),
    ]
    for call in calls:
        with pytest.raises(frazil.NodeNotFoundError):
            call("missing")
        with pytest.raises(frazil.InvalidInputError, match="not an array") as raised:
            call("group")
        assert raised.value.kind == "not-an-array"
        with pytest.raises(ValueError, match="path must be canonic"):
            call("a/../b")


def test_read_only_stores_refuse(session: frazil.Session) -> None:
    session.commit("arrays")
    store = session.store
    calls: list[Callable[[], Any]] = [
        lambda: store.set_virtual_ref("a/c/0", "s3://bucket/x", offset=0, length=1),
        lambda: store.set_virtual_refs("a", [VirtualChunkSpec([0], "s3://bucket/x", 0, 1)]),
        lambda: store.set_virtual_refs_arr("a", (1,), ["s3://bucket/x"], u64(0), u64(1)),
    ]
    for call in calls:
        with pytest.raises(frazil.ReadOnlyError, match="read-only store") as raised:
            call()
        assert raised.value.kind == "read-only-store"


async def test_coroutine_twins(session: frazil.Session) -> None:
    store = session.store
    await store.set_virtual_ref_async("a/c/0", "s3://bucket/x", offset=0, length=1)
    assert await store.set_virtual_refs_async("a", [VirtualChunkSpec([1], "s3://other/x", 0, 1)]) == [(1,)]
    failing = await store.set_virtual_refs_arr_async("a", (1,), ["s3://bucket/y"], u64(0), u64(1), arr_offset=(2,))
    assert failing is None
    assert [batch[2] async for batch in store.array_chunk_iterator("a", 1)] == [["s3://bucket/x"], ["s3://bucket/y"]]
    for name in ("set_virtual_ref", "set_virtual_refs", "set_virtual_refs_arr"):
        blocking, twin = getattr(frazil.IcechunkStore, name), getattr(frazil.IcechunkStore, f"{name}_async")
        assert inspect.iscoroutinefunction(twin)
        assert inspect.signature(blocking) == inspect.signature(twin)


cells = st.tuples(
    st.integers(0, 3), st.integers(0, 3), st.sampled_from(["s3://bucket/a", "S3://bucket/a", "s3://o/x", "vcc://s/b"])
)


@given(st.lists(st.lists(cells, max_size=6), max_size=4))
def test_all_ways_of_setting_agree(batches: list[list[tuple[int, int, str]]]) -> None:
    """One by one, as specs and as columns: the same references and the same refusals."""
    alone, listed, in_columns = (session_with_array(S3, authorise={}) for _ in range(3))
    for made in (alone, listed, in_columns):
        add_array(made.store, "plane", (4, 4))
    for number, batch in enumerate(batches):
        refused = []
        for i, j, location in batch:
            try:
                alone.store.set_virtual_ref(f"plane/c/{i}/{j}", location, offset=number, length=i + 1)
            except frazil.InvalidInputError:
                refused.append((i, j))
        specs = [VirtualChunkSpec([i, j], location, number, i + 1) for i, j, location in batch]
        assert (listed.store.set_virtual_refs("plane", specs) or []) == refused
        for i, j, location in batch:
            block = [""] * 16
            block[4 * i + j] = location
            in_columns.store.set_virtual_refs_arr(
                "plane", (4, 4), block, np.full(16, number, dtype=np.uint64), np.full(16, i + 1, dtype=np.uint64)
            )
    assert rows(alone.store, "plane") == rows(listed.store, "plane") == rows(in_columns.store, "plane")


# ---- listing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 2, 3, 100])
def test_chunks_of_all_kinds_are_listed_before_and_after_a_commit(tmp_path: Path, batch_size: int) -> None:
    config = frazil.RepositoryConfig(inline_chunk_threshold_bytes=4)
    repository = frazil.Repository.create(frazil.local_filesystem_storage(tmp_path / "repo"), config)
    session = repository.writable_session("main")
    array = zarr.create_array(
        session.store, name="a", shape=(4, 8), chunks=(1, 8), dtype="i1", compressors=None, fill_value=0
    )
    small = zarr.create_array(
        session.store, name="small", shape=(3,), chunks=(2,), dtype="i1", compressors=None, fill_value=0
    )
    array[0] = np.arange(8)
    session.store.set_virtual_ref("a/c/2/0", "s3://bucket/x", offset=1, length=2, validate_container=False)
    small[:] = [1, 2, 3]

    def check(store: frazil.IcechunkStore) -> None:
        native, reference = rows(store, "/a", batch_size)
        assert reference == virtual((2, 0), "s3://bucket/x", 1, 2)
        coords, kind, path, offset, length, inline = native
        assert (coords, kind, offset, length, inline) == ((0, 0), 1, 0, 8, None)
        assert (tmp_path / "repo" / "chunks" / path).is_file()
        assert rows(store, "small", batch_size) == [((0,), 3, "", 0, 2, b"\1\2"), ((1,), 3, "", 0, 2, b"\3\0")]

    check(session.store)
    session.commit("first")
    check(repository.readonly_session("main").store)


def test_nothing_is_listed_of_what_is_no_array(session: frazil.Session) -> None:
    assert list(session.store.array_chunk_iterator("missing")) == []
    assert list(session.store.array_chunk_iterator("group")) == []
    assert list(session.store.array_chunk_iterator("a")) == []
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        session.store.array_chunk_iterator("a", 0)


async def test_a_listing_may_be_left_early(session: frazil.Session) -> None:
    session.store.set_virtual_refs_arr(
        "a", (CHUNKS,), ["s3://bucket/x"] * CHUNKS, u64(*range(CHUNKS)), u64(*[1] * CHUNKS)
    )
    batches = session.store.array_chunk_iterator("a", 2)
    assert len((await anext(batches))[2]) == 2
    await batches.aclose()
    assert [batch async for batch in batches] == []


def test_locations_of_deleted_and_replaced_chunks_are_not_listed(tmp_path: Path) -> None:
    repository = frazil.Repository.create(frazil.local_filesystem_storage(tmp_path / "repo"))
    session = repository.writable_session("main")
    for name in ("a", "b", "gone"):
        add_array(session.store, name)
        locations = [f"s3://bucket/{name}{number}" for number in range(3)]
        session.store.set_virtual_refs_arr(name, (3,), locations, u64(0, 0, 0), u64(1, 1, 1), validate_containers=False)
    session.commit("nine")
    session = repository.writable_session("main")
    zarr.open_array(session.store, path="a")[0] = 5
    session.store.delete_sync("b/c/1")
    session.store.delete_sync("gone/zarr.json")
    left = ["s3://bucket/a1", "s3://bucket/a2", "s3://bucket/b0", "s3://bucket/b2"]
    assert sorted(session.all_virtual_chunk_locations()) == left
    assert sorted(asyncio.run(_locations(session))) == left


async def _locations(session: frazil.Session) -> list[str]:
    return await session.all_virtual_chunk_locations_async()


# ---- where reads happen ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_near", [True, False])
def test_a_slow_source_is_read_outside_of_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_near: bool
) -> None:
    """Also where the repository itself answers at once."""
    (tmp_path / "x").write_bytes(b"0123456789")
    near = ObjectStore.local("/", durable=False, verbatim=True)
    source = near if is_near else near.with_latency(Latency(read_ms=1))
    monkeypatch.setattr(access, "open_source", lambda *_: source)
    readers = []

    def recording(*arguments: Any) -> Any:
        readers.append(threading.current_thread())
        return read_virtual(*arguments)

    monkeypatch.setattr(raw, "read_virtual", recording)
    session = session_with_array(container(tmp_path))
    session.store.set_virtual_ref("a/c/0", f"{folder_url(tmp_path)}x", offset=0, length=3)

    async def get() -> bytes:
        found = await session.store.get("a/c/0", default_buffer_prototype())
        assert found is not None
        return found.to_bytes()

    assert asyncio.run(get()) == b"012"
    assert [reader is threading.current_thread() for reader in readers] == [is_near]


# ---- spec version 1 ----------------------------------------------------------------------------------------------------


def test_spec_version_1_stores_absolute_locations_only(tmp_path: Path) -> None:
    """Readers of that version do not know names."""
    (tmp_path / "a b").write_bytes(b"0123456789")
    session = session_with_array(container(tmp_path, "here"), spec_version=1)
    session.store.set_virtual_ref("a/c/0", "vcc://here/a b", offset=1, length=2)
    specs = [VirtualChunkSpec([1], "vcc://here/a b", 2, 3), VirtualChunkSpec([2], "vcc://nowhere/a b", 2, 3)]
    assert session.store.set_virtual_refs("a", specs, validate_containers=False) == [(2,)]
    node = session._tree.existing_array(frazil.format.node_path.NodePath("/a"))
    stored = [session._tree.chunk_reader(node).lookup((index,)) for index in range(2)]
    assert [ref.location if ref else None for ref in stored] == [f"{folder_url(tmp_path)}a%20b"] * 2
    assert read(session.store) == b"12"
    session.commit("v1")
    assert read(session.store, "a/c/1") == b"234"
