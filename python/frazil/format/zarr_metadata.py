"""What the engine needs to know of a ``zarr.json``: kind, shape, chunk grid, dimension names, key encoding.

Everything else in the document is opaque and kept byte for byte (format section 6.2).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from frazil.errors import InvalidInputError
from frazil.format.chunk_keys import DEFAULT_ENCODING, ChunkKeyEncoding
from frazil.format.records import ArrayData

_U32_MAX = 2**32 - 1
_U64_MAX = 2**64 - 1


@dataclass(frozen=True, slots=True)
class ChunkGrid:
    """The chunk grid of an array.

    ``name`` is ``regular`` or ``rectilinear``; ``num_chunks`` and ``chunk_lengths`` are per dimension, the latter None
    for a rectilinear grid.
    """

    name: str
    num_chunks: tuple[int, ...]
    chunk_lengths: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class ZarrMetadata:
    """The parsed part of a metadata document; ``grid`` is None for a group."""

    is_array: bool
    shape: tuple[int, ...] = ()
    grid: ChunkGrid | None = None
    dimension_names: tuple[str | None, ...] | None = None
    key_encoding: ChunkKeyEncoding = DEFAULT_ENCODING

    def array_data(self) -> ArrayData:
        """The record of a new array: these dimensions, no manifests."""
        assert self.grid is not None
        return ArrayData(tuple(zip(self.shape, self.grid.num_chunks, strict=True)), self.dimension_names)


@lru_cache(maxsize=4096)
def parse(document: bytes) -> ZarrMetadata:
    """Read a metadata document.

    Raises
    ------
    InvalidInputError
        ``bad-metadata`` if it is not a Zarr format 3 document that this engine can store.
    """
    try:
        found = json.loads(document)
    except (ValueError, RecursionError) as problem:
        raise _bad(f"not a JSON document: {problem}") from None
    if not isinstance(found, dict):
        raise _bad("it must be a JSON object")
    node_type = found.get("node_type")
    if node_type == "group":
        return ZarrMetadata(is_array=False)
    if node_type != "array":
        raise _bad(f"`node_type` must be `array` or `group`, not {node_type!r}")
    shape = _lengths(found.get("shape"), "shape")
    grid = _grid(found.get("chunk_grid"), shape)
    names = _dimension_names(found.get("dimension_names"), len(shape))
    return ZarrMetadata(
        is_array=True,
        shape=shape,
        grid=grid,
        dimension_names=names,
        key_encoding=ChunkKeyEncoding.parse(found.get("chunk_key_encoding")),
    )


def _bad(reason: str) -> InvalidInputError:
    return InvalidInputError(f"bad metadata in zarr.json: {reason}", kind="bad-metadata")


def _lengths(value: Any, name: str) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(_is_length(item) for item in value):
        raise _bad(f"`{name}` must be a list of non-negative integers, not {value!r}")
    return tuple(value)


def _is_length(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _U64_MAX


def _grid(value: Any, shape: tuple[int, ...]) -> ChunkGrid:
    if not isinstance(value, dict) or not isinstance(value.get("configuration"), dict):
        raise _bad(f"`chunk_grid` must have a `name` and a `configuration`, not {value!r}")
    name, configuration = value.get("name"), value["configuration"]
    if name == "regular":
        lengths = _lengths(configuration.get("chunk_shape"), "chunk_shape")
        _check_rank(len(lengths), len(shape), "chunk_shape")
        counts = tuple(_regular_count(length, chunk) for length, chunk in zip(shape, lengths, strict=True))
        return ChunkGrid("regular", _checked(counts), lengths)
    if name == "rectilinear":
        per_dimension = configuration.get("chunk_shapes")
        if not isinstance(per_dimension, list):
            raise _bad("`chunk_shapes` of a rectilinear chunk grid must be a list")
        _check_rank(len(per_dimension), len(shape), "chunk_shapes")
        counts = tuple(_rectilinear_count(item, length) for item, length in zip(per_dimension, shape, strict=True))
        return ChunkGrid("rectilinear", _checked(counts), None)
    raise _bad(f"chunk grid {name!r} is not supported; use `regular` or `rectilinear`")


def _regular_count(length: int, chunk: int) -> int:
    return -(-length // chunk) if chunk else 0


def _rectilinear_count(value: Any, length: int) -> int:
    """Bare numbers count one chunk, ``[size, count]`` pairs count ``count``; one number alone is a regular axis.

    The list says what there is, also where the array ends before: it may grow again.
    """
    if _is_length(value):
        return _regular_count(length, value)
    if not isinstance(value, list):
        raise _bad(f"`chunk_shapes` holds {value!r}, which is neither a length nor a list of lengths")
    total = 0
    for item in value:
        if _is_length(item):
            total += 1
        elif isinstance(item, list) and len(item) == 2 and all(_is_length(part) for part in item):
            total += item[1]
        else:
            raise _bad(f"`chunk_shapes` holds {item!r}, which is neither a length nor a [length, count] pair")
    return total


def _check_rank(found: int, wanted: int, name: str) -> None:
    if found != wanted:
        raise _bad(f"`{name}` has {found} dimensions but `shape` has {wanted}")


def _checked(counts: tuple[int, ...]) -> tuple[int, ...]:
    if any(count > _U32_MAX for count in counts):
        raise _bad("more than 4294967295 chunks along one dimension; use larger chunks")
    return counts


def _dimension_names(value: Any, rank: int) -> tuple[str | None, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(item is None or isinstance(item, str) for item in value):
        raise _bad(f"`dimension_names` must be a list of strings and nulls, not {value!r}")
    _check_rank(len(value), rank, "dimension_names")
    return tuple(item or None for item in value)
