"""The kinds of conflicts, by the name that the rest of the package knows them under.

They live with the errors, because a failed rebase carries them.
"""

from frazil.errors.conflict import Conflict, ConflictType

__all__ = ["Conflict", "ConflictType"]
