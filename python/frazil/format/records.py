"""What the metadata files hold, as frozen records.

The extension speaks tuples; ``from_tuple`` and ``to_tuple`` are the only places where the two meet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from frazil.format.ids import ManifestId, NodeId, SnapshotId
from frazil.format.node_path import NodePath

if TYPE_CHECKING:
    from frazil import _core

Extents = tuple[tuple[int, int], ...]
"""(from, to) per dimension, ``to`` exclusive; empty for a scalar array."""

Metadata = Mapping[str, Any]
"""Snapshot or repository metadata as JSON values."""


@dataclass(frozen=True, slots=True)
class ManifestRef:
    """A manifest of an array and the bounding box of its references."""

    id: ManifestId
    extents: Extents


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """A manifest as its snapshot lists it: ``size_bytes`` is the exact size of the stored object."""

    id: ManifestId
    size_bytes: int
    num_chunk_refs: int


@dataclass(frozen=True, slots=True)
class ArrayData:
    """What a snapshot says of an array besides its metadata document.

    ``shape`` is (array length, number of chunks) per dimension.
    """

    shape: tuple[tuple[int, int], ...]
    dimension_names: tuple[str | None, ...] | None
    manifests: tuple[ManifestRef, ...] = ()

    @property
    def num_chunks(self) -> tuple[int, ...]:
        return tuple(count for _, count in self.shape)


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """An array or a group; ``user_data`` is its zarr.json, byte for byte."""

    id: NodeId
    path: NodePath
    user_data: bytes
    array: ArrayData | None

    @property
    def is_array(self) -> bool:
        return self.array is not None

    @classmethod
    def from_tuple(cls, node: _core._NodeTuple) -> NodeRecord:
        node_id, path, user_data, array = node
        if array is None:
            return cls(NodeId(node_id), NodePath(path), user_data, None)
        shape, names, manifests = array
        refs = tuple(ManifestRef(ManifestId(manifest_id), extents) for manifest_id, extents in manifests)
        return cls(NodeId(node_id), NodePath(path), user_data, ArrayData(shape, names, refs))

    def to_tuple(self) -> _core._NodeTuple:
        if self.array is None:
            return (self.id, self.path, self.user_data, None)
        array = self.array
        refs = tuple((ref.id, ref.extents) for ref in array.manifests)
        return (self.id, self.path, self.user_data, (array.shape, array.dimension_names, refs))


@dataclass(frozen=True, slots=True)
class SnapshotEntry:
    """One commit as the history knows it: an entry of the ``repo`` object, or the head of a snapshot file.

    ``flushed_at`` is in microseconds since 1970; ``pruned`` are the transaction logs of ancestors that expiration
    took out of the chain, oldest first.
    """

    id: SnapshotId
    parent_id: SnapshotId | None
    flushed_at: int
    message: str
    metadata: Metadata = field(default_factory=dict)
    pruned: tuple[SnapshotId, ...] = ()


@dataclass(frozen=True, slots=True)
class Move:
    """A node that a rearrange session took from one path to another."""

    source: NodePath
    target: NodePath
    node_id: NodeId
    is_array: bool
