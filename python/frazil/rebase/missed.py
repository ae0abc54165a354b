"""Which commits a session has not seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from frazil.format.ids import SnapshotId
from frazil.format.records import SnapshotEntry


@dataclass(frozen=True, slots=True)
class MissedCommit:
    """A commit and the transaction logs that lead to it, oldest first: those of expired ancestors, then its own."""

    id: SnapshotId
    logs: tuple[SnapshotId, ...]


def missed_commits(ancestry: Iterable[SnapshotEntry], base: SnapshotId) -> list[MissedCommit] | None:
    """The commits after ``base``, oldest first; None if ``base`` is not in the history.

    ``ancestry`` runs from the tip back and is read no further than to ``base``.  An expired ``base`` is found among
    the logs that its descendant keeps of its pruned ancestors.
    """
    found: list[MissedCommit] = []
    for entry in ancestry:
        if entry.id == base:
            return found[::-1]
        if base in entry.pruned:
            later = entry.pruned[entry.pruned.index(base) + 1 :]
            found.append(MissedCommit(entry.id, (*later, entry.id)))
            return found[::-1]
        found.append(MissedCommit(entry.id, (*entry.pruned, entry.id)))
    return None
