"""What one session sees: the base snapshot with the session's changes over it, and every edit of it."""

from frazil.working_tree.state import TreeOwner
from frazil.working_tree.tree import WorkingTree, array_of

__all__ = ["TreeOwner", "WorkingTree", "array_of"]
