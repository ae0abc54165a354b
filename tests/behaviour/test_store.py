"""The Zarr store, as zarr and callers see it."""

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import zarr
from zarr.abc.store import OffsetByteRequest, RangeByteRequest, SuffixByteRequest
from zarr.core.buffer import Buffer, default_buffer_prototype

import frazil
from frazil import IcechunkError, InvalidInputError, Repository

PROTOTYPE = default_buffer_prototype()


@pytest.fixture(params=[1, 2], ids=["v1", "v2"])
def repo(request: pytest.FixtureRequest) -> Repository:
    """With `g/a`, of which the first of two chunks is written, a group `g-more` and an array `empty`."""
    repo = Repository.create(frazil.in_memory_storage(), spec_version=request.param)
    with repo.transaction("main", message="start") as store:
        root = zarr.create_group(store)
        root.create_group("g").create_array("a", shape=(8,), chunks=(4,), dtype="i1", compressors=None)[:4] = [
            1,
            2,
            3,
            4,
        ]
        root.create_group("g-more")
        root.create_array("empty", shape=(2,), chunks=(1,), dtype="i1")
    return repo


@pytest.fixture
def store(repo: Repository) -> frazil.IcechunkStore:
    return repo.writable_session("main").store


def buffer(data: bytes) -> Buffer:
    return PROTOTYPE.buffer.from_bytes(data)


async def get(store: frazil.IcechunkStore, key: str, byte_range: Any = None) -> bytes | None:
    found = await store.get(key, PROTOTYPE, byte_range)
    return None if found is None else found.to_bytes()


async def listed(names: Any) -> list[str]:
    return sorted([name async for name in names])


# ---- the object ------------------------------------------------------------------------------------------------------


async def test_the_store_inside_speaks_bytes(store: frazil.IcechunkStore) -> None:
    assert bytes(await store._store.get("g/a/c/0")) == b"\x01\x02\x03\x04"
    with pytest.raises(KeyError):
        await store._store.get("g/a/c/1")
    await store._store.set("g/a/c/1", b"\x05\x06\x07\x08")
    assert await get(store, "g/a/c/1") == b"\x05\x06\x07\x08"


async def test_a_store_is_open_from_the_start(store: frazil.IcechunkStore) -> None:
    assert store._is_open
    with pytest.raises(ValueError, match="store is already open"):
        await store._open()


async def test_a_read_only_store_refuses(repo: Repository) -> None:
    store = repo.readonly_session("main").store
    assert store.read_only
    calls: list[Any] = [
        lambda: store._store.set("g/a/c/0", b"\x00"),
        lambda: store._store.delete("g/a/c/0"),
        lambda: store._store.delete_dir("g"),
    ]
    for call in calls:
        with pytest.raises(frazil.ReadOnlyError, match=r"read-only store|Read only sessions") as refused:
            await call()
        assert refused.value.kind in ("read-only-store", "read-only-session")
    with pytest.raises(ValueError, match="read-only"):
        zarr.open_array(store, path="g/a", mode="r")[0] = 1


# ---- reading ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key", ["zarr.json", "g/a/c/1", "g/a/c/2", "g/a/c/0/0", "nope/zarr.json", "nope/c/0", "g/.zgroup", ".zmetadata"]
)
async def test_what_is_missing_is_none(store: frazil.IcechunkStore, key: str) -> None:
    assert (await get(store, key) is None) == (key != "zarr.json")


@pytest.mark.parametrize(
    ("byte_range", "expected"),
    [
        (None, b"\x01\x02\x03\x04"),
        (RangeByteRequest(1, 3), b"\x02\x03"),
        (OffsetByteRequest(2), b"\x03\x04"),
        (SuffixByteRequest(1), b"\x04"),
    ],
)
async def test_byte_ranges(store: frazil.IcechunkStore, byte_range: Any, expected: bytes) -> None:
    assert await get(store, "g/a/c/0", byte_range) == expected


@pytest.mark.parametrize("byte_range", [(0, 1), 5, "all"])
async def test_other_byte_ranges(store: frazil.IcechunkStore, byte_range: Any) -> None:
    with pytest.raises(ValueError, match="Unexpected byte_range, got"):
        await store.get("g/a/c/0", PROTOTYPE, byte_range)


@pytest.mark.parametrize("byte_range", [RangeByteRequest(0, 5), OffsetByteRequest(5), SuffixByteRequest(5)])
async def test_byte_ranges_out_of_the_chunk(store: frazil.IcechunkStore, byte_range: Any) -> None:
    with pytest.raises(InvalidInputError) as refused:
        await store.get("g/a/c/0", PROTOTYPE, byte_range)
    assert refused.value.kind == "invalid-byte-range"


@pytest.mark.parametrize(
    ("dtype", "fill_value"),
    [
        ("f4", float("nan")),
        ("f8", float("-inf")),
        ("c8", complex(1, -2)),
        ("c16", complex(float("nan"), float("inf"))),
        ("bool", True),
        ("u8", 2**64 - 1),
        ("i8", -(2**63)),
    ],
)
async def test_metadata_come_back_byte_for_byte(repo: Repository, dtype: str, fill_value: Any) -> None:
    session = repo.writable_session("main")
    zarr.create_array(session.store, name="x", shape=(2,), dtype=dtype, fill_value=fill_value, attributes={"é": [None]})
    written = await get(session.store, "x/zarr.json")
    assert written is not None
    session.commit("x")
    reader = repo.readonly_session("main").store
    assert await get(reader, "x/zarr.json") == written
    read = np.asarray(zarr.open_array(reader, path="x", mode="r")[:])
    assert np.array_equal(read, np.full(2, fill_value, dtype=dtype), equal_nan=dtype[0] in "fc")


# ---- writing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [1, b"bytes", None])
async def test_values_are_buffers(store: frazil.IcechunkStore, value: Any) -> None:
    said = (
        rf"IcechunkStore\.set\(\): .value. must be a Buffer instance\. Got an instance of {re.escape(str(type(value)))}"
    )
    with pytest.raises(TypeError, match=said):
        await store.set("g/a/c/0", value)


async def test_rectilinear_grids_are_of_spec_2(repo: Repository, store: frazil.IcechunkStore) -> None:
    grid = '{"name":"rectilinear","configuration":{"kind":"inline","chunk_shapes":[[1,3]]}}'
    document = (
        f'{{"zarr_format":3,"node_type":"array","shape":[4],"data_type":"int8","chunk_grid":{grid},'
        '"chunk_key_encoding":{"name":"default","configuration":{"separator":"/"}},"fill_value":0,"codecs":'
        '[{"name":"bytes"}],"attributes":{}}'
    ).encode()
    if repo.spec_version == 1:
        with pytest.raises(IcechunkError, match="chunk grid"):
            await store.set("r/zarr.json", buffer(document))
        return
    await store.set("r/zarr.json", buffer(document))
    await store.set("r/c/1", buffer(b"\x01\x02\x03"))
    with pytest.raises(InvalidInputError):
        await store.set("r/c/2", buffer(b"\x01"))
    with pytest.raises(IcechunkError, match="rectilinear"):
        store.session.shift_array("/r", [1])
    for mapping in (lambda index: index, lambda index: [1 - index[0]], lambda index: None):
        for backward in (None, mapping):
            with pytest.raises(InvalidInputError, match="rectilinear"):
                store.session.reindex_array("/r", mapping, backward)
    assert await get(store, "r/c/1") == b"\x01\x02\x03"


@pytest.mark.parametrize(
    ("key", "data", "kind"),
    [
        ("foo", b"x", "invalid-key"),
        ("g/a/c/0", b"", "zero-length-chunk"),
        ("g/a/c/2", b"x", "invalid-chunk-index"),
        ("nope/c/0", b"x", "node-not-found"),
        ("g/c/0", b"x", "not-an-array"),
        ("x/zarr.json", b"{", "bad-metadata"),
        ("x/.zgroup", b"{}", "unimplemented"),
    ],
)
async def test_what_cannot_be_written(store: frazil.IcechunkStore, key: str, data: bytes, kind: str) -> None:
    with pytest.raises(IcechunkError) as refused:
        await store.set(key, buffer(data))
    assert refused.value.kind == kind
    assert not store.session.has_uncommitted_changes


# ---- listing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("g", ["g/a/c/0", "g/a/zarr.json", "g/zarr.json"]),
        ("g/", ["g/a/c/0", "g/a/zarr.json", "g/zarr.json"]),
        ("g-more", ["g-more/zarr.json"]),
        ("g/a", ["g/a/c/0", "g/a/zarr.json"]),
    ],
)
async def test_prefixes_are_nodes(store: frazil.IcechunkStore, prefix: str, expected: list[str]) -> None:
    assert await listed(store.list_prefix(prefix)) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", ["empty", "g", "g-more", "zarr.json"]),
        ("g", ["a", "zarr.json"]),
        ("g/a", ["c", "zarr.json"]),
        ("empty", ["c", "zarr.json"]),
        ("g/a/c", ["0"]),
        ("nope", []),
    ],
)
async def test_directories(store: frazil.IcechunkStore, path: str, expected: list[str]) -> None:
    assert await listed(store.list_dir(path)) == expected


async def test_a_listing_may_be_left_early(store: frazil.IcechunkStore) -> None:
    names: Any = store.list()
    async for _ in names:
        break
    await names.aclose()
    both: Any = store.list()
    assert sorted(iter(both)) == await listed(store.list())


# ---- references ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("s3://nobody/x", "invalid chunk location, no matching virtual chunk container"),
        ("no url", "error parsing virtual ref URL"),
    ],
)
def test_virtual_references_that_are_refused(store: frazil.IcechunkStore, location: str, said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        store.set_virtual_ref("g/a/c/1", location, offset=0, length=1)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 100])
async def test_all_kinds_of_chunks_are_iterated(batch_size: int) -> None:
    config = frazil.RepositoryConfig(inline_chunk_threshold_bytes=4)
    repo = Repository.create(frazil.in_memory_storage(), config)
    session = repo.writable_session("main")
    store = session.store
    zarr.create_array(store, name="a", shape=(4,), chunks=(1,), dtype="i4")
    zarr.create_array(store, name="empty", shape=(4,), chunks=(1,), dtype="i4")
    await store.set("a/c/0", buffer(b"tiny"))
    await store.set("a/c/1", buffer(b"not so tiny"))
    store.set_virtual_ref("a/c/3", "s3://b/x", offset=5, length=6, validate_container=False)

    for stage in (session, None):
        reader = (stage or repo.readonly_session("main")).store
        batches = [batch async for batch in reader.array_chunk_iterator("/a", batch_size)]
        assert all(1 <= len(batch[1]) <= batch_size for batch in batches)
        coords, kinds, offsets, lengths = (np.concatenate([batch[i] for batch in batches]) for i in (0, 1, 3, 4))
        paths = [path for batch in batches for path in batch[2]]
        payloads = [bytes(payload) for batch in batches for payload in batch[5].values()]
        assert (coords.dtype, kinds.dtype, offsets.dtype, lengths.dtype) == ("uint32", "uint8", "uint64", "uint64")
        assert coords.tolist() == [[0], [1], [3]]
        assert kinds.tolist() == [
            int(k) for k in (frazil.ChunkType.inline, frazil.ChunkType.native, frazil.ChunkType.virtual)
        ]
        assert paths[0] == ""
        assert paths[2] == "s3://b/x"
        assert len(paths[1]) > 0
        assert (offsets[2], lengths[2], lengths[1]) == (5, 6, 11)
        assert payloads == [b"tiny"]
        assert [batch async for batch in reader.array_chunk_iterator("/empty", batch_size)] == []
        if stage is not None:
            stage.commit("chunks")


# ---- many at once ----------------------------------------------------------------------------------------------------


async def test_readers_writers_and_listers_share_a_store(repo: Repository) -> None:
    session = repo.writable_session("main")
    store = session.store
    zarr.create_array(store, name="many", shape=(200,), chunks=(1,), dtype="i1", compressors=None)

    async def write(number: int) -> None:
        await store.set(f"many/c/{number}", buffer(bytes([number])))
        if number % 4 == 0:
            await store.delete(f"many/c/{number}")

    async def read(number: int) -> None:
        found = await get(store, f"many/c/{number}")
        assert found in (None, bytes([number]))

    async def list_all() -> None:
        assert "many/zarr.json" in await listed(store.list_prefix("many"))

    work = [job for number in range(200) for job in (read(number), write(number))] + [list_all() for _ in range(20)]
    await asyncio.wait_for(asyncio.gather(*work), 120)
    expected = {f"many/c/{number}" for number in range(200) if number % 4} | {"many/zarr.json"}
    assert set(await listed(store.list_prefix("many"))) == expected
    session.commit("all")
    assert set(await listed(repo.readonly_session("main").store.list_prefix("many"))) == expected


@pytest.fixture
def one_request_at_a_time() -> Iterator[None]:
    with zarr.config.set({"async.concurrency": 1}):
        yield


@pytest.mark.timeout(60)
def test_shards_need_no_second_request_at_a_time(one_request_at_a_time: None, store: frazil.IcechunkStore) -> None:
    array = zarr.create_array(store, name="s", shape=(16,), chunks=(2,), shards=(8,), dtype="i4")
    array[:] = np.arange(16)
    assert np.array_equal(array[1:15], np.arange(1, 15))
