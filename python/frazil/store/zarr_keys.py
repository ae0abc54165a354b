"""The key grammar of a Zarr store, pure: text in, meaning out (format section 14.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from frazil.errors import InvalidInputError
from frazil.format import node_path, zarr_metadata
from frazil.format.chunk_keys import DEFAULT_ENCODING
from frazil.format.node_path import ROOT, NodePath
from frazil.format.records import NodeRecord

METADATA = "zarr.json"
MOST_INDICES = 256
"""Keys with more indices name no chunk; NumPy's arrays have 64 dimensions at most."""

_LONGEST_SHOWN = 1000

V2_NAMES = frozenset({".zgroup", ".zarray", ".zattrs", ".zmetadata"})


@dataclass(frozen=True, slots=True)
class MetadataKey:
    """The ``zarr.json`` of a node that may or may not exist."""

    path: NodePath


@dataclass(frozen=True, slots=True)
class ChunkKey:
    """A chunk of an array that exists; None for ``coords`` where the rank is wrong."""

    node: NodeRecord
    coords: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class StrayChunkKey:
    """A chunk key below something that is no array: a group, or nothing."""

    path: NodePath


@dataclass(frozen=True, slots=True)
class V2Key:
    """Metadata of Zarr format 2, which never exists here."""


Key = MetadataKey | ChunkKey | StrayChunkKey | V2Key


def parse(key: str, find_node: Callable[[NodePath], NodeRecord | None]) -> Key:
    """Read a key; ``find_node`` tells which arrays exist, since each has its own chunk key encoding.

    One leading slash and doubled slashes are tolerated.

    Raises
    ------
    InvalidInputError
        ``invalid-key`` for anything else.
    """
    ensure_unicode(key)
    parts = [part for part in key.split("/") if part]
    if not parts or not {".", ".."}.isdisjoint(parts):
        raise invalid_key(key)
    if parts[-1] == METADATA:
        return MetadataKey(_join(parts[:-1]))
    if parts[-1] in V2_NAMES:
        return V2Key()
    for length in _path_lengths(parts):
        node = find_node(_join(parts[:length]))
        if node is not None and node.array is not None:
            found = _chunk_of(node, "/".join(parts[length:]))
            if found is not None:
                return found
    return _stray(key, parts)


def _path_lengths(parts: list[str]) -> Iterator[int]:
    """How many of the parts may be the path of an array, most first.

    What follows the path is one part, or one and indices in every encoding; and no array has so many indices that it
    could matter how long a key of nothing but indices is.
    """
    last = len(parts) - 1
    for length in range(last, max(-1, last - 1 - MOST_INDICES), -1):
        yield length
        if not _may_be_index(parts[length]):
            return


def _may_be_index(part: str) -> bool:
    return part.isascii() and part.isdigit()


def _chunk_of(node: NodeRecord, text: str) -> ChunkKey | None:
    assert node.array is not None
    encoding = zarr_metadata.parse(node.user_data).key_encoding
    coords = encoding.decode(text, len(node.array.shape))
    if coords is not None:
        return ChunkKey(node, coords)
    return ChunkKey(node, None) if _looks_like_default(text.split("/")) else None


def _stray(key: str, parts: list[str]) -> StrayChunkKey:
    """A key of the default encoding whose array does not exist: the last part named ``c`` ends its path."""
    for position in range(len(parts) - 1, -1, -1):
        if parts[position] == DEFAULT_ENCODING.encode(()):
            if _looks_like_default(parts[position:]):
                return StrayChunkKey(_join(parts[:position]))
            break
    raise invalid_key(key)


def _looks_like_default(parts: list[str]) -> bool:
    return parts[0] == "c" and DEFAULT_ENCODING.decode("/".join(parts), len(parts) - 1) is not None


def _join(parts: list[str]) -> NodePath:
    return NodePath("/" + "/".join(parts)) if parts else ROOT


def ensure_unicode(key: str) -> None:
    """``InvalidInputError`` of kind ``invalid-key`` if the text has half of a surrogate pair, which no file can hold."""
    if not key.isascii():
        try:
            key.encode()
        except UnicodeEncodeError:
            raise invalid_key(key) from None


def path_of(prefix: str) -> NodePath:
    """The path that a prefix of keys names, whether or not there is a node; raises as ``ensure_unicode``."""
    ensure_unicode(prefix)
    return NodePath("/" + prefix.strip("/"))


def invalid_key(key: str) -> InvalidInputError:
    shown = key.encode(errors="backslashreplace").decode()
    shown = shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}..."
    return InvalidInputError(
        f"invalid zarr key format `{shown}`; keys are `<path>/zarr.json` or `<path>/c/<index>/...`", kind="invalid-key"
    )


def metadata_key(path: NodePath) -> str:
    relative = node_path.to_relative(path)
    return f"{relative}/{METADATA}" if relative else METADATA


def chunk_key_prefix(path: NodePath) -> str:
    """What comes before the encoded coordinates."""
    relative = node_path.to_relative(path)
    return f"{relative}/" if relative else ""
