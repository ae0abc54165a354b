"""Hierarchies, and moves within them that are allowed or not, for Hypothesis.

Paths of a hierarchy have no slash in front, and its root is ``""``; moves are absolute.
"""

from frazil.testing.models import ArrayNode, GroupNode, Node
from frazil.testing.trees.moves import (
    InvalidMoveReason,
    MixedMove,
    invalid_move,
    invalid_moves,
    tree_and_invalid_moves,
    tree_and_mixed_moves,
    tree_and_valid_moves,
    valid_and_invalid_moves,
    valid_move,
    valid_moves,
)
from frazil.testing.trees.names import affix, fresh_name, fresh_names, separators, similar_name
from frazil.testing.trees.paths import absolute, child_names_at, is_descendant
from frazil.testing.trees.refusals import (
    ERR_MISSING_PARENT,
    ERR_OVERWRITE,
    ERR_PARENT_NOT_GROUP,
    ERR_SELF_OR_DESCENDANT,
    ERR_SOURCE_MISSING,
    wrap_tolerant,
)
from frazil.testing.trees.shapes import skeletons, trees

__all__ = [
    "ERR_MISSING_PARENT",
    "ERR_OVERWRITE",
    "ERR_PARENT_NOT_GROUP",
    "ERR_SELF_OR_DESCENDANT",
    "ERR_SOURCE_MISSING",
    "ArrayNode",
    "GroupNode",
    "InvalidMoveReason",
    "MixedMove",
    "Node",
    "absolute",
    "affix",
    "child_names_at",
    "fresh_name",
    "fresh_names",
    "invalid_move",
    "invalid_moves",
    "is_descendant",
    "separators",
    "similar_name",
    "skeletons",
    "tree_and_invalid_moves",
    "tree_and_mixed_moves",
    "tree_and_valid_moves",
    "trees",
    "valid_and_invalid_moves",
    "valid_move",
    "valid_moves",
    "wrap_tolerant",
]
