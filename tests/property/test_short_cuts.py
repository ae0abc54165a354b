"""Every short cut of the codec pipeline is taken where it may be, never elsewhere, and changes nothing.

``docs/design/0011`` lists them.  This is a product, not a draw: order of axes, byte order, codecs, place, and part of the
array, each with each, and with every memory layout of the caller's array.  The extension counts what it takes.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import zarr
from zarr.codecs import BytesCodec, Crc32cCodec, ShardingCodec, TransposeCodec, ZstdCodec

import frazil
from frazil._core import short_cuts_taken
from frazil.codec_pipeline import use_codec_pipeline
from frazil.testing import LatencyStorage
from tests.property.memory_layouts import LAYOUTS
from tests.property.pipeline_twins import ZARRS

pytestmark = pytest.mark.filterwarnings("ignore:Combining a `sharding_indexed` codec")

FILL = 5

Place = Literal["inline", "object", "cached", "packed in files", "packed far away"]
Codecs = Literal["none", "crc32c", "zstd", "zstd crc32c", "shard", "shard of zstd", "transposed shard"]

PLACES: list[Place] = ["inline", "object", "cached", "packed in files", "packed far away"]
CODECS: list[Codecs] = ["none", "crc32c", "zstd", "zstd crc32c", "shard", "shard of zstd", "transposed shard"]
BYTES: list[tuple[str, Literal["little", "big"]]] = [("<i2", "little"), ("<i2", "big"), (">i2", "big")]


@dataclass(frozen=True)
class Grid:
    """Shape, chunks and inner chunks; the last chunks along each axis reach beyond the array where they can."""

    shape: tuple[int, int]
    chunks: tuple[int, int]
    inner: tuple[int, int]
    small: tuple[int, int]


GRIDS = {
    "tiles": Grid((7, 9), (3, 4), (3, 2), (1, 1)),
    # Whole rows: each chunk is one run of an array in C order.
    "rows": Grid((17, 4), (2, 4), (1, 4), (2, 2)),
}


@dataclass(frozen=True)
class Case:
    """One combination of what short cuts must not ignore."""

    grid: Grid
    codecs: Codecs
    transposed: bool
    dtype: str
    endian: Literal["little", "big"]
    place: Place

    @property
    def swapped(self) -> bool:
        return (self.dtype[0] == ">") != (self.endian == "big")

    @property
    def sharded(self) -> bool:
        return "shard" in self.codecs

    @property
    def compressed(self) -> bool:
        return "zstd" in self.codecs

    @property
    def inner(self) -> tuple[int, int]:
        """Inner chunks; zarr wants those of a transposed shard to fit into it both ways."""
        return self.grid.small if self.codecs == "transposed shard" else self.grid.inner

    @property
    def is_local(self) -> bool:
        return "far" not in self.place

    def array(self, storage: frazil.Storage) -> zarr.Array[Any]:
        config = frazil.RepositoryConfig(
            inline_chunk_threshold_bytes=512 if self.place == "inline" else 0,
            caching=frazil.CachingConfig(num_bytes_chunks=1 << 20) if self.place == "cached" else None,
        )
        store = frazil.Repository.create(storage, config).writable_session("main").store
        transpose = [TransposeCodec(order=(1, 0))] if self.transposed else []
        serializer: Any = BytesCodec(endian=self.endian)
        compressors: list[Any] = []
        filters: list[Any] = list(transpose)
        if self.sharded:
            inner = [*transpose, serializer, *([ZstdCodec()] if self.compressed else [])]
            filters = [TransposeCodec(order=(1, 0))] if self.codecs == "transposed shard" else []
            serializer = ShardingCodec(chunk_shape=self.inner, codecs=inner)
        else:
            compressors = [ZstdCodec()] if self.compressed else []
            compressors += [Crc32cCodec()] if "crc32c" in self.codecs else []
        return zarr.create_array(
            store,
            name="a",
            shape=self.grid.shape,
            chunks=self.grid.chunks,
            dtype=self.dtype,
            filters=filters,
            serializer=serializer,
            compressors=compressors,
            fill_value=FILL,
        )


class Walk:
    """Acts on an array and on a model of it; says which short cuts each act took."""

    def __init__(self, case: Case, array: zarr.Array[Any]) -> None:
        self.case, self.array = case, array
        self.reading = {order: array.with_config({"order": order}) for order in ("C", "F")}
        self.model = np.full(case.grid.shape, FILL, case.dtype)
        self._next = 0

    def values(self, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
        """Different from all before, and from the fill value."""
        count = int(np.prod(shape))
        made = (np.arange(self._next, self._next + count) % 9000 + 100).reshape(shape).astype(self.case.dtype)
        self._next += count
        return made

    def write(self, chosen: Any, lay_out: Callable[[Any], Any] = np.copy, value: Any = None) -> set[str]:
        value = self.values(self.model[chosen].shape) if value is None else value
        taken = _taken(lambda: self.array.__setitem__(chosen, lay_out(value)))
        self.model[chosen] = value
        return taken

    def read(self, chosen: Any, order: Literal["C", "F"] = "C") -> set[str]:
        found: list[Any] = []
        taken = _taken(lambda: found.append(self.reading[order][chosen]))
        assert np.array_equal(found[0], self.model[chosen]), (self.case, chosen, order)
        return taken


def _taken(act: Callable[[], Any]) -> set[str]:
    before = short_cuts_taken()
    act()
    return {name for name, count in short_cuts_taken().items() if count > before[name]}


def _expect(taken: set[str], case: Case, act: str, **expected: bool) -> None:
    for name, wanted in expected.items():
        assert (name.replace("_", " ") in taken) == wanted, (case, act, name, wanted, taken)


def _storage(place: Place, folder: Path) -> frazil.Storage:
    if place == "packed in files":
        return frazil.local_filesystem_storage(str(folder))
    if "far" in place:
        return LatencyStorage(frazil.in_memory_storage(), read_latency_ms=1)
    return frazil.in_memory_storage()


@pytest.mark.parametrize("codecs", CODECS)
@pytest.mark.parametrize("grid", GRIDS)
def test_each_is_taken_and_changes_nothing(tmp_path: Path, grid: str, codecs: Codecs) -> None:
    for number, (transposed, (dtype, endian), place) in enumerate(itertools.product([False, True], BYTES, PLACES)):
        case = Case(GRIDS[grid], codecs, transposed, dtype, endian, place)
        with use_codec_pipeline(pack_chunks="packed" in place):
            walk = Walk(case, case.array(_storage(place, tmp_path / str(number))))
            _walk_through(case, walk)
        # And zarr's own pipeline finds the same.
        with zarr.config.set({"codec_pipeline.path": ZARRS}):
            again = zarr.open_array(walk.array.store, path="a", mode="r")
            assert np.array_equal(np.asarray(again[...]), walk.model), case


def _walk_through(case: Case, walk: Walk) -> None:
    rows, columns = case.grid.chunks
    first = (slice(0, rows), slice(0, columns))
    inner = (slice(0, case.inner[0]), slice(0, case.inner[1]))
    is_object = case.place != "inline"
    separable = case.sharded and case.codecs != "transposed shard"
    # Elements of a chunk as they are stored are those of the caller, in the same order.
    as_stored = not case.sharded and not case.swapped and not case.transposed
    plain = case.codecs == "none" and not case.swapped

    _expect(walk.read(...), case, "read nothing", filled=True, decoded_in_place=False, read_in_place=False)

    taken = walk.write(...)
    _expect(
        taken,
        case,
        "write all",
        existing_unread=not separable,
        inlined=case.place == "inline",
        packed="packed" in case.place,
        empty_left_out=False,
    )
    for order in ("C", "F"):
        taken = walk.read(..., order)
        _expect(
            taken,
            case,
            f"read all in {order}",
            checksum_in_place="crc32c" in case.codecs,
            filled=False,
        )
        if not case.sharded:
            _expect(taken, case, f"read all in {order}", ranges_joined="packed" in case.place)

    # How values lie in memory is over before it is known where they go, so one place tries all of them.
    layouts = {name: LAYOUTS[name] for name in (LAYOUTS if case.place == "object" else ("F", "backwards"))}
    # A chunk is an object of its own from here on.
    for name, lay_out in layouts.items():
        taken = walk.write(first, lay_out)
        _expect(taken, case, f"write a chunk, {name}", packed=False, existing_unread=False)
        if not case.sharded:
            _expect(taken, case, f"write a chunk, {name}", encoded_in_place=as_stored)
        taken = walk.read(first)
        if not case.sharded:
            in_place = plain and not case.transposed and is_object and case.is_local
            _expect(
                taken,
                case,
                f"read a chunk, {name}",
                read_in_place=in_place,
                decoded_in_place=(as_stored and case.compressed) or (case.swapped and not case.transposed),
                decoded_without_copy=not case.compressed and not case.swapped and not in_place,
                part_read=False,
            )
        else:
            _expect(taken, case, f"read a shard, {name}", shard_spread=True, inner_chunks_read=False)
        _expect(walk.read(first), case, "read a chunk again", cached=case.place == "cached")
    walk.read(first, "F")

    taken = walk.read(inner)
    uncached = is_object and case.place != "cached"
    _expect(
        taken,
        case,
        "read a part",
        part_read=plain and uncached,
        inner_chunks_read=case.sharded and uncached,
        cached=case.place == "cached",
    )
    for number, chosen in enumerate(
        [
            (slice(None, None, 2), slice(None)),
            (slice(1, None, 3), slice(1, None, 2)),
            (2, slice(None)),
            (slice(None), -1),
            (slice(rows, rows + 1), slice(0, columns)),
            (slice(0, 2 * rows), slice(1, 2)),
            (slice(rows - 1, rows + 1), slice(None)),
        ]
    ):
        for order in ("C", "F") if case.place == "object" else "CF"[number % 2]:
            walk.read(chosen, order)

    taken = walk.write(inner)
    _expect(taken, case, "write a part", inner_chunks_kept=separable, existing_unread=False)
    for number, lay_out in enumerate(layouts.values()):
        walk.write((slice(number % 3, None, 2), slice(1, None, 1 + number % 2)), lay_out)
        walk.read(..., "CF"[number % 2])
    # Values that are repeated are not expanded, so nothing is there to be taken as it is.
    walk.write(
        first, lambda value: np.broadcast_to(value[:1], (rows, columns)), np.full((rows, columns), 77, case.dtype)
    )
    walk.write((slice(None), slice(0, columns)), lambda value: value[0, 0], np.full((case.grid.shape[0], columns), 78))
    walk.read(...)

    _expect(
        walk.write(first, value=np.full((rows, columns), FILL, case.dtype)), case, "write fill", empty_left_out=True
    )
    _expect(walk.read(first), case, "read fill", filled=True, read_in_place=False)
    walk.read(...)
    walk.read(..., "F")


@pytest.mark.parametrize("transposed", [False, True], ids=["in order", "transposed"])
@pytest.mark.parametrize("codecs", ["none", "zstd"])
def test_several_threads_take_them_too(codecs: Codecs, transposed: bool) -> None:
    """Batches that are large enough for more than one thread: each writes to slabs of the output that are its own."""
    for (shape, chunks), place in itertools.product(
        [((512, 1024), (64, 1024)), ((1000, 500), (256, 128))], PLACES[1:3]
    ):
        case = Case(Grid(shape, chunks, chunks, chunks), codecs, transposed, "<i2", "little", place)
        with use_codec_pipeline(pack_chunks=False):
            walk = Walk(case, case.array(frazil.in_memory_storage()))
            in_place = not transposed and chunks[1] == shape[1]
            _expect(walk.write(...), case, "write all", encoded_in_place=in_place)
            taken = walk.read(...)
            _expect(
                taken,
                case,
                "read all",
                read_in_place=in_place and codecs == "none",
                decoded_in_place=in_place and codecs == "zstd",
            )
            walk.read(..., "F")
            walk.read((slice(3, None, 2), slice(None, None, 3)))
