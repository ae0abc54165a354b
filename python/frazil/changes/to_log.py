"""What a transaction log says of a session's changes (format section 8)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from frazil._core import CoordSet, TransactionLog, encode_transaction_log
from frazil.changes.change_set import ChangeSet
from frazil.format import node_path
from frazil.format.ids import NodeId, SnapshotId
from frazil.format.node_path import NodePath
from frazil.format.records import Move


@dataclass(frozen=True, slots=True)
class LogContents:
    """The lists of a transaction log, before or after encoding."""

    new_groups: frozenset[NodeId] = frozenset()
    new_arrays: frozenset[NodeId] = frozenset()
    deleted_groups: frozenset[NodeId] = frozenset()
    deleted_arrays: frozenset[NodeId] = frozenset()
    updated_groups: frozenset[NodeId] = frozenset()
    updated_arrays: frozenset[NodeId] = frozenset()
    updated_chunks: dict[NodeId, CoordSet] = field(default_factory=dict)
    moves: tuple[Move, ...] = ()

    def encode(self, snapshot_id: SnapshotId, *, spec_version: int, writer: str, level: int) -> bytes:
        return encode_transaction_log(
            id=snapshot_id,
            new_groups=list(self.new_groups),
            new_arrays=list(self.new_arrays),
            deleted_groups=list(self.deleted_groups),
            deleted_arrays=list(self.deleted_arrays),
            updated_groups=list(self.updated_groups),
            updated_arrays=list(self.updated_arrays),
            updated_chunks=list(self.updated_chunks.items()),
            moves=[(move.source, move.target, move.node_id, int(move.is_array)) for move in self.moves],
            spec_version=spec_version,
            writer=writer,
            level=level,
        )


def from_changes(changes: ChangeSet, base_nodes: Iterable[tuple[NodePath, bool, NodeId]] = ()) -> LogContents:
    """The net changes of a session; ``base_nodes`` (path, is array, id) are needed only where nodes were moved."""
    created, deleted, updated = changes.created.values(), changes.deleted.values(), changes.updated.values()
    return LogContents(
        new_groups=frozenset(node.id for node in created if not node.is_array),
        new_arrays=frozenset(node.id for node in created if node.is_array),
        deleted_groups=frozenset(node.id for node in deleted if not node.is_array),
        deleted_arrays=frozenset(node.id for node in deleted if node.is_array),
        updated_groups=frozenset(node.id for node in updated if not node.is_array),
        updated_arrays=frozenset(node.id for node in updated if node.is_array),
        updated_chunks=changes.changed_coords(),
        moves=_moved(changes, base_nodes),
    )


def _moved(changes: ChangeSet, base_nodes: Iterable[tuple[NodePath, bool, NodeId]]) -> tuple[Move, ...]:
    if not len(changes.moves):
        return ()
    moved = []
    for path, is_array, node_id in base_nodes:
        target = changes.moves.to_current(path)
        if target != path:
            moved.append(Move(path, target, node_id, is_array))
    return in_log_order(moved)


def in_log_order(moves: Iterable[Move]) -> tuple[Move, ...]:
    """Sorted by final path, segment by segment (format section 8.3)."""
    return tuple(sorted(moves, key=lambda move: node_path.segments(move.target)))


def from_log(log: TransactionLog) -> LogContents:
    def ids(raw: Iterable[bytes]) -> frozenset[NodeId]:
        return frozenset(map(NodeId, raw))

    return LogContents(
        ids(log.new_groups),
        ids(log.new_arrays),
        ids(log.deleted_groups),
        ids(log.deleted_arrays),
        ids(log.updated_groups),
        ids(log.updated_arrays),
        {NodeId(node_id): coords for node_id, coords in log.updated_chunks},
        tuple(Move(NodePath(s), NodePath(t), NodeId(node_id), kind == 1) for s, t, node_id, kind in log.moves),
    )


def union(older: LogContents, newer: LogContents) -> LogContents:
    """The log of an amended commit: plain unions, moves joined by node (format section 8.2)."""
    chunks = dict(older.updated_chunks)
    for node_id, coords in newer.updated_chunks.items():
        chunks[node_id] = chunks[node_id].union(coords) if node_id in chunks else coords
    return LogContents(
        older.new_groups | newer.new_groups,
        older.new_arrays | newer.new_arrays,
        older.deleted_groups | newer.deleted_groups,
        older.deleted_arrays | newer.deleted_arrays,
        older.updated_groups | newer.updated_groups,
        older.updated_arrays | newer.updated_arrays,
        chunks,
        _join_moves(older.moves, newer.moves),
    )


def _join_moves(older: tuple[Move, ...], newer: tuple[Move, ...]) -> tuple[Move, ...]:
    joined = {move.node_id: move for move in older}
    for move in newer:
        first = joined.get(move.node_id, move)
        joined[move.node_id] = Move(first.source, move.target, move.node_id, move.is_array)
    return in_log_order(move for move in joined.values() if move.source != move.target)
