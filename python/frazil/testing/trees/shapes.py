"""Hierarchies of any shape."""

from __future__ import annotations

from typing import Final

import numpy as np

from frazil.integrations.optional import needs
from frazil.testing.models import ArrayNode, GroupNode, Node
from frazil.testing.trees.names import fresh_names

with needs("hypothesis", extra="testing"):
    import hypothesis.strategies as st

_LEAF: Final = ArrayNode((1,), np.dtype("i4"))
_MANY_LEAVES: Final = st.integers(5, 50)
_FEW_CHILDREN: Final = st.integers(1, 4)


def skeletons(*, max_leaves: int = 50, max_children: int = 4) -> st.SearchStrategy[GroupNode]:
    """Hierarchies whose nodes are numbered; with at least one node."""
    leaves: st.SearchStrategy[Node] = st.sampled_from([_LEAF, GroupNode()])

    def grouped(nodes: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
        return st.lists(nodes, min_size=1, max_size=max_children).map(_numbered)

    below = st.recursive(leaves, grouped, max_leaves=max_leaves)
    return below.map(lambda node: node if isinstance(node, GroupNode) and node.children else _numbered([node]))


def _numbered(nodes: list[Node]) -> GroupNode:
    return GroupNode({str(index): node for index, node in enumerate(nodes)})


@st.composite
def trees(
    draw: st.DrawFn,
    *,
    max_leaves: st.SearchStrategy[int] = _MANY_LEAVES,
    max_children: st.SearchStrategy[int] = _FEW_CHILDREN,
) -> GroupNode:
    """Hierarchies whose names are easily taken for each other."""
    skeleton = draw(skeletons(max_leaves=draw(max_leaves), max_children=draw(max_children)))
    used: set[str] = set()

    def named(group: GroupNode) -> GroupNode:
        names = draw(fresh_names(used, set(), len(group.children)))
        used.update(names)
        children = zip(names, group.children.values(), strict=True)
        return GroupNode({name: named(node) if isinstance(node, GroupNode) else node for name, node in children})

    return named(skeleton)
