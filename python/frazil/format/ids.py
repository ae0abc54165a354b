"""Ids of objects and nodes: raw bytes inside, Crockford base32 where people see them (format section 1.2)."""

from __future__ import annotations

from typing import Final, NewType, Protocol

from frazil import _core
from frazil.errors import ErrorKind, IcechunkError, error

SnapshotId = NewType("SnapshotId", bytes)
ManifestId = NewType("ManifestId", bytes)
ChunkId = NewType("ChunkId", bytes)
NodeId = NewType("NodeId", bytes)

OBJECT_ID_LENGTH: Final = 12
NODE_ID_LENGTH: Final = 8

INITIAL_SNAPSHOT_ID: Final = SnapshotId(bytes.fromhex("0b1cc8d6787580f0e33a6534"))
"""The first snapshot of every repository, ``1CECHNKREP0F1RSTCMT0`` (format section 1.3)."""


class IdSource(Protocol):
    """Where new ids come from; tests put a predictable one in the place of the random one."""

    def snapshot_id(self) -> SnapshotId:
        """A new snapshot's id, which its transaction log shares."""

    def manifest_id(self) -> ManifestId:
        """A new manifest's id."""

    def chunk_id(self) -> ChunkId:
        """A new chunk's id."""

    def node_id(self) -> NodeId:
        """A new group's or array's id."""

    def backup_id(self) -> bytes:
        """The random part of the name of a backup (format section 1.4)."""


class RandomIds:
    """Uniformly random ids, from the operating system's generator."""

    def snapshot_id(self) -> SnapshotId:
        """A new snapshot's id, which its transaction log shares."""
        return SnapshotId(_core.random_id(OBJECT_ID_LENGTH))

    def manifest_id(self) -> ManifestId:
        """A new manifest's id."""
        return ManifestId(_core.random_id(OBJECT_ID_LENGTH))

    def chunk_id(self) -> ChunkId:
        """A new chunk's id."""
        return ChunkId(_core.random_id(OBJECT_ID_LENGTH))

    def node_id(self) -> NodeId:
        """A new group's or array's id."""
        return NodeId(_core.random_id(NODE_ID_LENGTH))

    def backup_id(self) -> bytes:
        """The random part of the name of a backup (format section 1.4)."""
        return _core.random_id(OBJECT_ID_LENGTH)


def content_chunk_id(data: bytes | bytearray | memoryview | _core.Buffer) -> ChunkId:
    """The id of a chunk that is named by a cryptographic hash of its encoded bytes, so that equal chunks share it."""
    return ChunkId(_core.content_id(data))


def format_id(raw: bytes) -> str:
    """The text of an id: 20 characters for objects, 13 for nodes."""
    return _core.encode_id(raw)


def parse_snapshot_id(text: str) -> SnapshotId:
    """Read an id that a user gave; case and the aliases I, L, O do not matter.

    Raises ``InvalidInputError`` of kind ``invalid-snapshot-id``.
    """
    return SnapshotId(_parse(text, OBJECT_ID_LENGTH, error("invalid-snapshot-id", f"invalid snapshot id: `{text}`")))


def parse_manifest_id(text: str) -> ManifestId:
    """Read a manifest id that a user gave.  Raises ``IcechunkError``."""
    return ManifestId(_parse(text, OBJECT_ID_LENGTH, _invalid_id("manifest", text)))


def parse_chunk_id(text: str) -> ChunkId:
    """Read a chunk id.  Raises ``IcechunkError``."""
    return ChunkId(_parse(text, OBJECT_ID_LENGTH, _invalid_id("chunk", text)))


def parse_node_id(text: str) -> NodeId:
    """Read a node id.  Raises ``IcechunkError``."""
    return NodeId(_parse(text, NODE_ID_LENGTH, _invalid_id("node", text)))


def _invalid_id(what: str, text: str) -> IcechunkError:
    return error(ErrorKind.UNKNOWN, f"invalid {what} id: `{text}` is not Crockford base32 of the right length")


def _parse(text: str, length: int, failure: IcechunkError) -> bytes:
    try:
        return _core.decode_id(text, length)
    except ValueError:
        raise failure from None
