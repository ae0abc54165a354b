"""The change set: everything a session would commit, and nothing else (format section 12.1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from frazil._core import ChunkTable, CoordSet
from frazil.changes.moves import MoveList
from frazil.format.ids import NodeId
from frazil.format.node_path import NodePath
from frazil.format.records import ArrayData, ManifestRef, NodeRecord


@dataclass(frozen=True, slots=True)
class DeletedNode:
    """A node of the base snapshot that the session deleted."""

    id: NodeId
    is_array: bool


@dataclass(slots=True)
class ChangeSet:
    """New, updated and deleted nodes, changed chunks, and moves.

    ``created`` and ``deleted`` are keyed by path; a path in both was deleted and made anew.  ``updated`` holds the new
    records of nodes that the base has; only their metadata count, manifests are always those of the base.  ``chunks``
    covers arrays of either kind.  Not safe between threads by itself: the working tree that owns it holds the lock.
    """

    created: dict[NodePath, NodeRecord] = field(default_factory=dict)
    updated: dict[NodeId, NodeRecord] = field(default_factory=dict)
    deleted: dict[NodePath, DeletedNode] = field(default_factory=dict)
    chunks: dict[NodeId, ChunkTable] = field(default_factory=dict)
    moves: MoveList = field(default_factory=MoveList)
    gave_way: bool = False
    """A rebase dropped changes in favour of others': there is a commit to make, even if nothing else is left."""

    def is_empty(self) -> bool:
        changed = self.created or self.updated or self.deleted or len(self.moves) or self._any_chunks()
        return not (changed or self.gave_way)

    def _any_chunks(self) -> bool:
        return any(len(table) for table in self.chunks.values())

    def has_edits(self) -> bool:
        """Anything besides moves."""
        return bool(self.created or self.updated or self.deleted or self._any_chunks())

    # ---- edits -----------------------------------------------------------------------------------------------------

    def create(self, node: NodeRecord) -> None:
        self.created[node.path] = node

    def update(self, node: NodeRecord) -> None:
        """Replace the record of a node, wherever it comes from; its id stays."""
        if self.is_created(node):
            self.created[node.path] = node
        else:
            self.updated[node.id] = node

    def delete(self, node: NodeRecord) -> None:
        """Forget a node of this session, or record that a node of the base is gone."""
        self.chunks.pop(node.id, None)
        if self.is_created(node):
            del self.created[node.path]
            return
        self.updated.pop(node.id, None)
        self.deleted[node.path] = DeletedNode(node.id, node.is_array)

    def table(self, node: NodeRecord) -> ChunkTable:
        """The chunk changes of an array, made on first use."""
        found = self.chunks.get(node.id)
        if found is None:
            assert node.array is not None
            found = self.chunks[node.id] = ChunkTable(len(node.array.shape))
        return found

    # ---- questions -------------------------------------------------------------------------------------------------

    def is_created(self, node: NodeRecord) -> bool:
        made = self.created.get(node.path)
        return made is not None and made.id == node.id

    def new_nodes(self) -> Iterator[NodeRecord]:
        return iter(self.created.values())

    def created_ids(self) -> set[NodeId]:
        return {node.id for node in self.created.values()}

    def deleted_ids(self) -> set[NodeId]:
        return {node.id for node in self.deleted.values()}

    def changed_coords(self) -> dict[NodeId, CoordSet]:
        """The coordinates set or deleted, by array; arrays without any are left out."""
        return {node_id: table.coords() for node_id, table in self.chunks.items() if len(table)}

    # ---- copies ----------------------------------------------------------------------------------------------------

    def copy(self) -> ChangeSet:
        return ChangeSet(
            dict(self.created),
            dict(self.updated),
            dict(self.deleted),
            {node_id: table.copy() for node_id, table in self.chunks.items()},
            self.moves.copy(),
            self.gave_way,
        )

    def __getstate__(self) -> dict[str, Any]:
        return {
            "created": self.created,
            "updated": self.updated,
            "deleted": self.deleted,
            "chunks": {node_id: table.to_bytes() for node_id, table in self.chunks.items()},
            "moves": self.moves,
            "gave_way": self.gave_way,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.created = state["created"]
        self.updated = state["updated"]
        self.deleted = state["deleted"]
        self.chunks = {node_id: ChunkTable.from_bytes(data) for node_id, data in state["chunks"].items()}
        self.moves = state["moves"]
        self.gave_way = state["gave_way"]


def with_manifests(node: NodeRecord, manifests: tuple[ManifestRef, ...]) -> NodeRecord:
    """The same array with other manifests."""
    assert node.array is not None
    array = ArrayData(node.array.shape, node.array.dimension_names, manifests)
    return NodeRecord(node.id, node.path, node.user_data, array)
