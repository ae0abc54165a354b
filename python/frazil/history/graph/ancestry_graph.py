"""The drawing of a history that ``Repository.ancestry_graph`` returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from frazil.format.ids import SnapshotId
from frazil.history.ancestry import reachable
from frazil.history.graph import lanes as graph
from frazil.history.graph import svg as graph_svg
from frazil.history.graph import text as graph_text
from frazil.names import public

if TYPE_CHECKING:
    from frazil.history.base import History
    from frazil.history.graph.lanes import Layout


@public
class AncestryGraph:
    """Snapshots as dots, newest on top, one lane a branch: text for terminals, an image in notebooks."""

    def __init__(self, layout: Layout, *, plain: bool = False) -> None:
        self._layout = layout
        self._plain = plain

    def __str__(self) -> str:
        return graph_text.draw(self._layout, plain=self._plain)

    def __repr__(self) -> str:
        return str(self)

    def _repr_svg_(self) -> str:
        return graph_svg.draw(self._layout)


def ancestry_graph(history: History, tips: Mapping[str, SnapshotId], *, plain: bool = False) -> AncestryGraph:
    """Draw what ``tips`` (names, as labels, to snapshots) descend from, with every tag that is among it."""
    entries = reachable(history, tips.values())
    return AncestryGraph(graph.lay_out(tips, history.tags(), entries, history.branch_names()), plain=plain)
