"""What lies between two snapshots of which neither descends from the other.

A branch that was reset or amended under a session has no chain of logs from the session's base to its tip: part of the
way would lead backwards.  The trees themselves say what differs, and with it what to hold against the session.
"""

from __future__ import annotations

from frazil._core import Assets, ChunkReader, ChunkTable, CoordSet, Snapshot
from frazil.changes.change_set import ChangeSet
from frazil.changes.to_log import LogContents
from frazil.format.ids import NodeId
from frazil.format.node_path import ROOT, NodePath
from frazil.format.records import Move, NodeRecord


def differences(assets: Assets, base: Snapshot, tip: Snapshot, ours: ChangeSet) -> LogContents:
    """What a transaction log from ``base`` to ``tip`` would say, as far as it matters to ``ours``.

    New, deleted and moved nodes are complete.  Updates are looked for only in nodes that ``ours`` changes, and changed
    chunks only where it changes them too; an array that ``ours`` deletes counts as updated if its manifests differ.
    """
    here, there = _by_id(base), _by_id(tip)
    new, gone = there.keys() - here.keys(), here.keys() - there.keys()
    moves = [
        Move(path, there[node_id][0], node_id, is_array)
        for node_id, (path, is_array) in here.items()
        if node_id in there and there[node_id][0] != path
    ]
    touched = (ours.updated.keys() | ours.chunks.keys() | ours.deleted_ids()) & here.keys() & there.keys()
    pairs = {node_id: (_node(base, here[node_id][0]), _node(tip, there[node_id][0])) for node_id in touched}
    updated = {node_id for node_id, (old, now) in pairs.items() if old.user_data != now.user_data}
    return LogContents(
        new_groups=frozenset(node_id for node_id in new if not there[node_id][1]),
        new_arrays=frozenset(node_id for node_id in new if there[node_id][1]),
        deleted_groups=frozenset(node_id for node_id in gone if not here[node_id][1]),
        deleted_arrays=frozenset(node_id for node_id in gone if here[node_id][1]),
        updated_groups=frozenset(node_id for node_id in updated if not here[node_id][1]),
        updated_arrays=frozenset(node_id for node_id in updated if here[node_id][1]),
        updated_chunks={
            node_id: _changed_chunks(assets, (base, old), (tip, now), ours.chunks.get(node_id))
            for node_id, (old, now) in pairs.items()
            if old.array is not None and now.array is not None and old.array.manifests != now.array.manifests
        },
        moves=tuple(moves),
    )


def _by_id(snapshot: Snapshot) -> dict[NodeId, tuple[NodePath, bool]]:
    return {NodeId(node_id): (NodePath(path), kind == "array") for path, kind, node_id in snapshot.paths(ROOT)}


def _node(snapshot: Snapshot, path: NodePath) -> NodeRecord:
    found = snapshot.node(path)
    assert found is not None
    return NodeRecord.from_tuple(found)


def _changed_chunks(
    assets: Assets, old: tuple[Snapshot, NodeRecord], now: tuple[Snapshot, NodeRecord], ours: ChunkTable | None
) -> CoordSet:
    """The chunks among ours whose references differ."""
    if ours is None:
        return CoordSet()
    before, after = _reader(assets, *old), _reader(assets, *now)
    return CoordSet([coords for coords in ours.coords() if before.lookup(coords) != after.lookup(coords)])


def _reader(assets: Assets, snapshot: Snapshot, node: NodeRecord) -> ChunkReader:
    assert node.array is not None
    manifests = []
    for ref in node.array.manifests:
        listed = snapshot.manifest_file(ref.id)
        manifests.append((ref.id, listed[1] if listed else 0, ref.extents))
    return ChunkReader(assets, node.id, node.array.num_chunks, manifests, None)
