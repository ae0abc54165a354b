"""Folding the changes of a fork back into the session it came from (format section 12.1)."""

from __future__ import annotations

from collections.abc import Iterable

from frazil.changes.change_set import ChangeSet, with_manifests
from frazil.errors import SessionStateError
from frazil.format.records import NodeRecord
from frazil.node_path import NodePath


def merge(ours: ChangeSet, theirs: ChangeSet, *, theirs_saw_ours: bool) -> ChangeSet:
    """Our changes with a fork's on top; neither argument is changed.

    ``theirs_saw_ours`` says that the fork is based on a snapshot of our changes: then what it updates or deletes may
    be a node that we created or changed, and that is no conflict.  Of a chunk that both wrote the fork's wins.

    Raises
    ------
    SessionStateError
        ``merge-failed`` where both created or updated the same node, or one deleted what the other changed;
        ``rearrange-session-only`` where moves would be mixed with edits.
    """
    _refuse_mixed_moves(ours, theirs)
    _refuse_double_creation(ours, theirs)
    if not theirs_saw_ours:
        _refuse_double_updates(ours, theirs)
        _refuse_deletion_of_changed(theirs, ours)
    _refuse_deletion_of_changed(ours, theirs)
    merged = ours.copy()
    for path, deleted in theirs.deleted.items():
        made = merged.created.get(path)
        if made is not None and made.id == deleted.id:
            del merged.created[path]
        else:
            merged.updated.pop(deleted.id, None)
            merged.deleted[path] = deleted
        merged.chunks.pop(deleted.id, None)
    for node in theirs.updated.values():
        _apply_update(merged, node)
    merged.created.update(theirs.created)
    for node_id, table in theirs.chunks.items():
        if node_id in merged.chunks:
            merged.chunks[node_id].merge(table)
        else:
            merged.chunks[node_id] = table.copy()
    merged.moves.moves.extend(theirs.moves.moves)
    return merged


def _apply_update(merged: ChangeSet, node: NodeRecord) -> None:
    """Take over the fork's metadata; the manifests stay those of our own base."""
    made = merged.created.get(node.path)
    if made is None or made.id != node.id:
        merged.updated[node.id] = node
        return
    if node.array is not None and made.array is not None:
        node = with_manifests(node, made.array.manifests)
    merged.created[node.path] = node


def _refuse_mixed_moves(ours: ChangeSet, theirs: ChangeSet) -> None:
    if (len(ours.moves) and theirs.has_edits()) or (len(theirs.moves) and ours.has_edits()):
        raise SessionStateError(
            "a rearrange session holds only moves and cannot be merged with a session that changes data",
            kind="rearrange-session-only",
        )


def _refuse_double_creation(ours: ChangeSet, theirs: ChangeSet) -> None:
    both = [path for path, node in theirs.created.items() if path in ours.created and ours.created[path].id != node.id]
    kept = [path for path in both if path not in theirs.deleted]
    for what, is_array in (("groups", False), ("arrays", True)):
        found = [path for path in kept if theirs.created[path].is_array == is_array]
        if found:
            raise _failed(f"Multiple writers created the same {what}", found)


def _refuse_double_updates(ours: ChangeSet, theirs: ChangeSet) -> None:
    both = ours.updated.keys() & theirs.updated.keys()
    found = [theirs.updated[i].path for i in both if theirs.updated[i].user_data != ours.updated[i].user_data]
    if found:
        raise _failed("Multiple writers updated the metadata of the same nodes", found)


def _refuse_deletion_of_changed(deleting: ChangeSet, changing: ChangeSet) -> None:
    changed = changing.updated.keys() | {node_id for node_id, table in changing.chunks.items() if len(table)}
    found = [path for path, node in deleting.deleted.items() if node.id in changed]
    if found:
        raise _failed("One writer deleted nodes that another changed", found)


def _failed(reason: str, paths: Iterable[NodePath]) -> SessionStateError:
    return SessionStateError(f"failed to merge sessions: {reason}: {', '.join(sorted(paths))}", kind="merge-failed")
