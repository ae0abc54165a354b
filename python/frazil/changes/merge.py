"""Folding the changes of forks back into the session they came from (format section 12.1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from frazil.changes.change_set import ChangeSet, with_manifests
from frazil.errors import SessionStateError
from frazil.format.ids import NodeId
from frazil.format.node_path import NodePath
from frazil.format.records import NodeRecord

_GONE: Final = "One writer changed nodes that others deleted meanwhile"


class Base(Protocol):
    """The snapshot that a session stands on."""

    def base_node(self, path: NodePath) -> NodeRecord | None:
        """The node at a path."""

    def base_paths(self) -> Mapping[NodeId, NodePath]:
        """Where every node is."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one fork has to give.

    ``base`` is the snapshot that the fork stands on.  ``saw_ours`` says that it holds changes of the session that
    merges: then the fork may delete what that session changed.  ``is_behind`` says that commits of others may lie
    between the fork and that session, which was rebased.
    """

    changes: ChangeSet
    base: Base
    saw_ours: bool
    is_behind: bool


def merge_all(ours: ChangeSet, parts: Sequence[Part], *, base: Base) -> ChangeSet:
    """Our changes with those of forks on top, in this order; no argument is changed.

    Of a chunk that several wrote the last one's wins.  ``base`` is what we stand on, which may be another than that of
    the forks: they may have seen our changes, and we may have been rebased since.

    Raises
    ------
    SessionStateError
        ``merge-failed`` where two created the same node, updated it differently without the later one having seen the
        other's, or one deleted what the other changed; ``rearrange-session-only`` where moves would be mixed with
        edits.
    """
    merged = ours.copy()
    for part in parts:
        _check(merged, part, base)
        _put_over(merged, part.changes)
    return merged


def _check(ours: ChangeSet, part: Part, base: Base) -> None:
    theirs = part.changes
    _refuse_mixed_moves(ours, theirs)
    _refuse_double_creation(ours, theirs)
    _refuse_unseen_updates(ours, part, base)
    if part.is_behind:
        _refuse_chunks_without_array(ours, part, base)
    if not part.saw_ours:
        _refuse_deletion_of_changed(theirs, ours)
    _refuse_deletion_of_changed(ours, theirs)


def _put_over(merged: ChangeSet, theirs: ChangeSet) -> None:
    """In place: a copy for each fork would make many forks cost the square of their number."""
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


def _refuse_unseen_updates(ours: ChangeSet, part: Part, base: Base) -> None:
    """Metadata that the fork replaces must be what it saw, or what it writes anyway."""
    changed, gone = [], []
    for node in part.changes.updated.values():
        made = ours.created.get(node.path)
        now = ours.updated.get(node.id) or (made if made is not None and made.id == node.id else None)
        if now is None:
            if not part.is_behind or node.id in ours.deleted_ids():
                continue  # what we deleted ourselves is told below
            now = base.base_node(node.path)
        if now is None or now.id != node.id:
            gone.append(node.path)
        elif now.user_data != node.user_data:
            seen = part.base.base_node(node.path)
            # Nothing is seen of a node that came by way of another fork, which saw it.
            if seen is not None and seen.user_data != now.user_data:
                changed.append(node.path)
    if changed:
        raise _failed("Multiple writers updated the metadata of the same nodes", changed)
    if gone:
        raise _failed(_GONE, gone)


def _refuse_chunks_without_array(ours: ChangeSet, part: Part, base: Base) -> None:
    """Others may have deleted the array; what is told below is that we did."""
    theirs = part.changes
    changed = {node_id for node_id, table in theirs.chunks.items() if len(table)}
    lost = changed - theirs.created_ids() - ours.created_ids() - ours.deleted_ids()
    lost = lost - base.base_paths().keys() if lost else lost
    if lost:
        paths = part.base.base_paths()
        raise _failed(_GONE, [paths[node_id] for node_id in lost])


def _refuse_deletion_of_changed(deleting: ChangeSet, changing: ChangeSet) -> None:
    if not deleting.deleted:
        return
    changed = changing.updated.keys() | {node_id for node_id, table in changing.chunks.items() if len(table)}
    found = [path for path, node in deleting.deleted.items() if node.id in changed]
    if found:
        raise _failed("One writer deleted nodes that another changed", found)


def _failed(reason: str, paths: Iterable[NodePath]) -> SessionStateError:
    return SessionStateError(f"failed to merge sessions: {reason}: {', '.join(sorted(paths))}", kind="merge-failed")
