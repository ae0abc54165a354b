"""What a user may choose to do about conflicts; the choices only, they are carried out by the rebase."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from frazil.names import public


@public
class VersionSelection(Enum):
    """Whose version of a chunk stands when both sides wrote it."""

    Fail = 0
    UseOurs = 1
    UseTheirs = 2

    def __int__(self) -> int:
        return self.value

    def __repr__(self) -> str:
        return f"{type(self).__name__}.{self.name}"

    __str__ = __repr__


@public
class ConflictSolver:
    """The base class of the solvers that a rebase accepts."""


@public
@dataclass(frozen=True, slots=True)
class ConflictDetector(ConflictSolver):
    """Resolves nothing: a rebase with it succeeds only if there is no conflict, and lists the conflicts otherwise."""


@public
@dataclass(frozen=True, slots=True, kw_only=True)
class BasicConflictSolver(ConflictSolver):
    """Resolves double updates of chunks and deletions; any other conflict fails the rebase.

    Parameters
    ----------
    on_chunk_conflict
        What to do with a chunk that both sides wrote.
    fail_on_delete_of_updated_array
        Whether deleting an array that others changed is a conflict; if not, the deletion stands.
    fail_on_delete_of_updated_group
        The same for groups.
    """

    on_chunk_conflict: VersionSelection = VersionSelection.UseOurs
    fail_on_delete_of_updated_array: bool = False
    fail_on_delete_of_updated_group: bool = False
