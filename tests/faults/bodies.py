"""Metadata files taken apart below the level of their meaning: envelope, body, and the places in it that can be changed.

The walk over the tables is this file's own, so that what it finds does not depend on the reader under test.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from numcodecs import Zstd  # type: ignore[import-untyped]

HEADER: Final = 39
MAGIC: Final = b"ICE\xf0\x9f\xa7\x8aCHUNK"
SNAPSHOT, MANIFEST, LOG, REPO = 1, 2, 4, 6

_METADATA = ("tables", "MetadataItem")
_ID, _NODE = ("inline", 12), ("inline", 8)
TABLES: Final[dict[str, dict[int, Any]]] = {
    "MetadataItem": {0: "text", 1: "bytes"},
    "Snapshot": {
        0: _ID, 1: _ID, 2: ("tables", "NodeSnapshot"), 3: 8, 4: "text", 5: _METADATA, 6: ("structs", 32),
        7: ("tables", "ManifestFileInfoV2"), 8: "bytes",
    },
    "NodeSnapshot": {0: _NODE, 1: "text", 2: "bytes", 3: 1, 4: ("union", 3, {1: "ArrayNodeData", 2: "Empty"})},
    "Empty": {},
    "ArrayNodeData": {
        0: ("structs", 16), 1: ("tables", "DimensionName"), 2: ("tables", "ManifestRef"),
        3: ("tables", "DimensionShapeV2"),
    },
    "DimensionName": {0: "text"},
    "DimensionShapeV2": {0: 8, 1: 4},
    "ManifestRef": {0: _ID, 1: ("structs", 8)},
    "ManifestFileInfoV2": {0: _ID, 1: 8, 2: 4, 3: "bytes"},
    "Manifest": {0: _ID, 1: ("tables", "ArrayManifest"), 2: "bytes", 3: 1, 4: "bytes"},
    "ArrayManifest": {0: _NODE, 1: ("tables", "ChunkRef"), 2: "bytes"},
    "ChunkRef": {0: ("structs", 4), 1: "bytes", 2: 8, 3: 8, 4: _ID, 5: "text", 6: "text", 7: 4, 8: "bytes", 9: "bytes"},
    "TransactionLog": {
        0: _ID, **dict.fromkeys(range(1, 7), ("structs", 8)), 7: ("tables", "ArrayUpdatedChunks"),
        8: ("tables", "MoveOperation"), 9: "bytes",
    },
    "ArrayUpdatedChunks": {0: _NODE, 1: ("tables", "ChunkIndices")},
    "ChunkIndices": {0: ("structs", 4)},
    "MoveOperation": {0: "text", 1: "text", 2: _NODE, 3: 1},
    "Repo": {
        0: 1, 1: ("tables", "Ref"), 2: ("tables", "Ref"), 3: "texts", 4: ("tables", "SnapshotInfo"),
        5: ("table", "RepoStatus"), 6: _METADATA, 7: ("tables", "Update"), 8: "text", 9: "bytes", 10: ("structs", 2),
        11: ("structs", 2), 12: "bytes",
    },
    "Ref": {0: "text", 1: 4},
    "SnapshotInfo": {0: _ID, 1: 4, 2: 8, 3: "text", 4: _METADATA, 5: ("structs", 12)},
    "RepoStatus": {0: 1, 1: 8, 2: "text"},
    "Update": {0: 1, 1: ("union", 0, {10: "NewCommit", **dict.fromkeys((5, 7), "Named")}), 2: 8, 3: "text"},
    "Named": {0: "text"},
    "NewCommit": {0: "text", 1: _ID},
}  # fmt: skip
"""What the slots of each table are (format section 3); numbers are the sizes of scalars."""

_ROOTS: Final = {SNAPSHOT: "Snapshot", MANIFEST: "Manifest", LOG: "TransactionLog", REPO: "Repo"}


@dataclass(frozen=True, slots=True)
class Site:
    """A place in a body: ``size`` bytes at ``at`` that mean ``what``, in a slot of a table."""

    what: str
    at: int
    size: int
    slot: str


def unpack(file: bytes) -> tuple[bytes, bytearray]:
    """The header and the body of a file."""
    return file[:HEADER], bytearray(Zstd().decode(file[HEADER:]))


def pack(header: bytes, body: bytes | bytearray, level: int = 19) -> bytes:
    """A file of them, no longer than an honest one by default, since snapshots say how much of a manifest is read."""
    return header + bytes(Zstd(level=level).encode(bytes(body)))


def u32(body: bytes | bytearray, at: int) -> int:
    """The word at ``at``."""
    return int(struct.unpack_from("<I", body, at)[0])


def _field(body: bytes | bytearray, table: int, slot: int) -> int:
    """Where a slot of a table is, 0 if it is absent."""
    vtable = table - struct.unpack_from("<i", body, table)[0]
    length = struct.unpack_from("<H", body, vtable)[0]
    entry = 4 + 2 * slot
    offset = struct.unpack_from("<H", body, vtable + entry)[0] if entry + 2 <= length else 0
    return table + offset if offset else 0


def id_place(body: bytes | bytearray) -> int:
    """Where the id of a snapshot, manifest or transaction log is."""
    return _field(body, u32(body, 0), 0)


def own_id(file: bytes) -> bytes:
    """The id that a snapshot, manifest or transaction log says it has."""
    _, body = unpack(file)
    at = id_place(body)
    return bytes(body[at : at + 12])


def sites(body: bytes | bytearray, kind: int) -> list[Site]:
    """Every place in an honest body that is an offset, a length, a number, an id or a content."""
    return [Site("offset", 0, 4, "root"), *_table(body, u32(body, 0), _ROOTS[kind])]


def _table(body: bytes | bytearray, table: int, name: str) -> Iterator[Site]:
    vtable = table - struct.unpack_from("<i", body, table)[0]
    yield Site("vtable", table, 4, name)
    yield Site("vtable length", vtable, 2, name)
    for slot, kind in TABLES[name].items():
        at = _field(body, table, slot)
        if not at:
            continue
        label = f"{name}.{slot}"
        yield Site("vtable entry", vtable + 4 + 2 * slot, 2, label)
        if isinstance(kind, int):
            yield Site("number", at, kind, label)
        elif kind[0] == "inline":
            yield Site("id", at, kind[1], label)
        else:
            yield Site("offset", at, 4, label)
            yield from _target(body, table, at, kind, label)


def _target(body: bytes | bytearray, table: int, at: int, kind: Any, label: str) -> Iterator[Site]:
    """What the offset at ``at`` leads to."""
    there = at + u32(body, at)
    if kind[0] == "table":
        yield from _table(body, there, kind[1])
    elif kind[0] == "union":
        tag = _field(body, table, kind[1])
        name = kind[2].get(body[tag]) if tag else None
        if name is not None:
            yield from _table(body, there, name)
    else:
        yield Site("length", there, 4, label)
        count = u32(body, there)
        if kind in {"text", "bytes"}:
            yield Site(kind, there + 4, count, label)
        elif kind == "texts":
            yield from (Site("offset", there + 4 + 4 * n, 4, label) for n in range(count))
        elif kind[0] == "structs":
            yield from (Site("struct", there + 4 + kind[1] * n, kind[1], label) for n in range(count))
        else:
            for place in range(there + 4, there + 4 + 4 * count, 4):
                yield Site("offset", place, 4, label)
                yield from _table(body, place + u32(body, place), kind[1])
