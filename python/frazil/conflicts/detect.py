"""Which of our changes cannot simply be put on top of theirs (format section 12.3).

*Ours* is a session's change set; *theirs* is what one transaction log says of a commit that the session has not seen.
One function finds one kind of conflict; nothing is read or changed here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from frazil._core import CoordSet
from frazil.changes.change_set import ChangeSet, DeletedNode
from frazil.changes.moves import MoveList
from frazil.changes.to_log import LogContents
from frazil.conflicts.kinds import Conflict, ConflictType
from frazil.format import node_path
from frazil.format.ids import NodeId
from frazil.format.node_path import NodePath
from frazil.format.records import NodeRecord


class TreeView(Protocol):
    """The nodes of one snapshot."""

    def node(self, path: NodePath) -> NodeRecord | None: ...


@dataclass(frozen=True, slots=True)
class Clash:
    """A conflict as it is found: ``coords`` are the chunks that both sides changed, of ``ChunkDoubleUpdate`` only."""

    kind: ConflictType
    path: str
    node_id: NodeId | None = None
    coords: CoordSet | None = None

    def to_conflict(self) -> Conflict:
        chunks = None if self.coords is None else [list(coords) for coords in self.coords]
        return Conflict(self.kind, self.path, chunks)


@dataclass(frozen=True, slots=True)
class Encounter:
    """Our changes, their changes, and the tree of their commit.

    ``path_of`` names a node of the session's base.  ``tree`` is asked only where the log alone cannot tell, so that it
    may be loaded on first use.
    """

    ours: ChangeSet
    theirs: LogContents
    tree: TreeView
    path_of: Callable[[NodeId], NodePath]


def detect(met: Encounter) -> list[Clash]:
    """Every conflict, in the order of the kinds and then of paths."""
    if met.theirs.moves:
        return [Clash(ConflictType.MoveOperationCannotBeRebased, "")]
    return [clash for find in _DETECTORS for clash in sorted(find(met), key=lambda clash: clash.path)]


# ---- our new nodes ---------------------------------------------------------------------------------------------------


def new_node_conflicts_with_existing_node(met: Encounter) -> Iterator[Clash]:
    """We create a node where they have one that we did not delete first."""
    if not _have_new_nodes(met.theirs):
        return
    for path in met.ours.created:
        there = met.tree.node(path)
        if there is not None and not _is(there, met.ours.deleted.get(path)):
            yield Clash(ConflictType.NewNodeConflictsWithExistingNode, path, there.id)


def new_node_in_invalid_group(met: Encounter) -> Iterator[Clash]:
    """We create a node below what they made an array; the conflict names the array."""
    made = met.theirs.new_arrays
    if not made:
        return
    for path in met.ours.created:
        for above in node_path.ancestors(path):
            there = met.tree.node(above)
            if there is not None and there.id in made:
                yield Clash(ConflictType.NewNodeInInvalidGroup, above, there.id)
                break


# ---- our metadata ----------------------------------------------------------------------------------------------------


def zarr_metadata_double_update_of_array(met: Encounter) -> Iterator[Clash]:
    return _updates_of(met, met.theirs.updated_arrays, ConflictType.ZarrMetadataDoubleUpdate)


def zarr_metadata_double_update_of_group(met: Encounter) -> Iterator[Clash]:
    return _updates_of(met, met.theirs.updated_groups, ConflictType.ZarrMetadataDoubleUpdate)


def zarr_metadata_update_of_deleted_array(met: Encounter) -> Iterator[Clash]:
    return _updates_of(met, met.theirs.deleted_arrays, ConflictType.ZarrMetadataUpdateOfDeletedArray)


def zarr_metadata_update_of_deleted_group(met: Encounter) -> Iterator[Clash]:
    return _updates_of(met, met.theirs.deleted_groups, ConflictType.ZarrMetadataUpdateOfDeletedGroup)


def _updates_of(met: Encounter, theirs: frozenset[NodeId], kind: ConflictType) -> Iterator[Clash]:
    return (Clash(kind, node.path, node.id) for node in met.ours.updated.values() if node.id in theirs)


# ---- our chunks ------------------------------------------------------------------------------------------------------


def chunks_updated_in_deleted_array(met: Encounter) -> Iterator[Clash]:
    return _chunks_of(met, met.theirs.deleted_arrays, ConflictType.ChunksUpdatedInDeletedArray)


def chunks_updated_in_updated_array(met: Encounter) -> Iterator[Clash]:
    """They may have changed the shape or the codecs that our chunks were written with."""
    return _chunks_of(met, met.theirs.updated_arrays, ConflictType.ChunksUpdatedInUpdatedArray)


def _chunks_of(met: Encounter, theirs: frozenset[NodeId], kind: ConflictType) -> Iterator[Clash]:
    for node_id, table in met.ours.chunks.items():
        if node_id in theirs and len(table):
            yield Clash(kind, met.path_of(node_id), node_id)


def chunk_double_update(met: Encounter) -> Iterator[Clash]:
    for node_id, table in met.ours.chunks.items():
        theirs = met.theirs.updated_chunks.get(node_id)
        if theirs is not None and len(both := table.coords().intersection(theirs)):
            yield Clash(ConflictType.ChunkDoubleUpdate, met.path_of(node_id), node_id, both)


# ---- our deletions ---------------------------------------------------------------------------------------------------


def delete_of_updated_array(met: Encounter) -> Iterator[Clash]:
    updated = met.theirs.updated_arrays | met.theirs.updated_chunks.keys()
    return _deletions_of(met, updated, ConflictType.DeleteOfUpdatedArray)


def delete_of_updated_group(met: Encounter) -> Iterator[Clash]:
    return _deletions_of(met, met.theirs.updated_groups, ConflictType.DeleteOfUpdatedGroup)


def _deletions_of(met: Encounter, updated: frozenset[NodeId], kind: ConflictType) -> Iterator[Clash]:
    """What we deleted is judged by what is there now: the node itself, or one that they put in its place.

    An array in the place of a group is no update of what we deleted, and nobody's work is lost: it stays.
    """
    gone = met.theirs.deleted_arrays | met.theirs.deleted_groups
    of_arrays = kind is ConflictType.DeleteOfUpdatedArray
    for path, deleted in met.ours.deleted.items():
        if updated and deleted.is_array == of_arrays and (deleted.id in updated or deleted.id in gone):
            there = met.tree.node(path)
            if there is not None and there.id in updated:
                yield Clash(kind, path, there.id)


def _have_new_nodes(theirs: LogContents) -> bool:
    return bool(theirs.new_arrays or theirs.new_groups)


def _is(there: NodeRecord, deleted: DeletedNode | None) -> bool:
    return deleted is not None and deleted.id == there.id


# ---- our moves -------------------------------------------------------------------------------------------------------


def move_operation_cannot_be_rebased(met: Encounter) -> Iterator[Clash]:
    """A move of ours whose source, target or target's parent is no longer what it was."""
    theirs = met.theirs
    if not (_have_new_nodes(theirs) or theirs.deleted_arrays or theirs.deleted_groups):
        return
    moves = met.ours.moves
    for number, (source, target) in enumerate(moves.moves):
        before = MoveList(moves.moves[:number])
        above = node_path.parent(target)
        parent = _moved_node(met, before, above) if above is not None else None
        fits = parent is not None and not parent.is_array and _moved_node(met, before, target) is None
        if not fits or _moved_node(met, before, source) is None:
            yield Clash(ConflictType.MoveOperationCannotBeRebased, source)


def _moved_node(met: Encounter, moves: MoveList, path: NodePath) -> NodeRecord | None:
    base_path = moves.to_base(path)
    return met.tree.node(base_path) if base_path is not None else None


_Detector = Callable[[Encounter], Iterable[Clash]]

_DETECTORS: Final[tuple[_Detector, ...]] = (
    new_node_conflicts_with_existing_node,
    new_node_in_invalid_group,
    zarr_metadata_double_update_of_array,
    zarr_metadata_double_update_of_group,
    zarr_metadata_update_of_deleted_array,
    zarr_metadata_update_of_deleted_group,
    chunks_updated_in_deleted_array,
    chunks_updated_in_updated_array,
    chunk_double_update,
    delete_of_updated_array,
    delete_of_updated_group,
    move_operation_cannot_be_rebased,
)
