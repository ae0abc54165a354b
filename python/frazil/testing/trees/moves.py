"""Moves within a hierarchy, and moves that have to be refused."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from frazil.integrations.optional import needs
from frazil.testing.models import GroupNode
from frazil.testing.trees.names import fresh_name
from frazil.testing.trees.paths import absolute, child_names_at, is_descendant, joined
from frazil.testing.trees.refusals import (
    ERR_MISSING_PARENT,
    ERR_OVERWRITE,
    ERR_PARENT_NOT_GROUP,
    ERR_SELF_OR_DESCENDANT,
    ERR_SOURCE_MISSING,
)
from frazil.testing.trees.shapes import trees
from frazil.testing.utils import update_paths_after_move

with needs("hypothesis", extra="testing"):
    import hypothesis.strategies as st
    from hypothesis import reject

InvalidMoveReason: TypeAlias = Literal[
    "self", "descendant", "missing_parent", "parent_not_group", "overwrite", "source_missing"
]
"""Why a move is refused."""

MixedMove: TypeAlias = tuple[str, str, str | None]
"""From, to, and the pattern of the refusal; None for a move that succeeds."""

_REFUSALS: Final[dict[InvalidMoveReason, str]] = {
    "self": ERR_SELF_OR_DESCENDANT,
    "descendant": ERR_SELF_OR_DESCENDANT,
    "missing_parent": ERR_MISSING_PARENT,
    "parent_not_group": ERR_PARENT_NOT_GROUP,
    "overwrite": ERR_OVERWRITE,
    "source_missing": ERR_SOURCE_MISSING,
}
_A_FEW: Final = st.integers(1, 10)
_ANY_SHARE: Final = st.floats(0.0, 1.0)


# ---- one move ------------------------------------------------------------------------------------------------------


@st.composite
def valid_move(draw: st.DrawFn, all_nodes: set[str], all_groups: set[str], name_pool: set[str]) -> tuple[str, str]:
    """A move of any node to a free place in any group, the root included, that is not part of it.

    Parameters
    ----------
    all_nodes, all_groups
        Paths without a slash in front.
    name_pool
        Names that new ones should resemble.
    """
    nodes = sorted(all_nodes - {""})
    if not nodes:
        reject()
    source = draw(st.sampled_from(nodes))
    parent = draw(_groups_outside(source, all_groups))
    name = draw(fresh_name(name_pool, child_names_at(parent, all_nodes)))
    return absolute(source), absolute(joined(parent, name))


def _groups_outside(source: str, all_groups: set[str]) -> st.SearchStrategy[str]:
    """A group that would not be moved along; the root is one always."""
    return st.sampled_from(
        sorted(group for group in all_groups | {""} if group != source and not is_descendant(group, source))
    )


@st.composite
def invalid_move(
    draw: st.DrawFn,
    all_nodes: set[str],
    all_arrays: set[str],
    name_pool: set[str],
    *,
    eligible: list[InvalidMoveReason] | None = None,
) -> tuple[str, str, str]:
    """A move that has to be refused, and the pattern of the refusal.

    ``eligible`` are the reasons to choose from, if not all that this hierarchy allows.
    """
    nodes = all_nodes - {""}
    possible = _possible_reasons(nodes, all_arrays)
    reasons = possible if eligible is None else [reason for reason in possible if reason in eligible]
    if not reasons:
        reject()
    reason = draw(st.sampled_from(reasons))
    source, target = draw(_refused(reason, nodes, all_arrays, name_pool))
    return absolute(source), absolute(target), _REFUSALS[reason]


def _possible_reasons(nodes: set[str], arrays: set[str]) -> list[InvalidMoveReason]:
    reasons: list[InvalidMoveReason] = ["self", "descendant", "source_missing"]
    if nodes:
        reasons.append("missing_parent")
    if _overwriting(nodes):
        reasons.append("overwrite")
    if _into_arrays(nodes, arrays):
        reasons.append("parent_not_group")
    return reasons


def _overwriting(nodes: set[str]) -> list[tuple[str, str]]:
    return sorted((one, two) for one in nodes for two in nodes if one != two and not is_descendant(two, one))


def _into_arrays(nodes: set[str], arrays: set[str]) -> list[tuple[str, str]]:
    return sorted(
        (node, array) for node in nodes for array in arrays if node != array and not is_descendant(array, node)
    )


@st.composite
def _refused(
    draw: st.DrawFn, reason: InvalidMoveReason, nodes: set[str], arrays: set[str], pool: set[str]
) -> tuple[str, str]:
    """From and to, without slashes in front; where several reasons apply, the one asked for is checked first."""
    match reason:
        case "self":
            node = draw(st.sampled_from(sorted(nodes | {""})))
            return node, node
        case "descendant":
            node = draw(st.sampled_from(sorted(nodes | {""})))
            return node, joined(node, draw(fresh_name(pool, set())))
        case "overwrite":
            return draw(st.sampled_from(_overwriting(nodes)))
        case "parent_not_group":
            node, array = draw(st.sampled_from(_into_arrays(nodes, arrays)))
            return node, joined(array, draw(fresh_name(pool, set())))
        case "missing_parent":
            node = draw(st.sampled_from(sorted(nodes)))
            place = draw(_groups_outside(node, nodes - arrays))
            missing = joined(place, draw(fresh_name(pool, child_names_at(place, nodes))))
            return node, joined(missing, draw(fresh_name(pool, set())))
        case "source_missing":
            place = draw(st.sampled_from(sorted(nodes | {""})))
            missing = joined(place, draw(fresh_name(pool, child_names_at(place, nodes))))
            return missing, draw(fresh_name(pool, child_names_at("", nodes)))


# ---- many moves ----------------------------------------------------------------------------------------------------


@st.composite
def valid_moves(draw: st.DrawFn, tree: GroupNode, n_moves: st.SearchStrategy[int] = _A_FEW) -> list[tuple[str, str]]:
    """Moves one after the other, each valid where those before it were made."""
    mixed = draw(valid_and_invalid_moves(tree, n_moves, st.just(0.0)))
    return [(source, target) for source, target, _ in mixed]


@st.composite
def invalid_moves(
    draw: st.DrawFn, tree: GroupNode, n_moves: st.SearchStrategy[int] = _A_FEW
) -> list[tuple[str, str, str]]:
    """Moves that are all refused."""
    nodes, arrays = set(tree.nodes()), set(tree.arrays())
    return [draw(invalid_move(nodes, arrays, _names(nodes))) for _ in range(draw(n_moves))]


@st.composite
def valid_and_invalid_moves(
    draw: st.DrawFn,
    tree: GroupNode,
    n_moves: st.SearchStrategy[int] = _A_FEW,
    p_invalid: st.SearchStrategy[float] = _ANY_SHARE,
) -> list[MixedMove]:
    """Moves one after the other, of which about the share ``p_invalid`` is refused."""
    arrays, groups = set(tree.arrays()), set(tree.groups())
    share = draw(p_invalid)
    moves: list[MixedMove] = []
    for _ in range(draw(n_moves)):
        nodes = arrays | groups
        # A share of 0 or 1 has to hold exactly, and a random number below 1 is always there.
        if draw(st.floats(0.0, 1.0, exclude_max=True)) < share:
            moves.append(draw(invalid_move(nodes, arrays, _names(nodes))))
        else:
            source, target = draw(valid_move(nodes, groups, _names(nodes)))
            moves.append((source, target, None))
            arrays, groups = update_paths_after_move(source[1:], target[1:], arrays, groups)
    return moves


def _names(paths: set[str]) -> set[str]:
    return {path.rpartition("/")[2] for path in paths}


# ---- with their hierarchy ------------------------------------------------------------------------------------------


@st.composite
def _sized_trees(
    draw: st.DrawFn, max_leaves: st.SearchStrategy[int] | None, max_children: st.SearchStrategy[int] | None
) -> GroupNode:
    sizes = {"max_leaves": max_leaves, "max_children": max_children}
    return draw(trees(**{name: size for name, size in sizes.items() if size is not None}))


@st.composite
def tree_and_valid_moves(
    draw: st.DrawFn,
    max_leaves: st.SearchStrategy[int] | None = None,
    max_children: st.SearchStrategy[int] | None = None,
    n_moves: st.SearchStrategy[int] = _A_FEW,
) -> tuple[GroupNode, list[tuple[str, str]]]:
    """A hierarchy and ``valid_moves`` of it."""
    tree = draw(_sized_trees(max_leaves, max_children))
    return tree, draw(valid_moves(tree, n_moves))


@st.composite
def tree_and_invalid_moves(
    draw: st.DrawFn,
    max_leaves: st.SearchStrategy[int] | None = None,
    max_children: st.SearchStrategy[int] | None = None,
    n_moves: st.SearchStrategy[int] = _A_FEW,
) -> tuple[GroupNode, list[tuple[str, str, str]]]:
    """A hierarchy and ``invalid_moves`` of it."""
    tree = draw(_sized_trees(max_leaves, max_children))
    return tree, draw(invalid_moves(tree, n_moves))


@st.composite
def tree_and_mixed_moves(
    draw: st.DrawFn,
    max_leaves: st.SearchStrategy[int] | None = None,
    max_children: st.SearchStrategy[int] | None = None,
    n_moves: st.SearchStrategy[int] = _A_FEW,
    p_invalid: st.SearchStrategy[float] = _ANY_SHARE,
) -> tuple[GroupNode, list[MixedMove]]:
    """A hierarchy and ``valid_and_invalid_moves`` of it."""
    tree = draw(_sized_trees(max_leaves, max_children))
    return tree, draw(valid_and_invalid_moves(tree, n_moves, p_invalid))
