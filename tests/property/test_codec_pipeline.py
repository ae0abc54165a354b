"""Frazil's codec pipeline does to arrays what zarr's own pipeline does: every selection, data type and codec."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec, GzipCodec, ShardingCodec, TransposeCodec, ZstdCodec
from zarr.core.buffer import default_buffer_prototype
from zarr.core.sync import sync
from zarr.storage import MemoryStore

import frazil
from frazil.codec_pipeline import FrazilCodecPipeline, pipeline

pytestmark = pytest.mark.filterwarnings("ignore:Combining a `sharding_indexed` codec")

ZARRS = "zarr.core.codec_pipeline.BatchedCodecPipeline"
OURS = "frazil.codec_pipeline.FrazilCodecPipeline"

DTYPES = [
    "bool", "i1", "u1", "<i2", ">i2", "<u4", ">u4", "<i8", "<f2", "<f4", ">f4", "<f8", ">f8", "<c8", "<c16",
    "<M8[s]", "<m8[us]", "S3", "<U2", "V3",
]  # fmt: skip
STRUCTURED = [np.dtype([("a", "<i4"), ("b", "u1")]), np.dtype([("x", "<f4"), ("y", "<i2")])]


def _pool(dtype: np.dtype[Any]) -> list[Any]:
    """Values that make trouble: zeros of both signs, NaN of several kinds, bytes that differ when they are swapped."""
    match dtype.kind:
        case "b":
            return [False, True]
        case "i" | "u":
            return [0, 1, 77, np.iinfo(dtype).max]
        case "f":
            return [0.0, -0.0, 1.5, np.nan, -np.nan, np.inf]
        case "c":
            return [0j, complex(-0.0, 0.0), 1 + 2j, complex(np.nan, 1), complex(2, np.nan)]
        case "M" | "m":
            return [np.array(number, "i8").view(dtype)[()] for number in (0, 1, 10**9)] + [np.array("NaT", dtype)[()]]
        case "S":
            return [b"", b"a", b"xyz"]
        case "U":
            return ["", "a", "ñ☃"]
    return [np.frombuffer(bytes(range(first, first + dtype.itemsize)), dtype)[0] for first in (0, 40)] + [
        np.zeros((), dtype)[()]
    ]


def _fill_values(dtype: np.dtype[Any]) -> list[Any]:
    """Those of the pool that metadata can tell: there is one NaN in JSON."""
    return [value for value in _pool(dtype) if not (dtype.kind == "f" and np.isnan(value) and np.signbit(value))]


def _values(dtype: np.dtype[Any], shape: tuple[int, ...], seed: int, variety: int) -> np.ndarray[Any, Any]:
    pool = np.zeros(len(_pool(dtype)), dtype)
    for number, value in enumerate(_pool(dtype)):
        pool[number] = value
    # Few different values in a row make chunks that are nothing but the fill value.
    rng = np.random.default_rng(seed)
    return np.asarray(pool[rng.integers(0, min(variety, len(pool)), shape)], dtype)


@dataclass(frozen=True)
class ArraySetup:
    """The arguments of ``zarr.create_array``."""

    dtype: np.dtype[Any]
    arguments: dict[str, Any]

    @property
    def shape(self) -> tuple[int, ...]:
        shape: tuple[int, ...] = self.arguments["shape"]
        return shape

    def __repr__(self) -> str:
        return f"ArraySetup({self.arguments})"


@st.composite
def _compressors(draw: st.DrawFn, *, item_size: int) -> list[Any]:
    one = st.one_of(
        st.builds(ZstdCodec, level=st.integers(-2, 4), checksum=st.booleans()),
        st.builds(GzipCodec, level=st.integers(0, 9)),
        st.just(Crc32cCodec()),
        st.builds(
            BloscCodec,
            typesize=st.just(item_size),
            cname=st.sampled_from(["lz4", "lz4hc", "blosclz", "zstd", "zlib"]),
            clevel=st.integers(0, 9),
            shuffle=st.sampled_from(["noshuffle", "shuffle", "bitshuffle"]),
        ),
    )
    return draw(st.lists(one, max_size=2))


@st.composite
def _filters(draw: st.DrawFn, rank: int) -> list[Any]:
    if rank < 2 or draw(st.booleans()):
        return []
    return [TransposeCodec(order=tuple(draw(st.permutations(range(rank)))))]


@st.composite
def _serializer(draw: st.DrawFn, dtype: np.dtype[Any], chunks: tuple[int, ...], depth: int) -> Any:
    if depth == 0:
        swappable = dtype.names is not None or (dtype.kind in "iufcmMU" and dtype.itemsize > 1)
        return BytesCodec(endian=draw(st.sampled_from(["little", "big"])) if swappable else None)
    inner = tuple(draw(st.sampled_from([size for size in range(1, edge + 1) if edge % size == 0])) for edge in chunks)
    serializer = draw(_serializer(dtype, inner, depth - 1))
    filters = draw(_filters(len(chunks))) if depth == 1 else []
    index_codecs = [BytesCodec(endian=draw(st.sampled_from(["little", "big"])))]
    return ShardingCodec(
        chunk_shape=inner,
        codecs=[*filters, serializer, *draw(_compressors(item_size=dtype.itemsize))],
        index_codecs=index_codecs + draw(st.sampled_from([[], [Crc32cCodec()]])),
        index_location=draw(st.sampled_from(["start", "end"])),
    )


@st.composite
def setups(draw: st.DrawFn, *, plain: bool = False) -> ArraySetup:
    dtype = np.dtype(draw(st.sampled_from([*DTYPES, *STRUCTURED])))
    rank = draw(st.integers(0, 3))
    shape = tuple(draw(st.lists(st.integers(1, 9), min_size=rank, max_size=rank)))
    chunks = tuple(draw(st.lists(st.integers(1, 6), min_size=rank, max_size=rank)))
    # Zarr has no shards of no dimensions, and wants codecs of whole shards to be chosen knowingly.
    depth = draw(st.sampled_from([0, 0, 0, 1, 1, 2])) if rank else 0
    filters = draw(_filters(rank)) if depth == 0 else []
    return ArraySetup(
        dtype,
        {
            "shape": shape,
            "chunks": chunks,
            "dtype": dtype,
            "filters": filters,
            "serializer": draw(_serializer(dtype, chunks, depth)),
            "compressors": draw(_compressors(item_size=dtype.itemsize)) if depth == 0 and not plain else None,
            "fill_value": draw(st.sampled_from(_fill_values(dtype))),
            "config": {"write_empty_chunks": draw(st.booleans()), "order": draw(st.sampled_from(["C", "F"]))},
        },
    )


@st.composite
def _index(draw: st.DrawFn, size: int, *, advanced: bool) -> Any:
    kinds = ["slice", "slice", "int"] + (["ints", "bools"] if advanced else [])
    match draw(st.sampled_from(kinds)):
        case "int":
            return draw(st.integers(-size, size - 1))
        case "ints":
            found = st.lists(st.integers(0, size - 1), min_size=1, max_size=5)
            return np.array(draw(found))
        case "bools":
            return np.array(draw(st.lists(st.booleans(), min_size=size, max_size=size)))
    bound = st.none() | st.integers(-size - 1, size + 1)
    return slice(draw(bound), draw(bound), draw(st.none() | st.integers(1, 4)))


@st.composite
def basic_selections(draw: st.DrawFn, shape: tuple[int, ...]) -> Any:
    if draw(st.integers(0, 4)) == 0:
        return Ellipsis
    return tuple(draw(_index(size, advanced=False)) for size in shape)


@st.composite
def _reads(draw: st.DrawFn, shape: tuple[int, ...]) -> Callable[[zarr.Array[Any]], Any]:
    kind = draw(st.sampled_from(["basic", "basic", "basic", "oindex", "vindex", "mask", "block"]))
    if kind == "basic" or not shape:
        chosen = draw(basic_selections(shape))
        return lambda array: array[chosen]
    if kind == "oindex":
        chosen = tuple(draw(_index(size, advanced=True)) for size in shape)
        return lambda array: array.oindex[chosen]
    if kind == "vindex":
        count = draw(st.integers(1, 6))
        points = tuple(
            np.array(draw(st.lists(st.integers(0, size - 1), min_size=count, max_size=count))) for size in shape
        )
        return lambda array: array.vindex[points]
    if kind == "mask":
        flags = draw(st.lists(st.booleans(), min_size=math.prod(shape), max_size=math.prod(shape)))
        mask = np.array(flags).reshape(shape)
        return lambda array: array.vindex[mask]
    return lambda array: array.blocks[tuple(slice(0, 1) for _ in shape)]


class Twins:
    """One array twice: in a Frazil repository through our pipeline, and in memory through zarr's."""

    def __init__(self, setup: ArraySetup, *, inline_limit: int = 512) -> None:
        self.setup = setup
        config = frazil.RepositoryConfig(inline_chunk_threshold_bytes=inline_limit)
        self.repository = frazil.Repository.create(frazil.in_memory_storage(), config)
        self.session = self.repository.writable_session("main")
        self.plain_store = MemoryStore()
        with zarr.config.set({"codec_pipeline.path": OURS}):
            self.ours = zarr.create_array(self.session.store, name="group/a", **setup.arguments)
        with zarr.config.set({"codec_pipeline.path": ZARRS}):
            self.zarrs = zarr.create_array(self.plain_store, name="group/a", **setup.arguments)

    def same(self, act: Callable[[zarr.Array[Any]], Any]) -> None:
        """Act on both; the outcomes, be they arrays or exceptions, are alike."""
        expected, found = _outcome(act, self.zarrs), _outcome(act, self.ours)
        # zarr 3.1 cannot look up the fill value of raw and structured elements in the caches of its shards.
        assume(not (isinstance(expected, TypeError) and "unhashable" in str(expected)))
        assert type(expected) is type(found), (expected, found)
        if isinstance(expected, BaseException):
            return
        assert np.asarray(expected).dtype == np.asarray(found).dtype
        assert np.asarray(expected).shape == np.asarray(found).shape
        assert _canonical(expected) == _canonical(found)

    def stored(self, array: zarr.Array[Any]) -> dict[str, bytes]:
        """The chunks of an array as they are stored."""

        async def read() -> dict[str, bytes]:
            found = {}
            store = array.store
            async for key in store.list_prefix("group/a"):
                if not key.endswith("zarr.json"):
                    value = await store.get(key, default_buffer_prototype())
                    assert value is not None
                    found[key] = value.to_bytes()
            return found

        return sync(read())


def _outcome(act: Callable[[zarr.Array[Any]], Any], array: zarr.Array[Any]) -> Any:
    try:
        return act(array)
    except Exception as failure:  # noqa: BLE001 - whatever zarr raises is what we have to raise
        return failure


def _canonical(value: Any) -> bytes:
    array = np.asarray(value)
    if array.dtype.names is not None:
        # Bytes between fields mean nothing.
        return b"".join(np.ascontiguousarray(array[name]).tobytes() for name in array.dtype.names)
    return np.ascontiguousarray(array).tobytes()


def _as_stored(value: Any, setup: ArraySetup) -> bytes:
    return _canonical(np.asarray(value).astype(setup.dtype))


@st.composite
def _writes(draw: st.DrawFn, setup: ArraySetup) -> Callable[[zarr.Array[Any]], None]:
    chosen = draw(basic_selections(setup.shape))
    selected = np.empty(setup.shape, "u1")[chosen].shape
    seed, variety = draw(st.integers(0, 10**6)), draw(st.integers(1, 4))
    value = _values(setup.dtype, selected, seed, variety)
    match draw(st.sampled_from(["array", "array", "scalar", "fortran", "strided", "repeated", "foreign order"])):
        case "scalar":
            value = _values(setup.dtype, (), seed, variety)[()]
        case "fortran":
            value = np.asfortranarray(value)
        case "strided":
            doubled = np.repeat(value, 2, axis=-1) if value.ndim else value
            value = doubled[..., ::2] if value.ndim else value
        case "repeated" if value.size:
            value = np.broadcast_to(value.reshape(-1)[0], selected)
        case "foreign order" if setup.dtype.names is None:
            value = value.astype(setup.dtype.newbyteorder(), copy=False)

    def write(array: zarr.Array[Any]) -> None:
        array[chosen] = value

    return write


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_reads_and_writes_are_zarrs(data: st.DataObject) -> None:
    setup = data.draw(setups())
    # Chunks that are not inline share objects where there are many.
    twins = Twins(setup, inline_limit=data.draw(st.sampled_from([0, 512])))
    for _ in range(data.draw(st.integers(0, 3))):
        twins.same(data.draw(_writes(setup)))
        twins.same(data.draw(_reads(setup.shape)))
    twins.same(lambda array: array[...])
    assert twins.stored(twins.ours).keys() == twins.stored(twins.zarrs).keys()
    # What we wrote is what zarr reads, also after a commit and with our pipeline reading what is committed.
    twins.session.commit("done")
    store = twins.repository.readonly_session("main").store
    for path in (ZARRS, OURS):
        with zarr.config.set({"codec_pipeline.path": path}):
            again = zarr.open_array(store, path="group/a", mode="r")
            # Metadata do not tell in which byte order elements are to be in memory, and neither do scalars.
            assert _as_stored(again[...], setup) == _as_stored(twins.zarrs[...], setup)


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_uncompressed_bytes_are_zarrs(data: st.DataObject) -> None:
    setup = data.draw(setups(plain=True))
    assume(not isinstance(setup.arguments["serializer"], ShardingCodec) or _is_plain(setup.arguments["serializer"]))
    twins = Twins(setup, inline_limit=data.draw(st.sampled_from([0, 512])))
    for _ in range(data.draw(st.integers(1, 3))):
        twins.same(data.draw(_writes(setup)))
    assert twins.stored(twins.ours) == twins.stored(twins.zarrs)


def _is_plain(codec: ShardingCodec) -> bool:
    compressing = (ZstdCodec, GzipCodec, BloscCodec)
    return all(
        _is_plain(each) if isinstance(each, ShardingCodec) else not isinstance(each, compressing)
        for each in codec.codecs
    )


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the extension was asked to do."""
    done: list[str] = []
    for name in ("_read", "_write"):
        original = getattr(pipeline, name)

        def count(*args: Any, _name: str = name, _original: Any = original, **kwargs: Any) -> Any:
            done.append(_name)
            return _original(*args, **kwargs)

        monkeypatch.setattr(pipeline, name, count)
    return done


@pytest.mark.parametrize("dtype", [*DTYPES, *STRUCTURED], ids=str)
def test_the_short_way_is_taken(dtype: Any, counted: list[str]) -> None:
    arguments = {"shape": (5, 6), "chunks": (2, 4), "dtype": np.dtype(dtype), "config": {"write_empty_chunks": True}}
    twins = Twins(ArraySetup(np.dtype(dtype), arguments))
    value = _values(np.dtype(dtype), (5, 6), 1, 4)
    twins.ours[...] = value
    assert _canonical(twins.ours[...]) == _canonical(value)
    assert isinstance(twins.ours._async_array.codec_pipeline, FrazilCodecPipeline)
    assert counted == ["_write", "_read"]


@given(data=st.data())
def test_damaged_chunks_fail_in_both(data: st.DataObject) -> None:
    setup = data.draw(setups())
    twins = Twins(setup)
    twins.same(lambda array: array.__setitem__(..., _values(setup.dtype, setup.shape, 5, 4)))
    stored = twins.stored(twins.zarrs)
    assume(stored)
    key = data.draw(st.sampled_from(sorted(stored)))
    damaged = bytearray(stored[key])
    if data.draw(st.booleans()):
        damaged = damaged[: data.draw(st.integers(1, max(len(damaged) - 1, 1)))]
    else:
        damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    for array in (twins.ours, twins.zarrs):
        sync(array.store.set(key, default_buffer_prototype().buffer.from_bytes(bytes(damaged))))
    expected = _outcome(lambda array: array[...], twins.zarrs)
    found = _outcome(lambda array: array[...], twins.ours)
    if isinstance(expected, Exception):
        assert isinstance(found, Exception), found
        # zarr's own, where it did the work.
        assert "decode_chunk" in str(found) or not isinstance(found, frazil.IcechunkError)
    elif not isinstance(found, Exception):
        assert _canonical(expected) == _canonical(found)
