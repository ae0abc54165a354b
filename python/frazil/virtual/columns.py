"""Virtual references by column, pure: from what callers give to what the extension takes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from frazil._core import LocationColumn
from frazil.clock import from_datetime
from frazil.config.fields import integer, integers, string
from frazil.errors import InvalidInputError
from frazil.virtual.containers import VirtualChunkSpec

Coordinates: TypeAlias = npt.NDArray[np.uint32]
Sizes: TypeAlias = npt.NDArray[np.uint64]

_U32_MAX: Final = 2**32 - 1
_U64_MAX: Final = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Checksum:
    """What an object must still be when it is read: at most one of an ETag and a time in seconds since 1970."""

    etag: str | None = None
    last_modified: int | None = None

    @classmethod
    def parse(cls, value: object) -> Checksum:
        """Read the argument ``checksum``: an ETag, an aware ``datetime``, or None.

        Fractions of a second are dropped, as HTTP does.

        Raises
        ------
        TypeError
            For anything else, naive times included.
        ValueError
            For a time that the format cannot hold.
        """
        if value is None:
            return cls()
        if isinstance(value, str):
            return cls(etag=value)
        if not isinstance(value, datetime):
            raise TypeError(
                f"checksum must be an ETag (str), a time (aware datetime) or None, not {type(value).__name__}"
            )
        seconds = from_datetime(value) // 1_000_000
        if not 0 < seconds <= _U32_MAX:
            raise ValueError(f"the checksum {value} is outside the times that the format can hold, 1970 to 2106")
        return cls(last_modified=seconds)

    @classmethod
    def of(cls, spec: VirtualChunkSpec) -> Checksum:
        """The checksum of a reference; the ETag if it has both."""
        return cls.parse(spec.etag_checksum if spec.etag_checksum is not None else spec.last_updated_at_checksum)


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceColumns:
    """References of one array: ``coords`` is (n, rank) in C order, the others have n entries."""

    coords: Coordinates
    locations: LocationColumn
    offsets: Sizes
    lengths: Sizes

    def __len__(self) -> int:
        return len(self.locations)

    def coords_of(self, position: int) -> tuple[int, ...]:
        return tuple(self.coords[position].tolist())

    def where(self, kept: npt.NDArray[np.bool_]) -> ReferenceColumns:
        """The rows that ``kept`` marks."""
        return ReferenceColumns(
            np.ascontiguousarray(self.coords[kept]),
            self.locations.filtered(kept),
            self.offsets[kept],
            self.lengths[kept],
        )

    def without(self, rows: Sequence[int]) -> ReferenceColumns:
        """All rows but these."""
        if not rows:
            return self
        kept = np.ones(len(self), dtype=np.bool_)
        kept[rows] = False
        return self.where(kept)

    def with_locations(self, locations: LocationColumn) -> ReferenceColumns:
        return ReferenceColumns(self.coords, locations, self.offsets, self.lengths)

    def of_rank(self, rank: int) -> ReferenceColumns:
        """The same, where the one chunk of an array of rank 0 may also be called (0,), as kerchunk does."""
        if rank or self.coords.shape[1] != 1 or np.any(self.coords):
            return self
        return ReferenceColumns(self.coords[:, :0], self.locations, self.offsets, self.lengths)

    def check(self, path: str, num_chunks: Sequence[int]) -> None:
        """Refuse coordinates outside the grid, chunks of length zero, and ends past the largest offset.

        Raises
        ------
        InvalidInputError
            ``invalid-chunk-index``, ``zero-length-chunk`` or ``invalid-virtual-ref``.
        """
        if self.coords.shape[1] != len(num_chunks):
            raise InvalidInputError(
                f"invalid chunk index: it has {self.coords.shape[1]} dimensions, but array `{path}` has "
                f"{len(num_chunks)}",
                kind="invalid-chunk-index",
            )
        if not len(self):
            return
        # Extremes first: they are had at a fraction of the cost of finding the row, which only an error needs.
        for axis, count in enumerate(num_chunks):
            # A dimension of length zero takes index 0, dropped at commit (format section 12.1).
            if np.max(self.coords[:, axis]) >= max(count, 1):
                coords = self.coords_of(int(np.argmax(self.coords[:, axis] >= max(count, 1))))
                raise InvalidInputError(
                    f"invalid chunk index {list(coords)} for array `{path}`: its chunk grid is {list(num_chunks)}",
                    kind="invalid-chunk-index",
                )
        if not np.min(self.lengths):
            coords = self.coords_of(int(np.argmin(self.lengths)))
            raise InvalidInputError(
                f"zero-length chunk: the reference at {list(coords)} of array `{path}` has length 0; leave the "
                "reference out, or delete it, where there is no data",
                kind="zero-length-chunk",
            )
        if int(np.max(self.offsets)) + int(np.max(self.lengths)) > _U64_MAX:
            endless = self.offsets + self.lengths < self.lengths
            if endless.any():
                coords = self.coords_of(int(np.argmax(endless)))
                raise InvalidInputError(
                    f"the reference at {list(coords)} of array `{path}` ends past 2**64 bytes; check its offset and "
                    "length",
                    kind="invalid-virtual-ref",
                )


def row(coords: Sequence[int], location: str, offset: int, length: int) -> ReferenceColumns:
    """The columns of one reference."""
    return ReferenceColumns(
        np.array([coords], dtype=np.uint32).reshape(1, len(coords)),
        LocationColumn([string("location", location)]),
        np.array([integer("offset", offset, 0, 2**64 - 1)], dtype=np.uint64),
        np.array([integer("length", length, 0, 2**64 - 1)], dtype=np.uint64),
    )


def from_arrays(
    chunk_grid_shape: Sequence[int],
    locations: object,
    offsets: object,
    lengths: object,
    arr_offset: Sequence[int] | None,
) -> ReferenceColumns:
    """Columns that cover a block of the chunk grid in row-major order; rows without a location are left out.

    Besides lists and NumPy arrays, Arrow columns are taken; a null location is an empty one.

    Raises
    ------
    ValueError
        If the parts do not fit together.
    TypeError
        For columns of another type.
    """
    shape = integers("chunk_grid_shape", chunk_grid_shape, 0, _U32_MAX + 1)
    first = [0] * len(shape) if arr_offset is None else integers("arr_offset", arr_offset, 0, _U32_MAX)
    names, starts, sizes = LocationColumn(_texts(locations)), _u64("offsets", offsets), _u64("lengths", lengths)
    if not len(names) == len(starts) == len(sizes):
        raise ValueError("locations, offsets, and lengths must have the same length")
    product = math.prod(shape)
    if product != len(names):
        raise ValueError(f"product of chunk_grid_shape ({product}) != array length ({len(names)})")
    if len(first) != len(shape):
        raise ValueError(f"arr_offset length ({len(first)}) != chunk_grid_shape length ({len(shape)})")
    columns = ReferenceColumns(_block(shape, first), names, starts, sizes)
    return columns.without(names.rows_of({""}))


def _block(shape: Sequence[int], start: Sequence[int]) -> Coordinates:
    """The coordinates of a block of the grid, row-major."""
    for length, first in zip(shape, start, strict=True):
        if first + length > _U32_MAX + 1:
            raise OverflowError(
                f"chunk_grid_shape {tuple(shape)} at arr_offset {tuple(start)} leaves the range of chunk indices"
            )
    coords = np.empty((*shape, len(shape)), dtype=np.uint32)
    for axis, (length, first) in enumerate(zip(shape, start, strict=True)):
        along_axis = np.arange(first, first + length, dtype=np.uint64).astype(np.uint32)
        coords[..., axis] = along_axis.reshape([-1 if other == axis else 1 for other in range(len(shape))])
    return coords.reshape(math.prod(shape), len(shape))


def _texts(column: Any) -> Sequence[str]:
    if isinstance(column, list | tuple):
        return column
    if isinstance(column, str | bytes):
        raise TypeError("locations must be a column of strings, not one string")
    if hasattr(column, "to_pylist"):
        return [text or "" for text in column.to_pylist()]
    if hasattr(column, "tolist"):
        found: list[str] = column.tolist()
        return found
    raise TypeError(f"locations must be a list, a NumPy array or an Arrow column of strings, not {type(column)}")


def _u64(name: str, column: Any) -> Sizes:
    if hasattr(column, "to_pylist"):  # Arrow, which has no strides and keeps its integers in any width
        found = np.asarray(column)
        if found.dtype.kind not in "iu" or (found.size and found.min() < 0):
            raise TypeError(f"{name} must be a column of non-negative integers without nulls")
        return found.astype(np.uint64, copy=False)
    if not isinstance(column, np.ndarray) or column.dtype != np.uint64 or column.ndim != 1:
        shown = f"{column.ndim}-dimensional {column.dtype}" if isinstance(column, np.ndarray) else type(column).__name__
        raise TypeError(f"{name} must be a 1-dimensional NumPy array of uint64, not {shown}")
    if not column.flags.c_contiguous:
        raise ValueError(f"{name} array must be contiguous: use numpy.ascontiguousarray({name})")
    return column


def from_specs(specs: Sequence[VirtualChunkSpec], rank: int) -> Iterator[tuple[ReferenceColumns, Checksum]]:
    """Columns for each run of references with the same checksum, in order: the last one of a coordinate wins."""
    for checksum, run in groupby(specs, key=Checksum.of):
        rows = list(run)
        indices = [[] if not rank and spec.index == [0] else spec.index for spec in rows]
        for index in indices:
            if len(index) != rank:
                raise InvalidInputError(
                    f"invalid chunk index {index}: it has {len(index)} dimensions, but the array has {rank}",
                    kind="invalid-chunk-index",
                )
        coords = np.array(indices, dtype=np.uint32).reshape(len(rows), rank)
        offsets = np.array([spec.offset for spec in rows], dtype=np.uint64)
        lengths = np.array([spec.length for spec in rows], dtype=np.uint64)
        yield ReferenceColumns(coords, LocationColumn([spec.location for spec in rows]), offsets, lengths), checksum
