"""What a solver makes of the conflicts that were found (format section 12.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from frazil.changes.change_set import ChangeSet
from frazil.conflicts.detect import Clash
from frazil.conflicts.kinds import ConflictType
from frazil.conflicts.solvers import BasicConflictSolver, ConflictSolver, VersionSelection


def solve(solver: ConflictSolver, changes: ChangeSet, clashes: Sequence[Clash]) -> ChangeSet | None:
    """The changes with every conflict settled, or None if one of them cannot be: then nothing is patched.

    ``changes`` stays as it is; the result shares with it what did not have to change, so only one of the two may be
    edited from then on.
    """
    if not clashes:
        return changes
    if not isinstance(solver, BasicConflictSolver) or not all(_is_solvable(solver, clash) for clash in clashes):
        return None
    if solver.on_chunk_conflict is VersionSelection.UseTheirs:
        return _without_double_updates(changes, clashes)
    return changes


def _is_solvable(solver: BasicConflictSolver, clash: Clash) -> bool:
    if clash.kind == ConflictType.ChunkDoubleUpdate:
        return solver.on_chunk_conflict != VersionSelection.Fail
    if clash.kind == ConflictType.DeleteOfUpdatedArray:
        return not solver.fail_on_delete_of_updated_array
    if clash.kind == ConflictType.DeleteOfUpdatedGroup:
        return not solver.fail_on_delete_of_updated_group
    return False


def _without_double_updates(changes: ChangeSet, clashes: Sequence[Clash]) -> ChangeSet:
    chunks, gave_way = dict(changes.chunks), changes.gave_way
    for clash in clashes:
        if clash.node_id is not None and clash.coords is not None:
            chunks[clash.node_id] = chunks[clash.node_id].copy()
            chunks[clash.node_id].forget(clash.coords)
            gave_way = True
    return replace(changes, chunks=chunks, gave_way=gave_way)
