"""What there is to know about snapshots."""

from frazil.history.graph.ancestry_graph import AncestryGraph
from frazil.history.shown.diff import Diff
from frazil.history.shown.snapshot_info import ManifestFileInfo, SnapshotInfo

__all__ = ["AncestryGraph", "Diff", "ManifestFileInfo", "SnapshotInfo"]
