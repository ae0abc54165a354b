"""What a rebase reports: one thing that two writers changed in ways that cannot both stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from operator import index
from typing import Final

from frazil.display import Parts, StructuralDisplay
from frazil.names import public


@public
class ConflictType(Enum):
    """How two sets of changes collide."""

    NewNodeConflictsWithExistingNode = 1
    NewNodeInInvalidGroup = 2
    ZarrMetadataDoubleUpdate = 3
    ZarrMetadataUpdateOfDeletedArray = 4
    ZarrMetadataUpdateOfDeletedGroup = 5
    ChunkDoubleUpdate = 6
    ChunksUpdatedInDeletedArray = 7
    ChunksUpdatedInUpdatedArray = 8
    DeleteOfUpdatedArray = 9
    DeleteOfUpdatedGroup = 10
    MoveOperationCannotBeRebased = 11

    @classmethod
    def _missing_(cls, value: object) -> ConflictType:
        raise ValueError(f"Invalid ConflictType value: {value}")

    def __int__(self) -> int:
        return self.value

    def __repr__(self) -> str:
        return self.name

    def __str__(self) -> str:
        """The name as a sentence: ``Chunk double update``."""
        words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in self.name)
        return words.strip().capitalize()


@public
@dataclass(frozen=True, init=False, repr=False)
class Conflict(StructuralDisplay):
    """One conflict that a rebase did not resolve.

    Attributes
    ----------
    conflict_type
        How the changes collide.
    path
        The node, by its path in the session; ``""`` where no single node is at fault.
    conflicted_chunks
        The chunks that both sides changed, sorted, where that is what collides.
    """

    conflict_type: ConflictType
    path: str
    conflicted_chunks: list[list[int]] | None

    def __init__(
        self, conflict_type: ConflictType, path: str, conflicted_chunks: Sequence[Sequence[int]] | None = None
    ) -> None:
        chunks = None if conflicted_chunks is None else sorted(list(map(index, coords)) for coords in conflicted_chunks)
        object.__setattr__(self, "conflict_type", conflict_type)
        object.__setattr__(self, "path", path)
        object.__setattr__(self, "conflicted_chunks", chunks)

    def __hash__(self) -> int:
        return hash((self.conflict_type, self.path))

    def __display__(self) -> Parts:
        """The fields, in order."""
        fields = (
            ("conflict_type", self.conflict_type),
            ("path", self.path),
            ("conflicted_chunks", self.conflicted_chunks),
        )
        return Parts("conflicts.Conflict", fields)


CONFLICTS_SHOWN: Final = 5
"""Conflicts, and chunks of each, that a message names; there may be as many as there are chunks."""


def in_a_line(conflict: Conflict) -> str:
    """The node, what collides there, and in which chunks: ``/a: chunk double update, chunks [0], [1] and 7 more``."""
    text = f"{conflict.path or '(no single node)'}: {str(conflict.conflict_type).lower()}"
    chunks = conflict.conflicted_chunks
    if not chunks:
        return text
    return f"{text}, chunks {', '.join([*map(str, chunks[:CONFLICTS_SHOWN]), *more(chunks)])}"


def more(things: Sequence[object]) -> list[str]:
    """How many are left out where the first ones are shown; nothing if none are."""
    left = len(things) - CONFLICTS_SHOWN
    return [f"and {left} more"] if left > 0 else []
