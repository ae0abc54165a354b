"""Conflicts between concurrent commits, and what to do about them."""

from frazil.conflicts.kinds import Conflict, ConflictType
from frazil.conflicts.solvers import BasicConflictSolver, ConflictDetector, ConflictSolver, VersionSelection

__all__ = [
    "BasicConflictSolver",
    "Conflict",
    "ConflictDetector",
    "ConflictSolver",
    "ConflictType",
    "VersionSelection",
]
