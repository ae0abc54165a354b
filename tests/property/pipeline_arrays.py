"""Arrays of every data type, codec and chunking that the codec pipeline takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec, GzipCodec, ShardingCodec, TransposeCodec, ZstdCodec

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


def _fillvalues_of(dtype: np.dtype[Any]) -> list[Any]:
    """Those of the pool that metadata can tell: there is one NaN in JSON."""
    return [value for value in _pool(dtype) if not (dtype.kind == "f" and np.isnan(value) and np.signbit(value))]


def values_of(dtype: np.dtype[Any], shape: tuple[int, ...], seed: int, variety: int) -> np.ndarray[Any, Any]:
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
def _filters(draw: st.DrawFn, rank: int, transposed: bool | None = None) -> list[Any]:
    if rank < 2 or not (draw(st.booleans()) if transposed is None else transposed):
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
def setups(draw: st.DrawFn, *, plain: bool = False, transposed: bool | None = None) -> ArraySetup:
    """Any array; ``plain`` ones are not compressed unless inside of shards, ``transposed`` ones have axes to be in order."""
    dtype = np.dtype(draw(st.sampled_from([*DTYPES, *STRUCTURED])))
    rank = draw(st.integers(2 if transposed else 0, 3))
    # Axes of one element and of none are where strides mean nothing.
    edges = st.one_of(st.integers(1, 9), st.integers(1, 9), st.sampled_from([0, 1, 1]))
    shape = tuple(draw(st.lists(edges, min_size=rank, max_size=rank)))
    chunks = tuple(draw(st.lists(st.integers(1, 6), min_size=rank, max_size=rank)))
    # Zarr has no shards of no dimensions, and wants codecs of whole shards to be chosen knowingly.
    depth = draw(st.sampled_from([0, 0, 0, 1, 1, 2])) if rank else 0
    filters = draw(_filters(rank, transposed)) if depth == 0 else []
    return ArraySetup(
        dtype,
        {
            "shape": shape,
            "chunks": chunks,
            "dtype": dtype,
            "filters": filters,
            "serializer": draw(_serializer(dtype, chunks, depth)),
            "compressors": draw(_compressors(item_size=dtype.itemsize)) if depth == 0 and not plain else None,
            "fill_value": draw(st.sampled_from(_fillvalues_of(dtype))),
            "config": {"write_empty_chunks": draw(st.booleans()), "order": draw(st.sampled_from(["C", "F"]))},
        },
    )
