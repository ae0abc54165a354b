"""What there is to know about snapshots."""

from frazil.history.ancestry_graph import AncestryGraph
from frazil.history.difference import Diff
from frazil.history.snapshot_info import ManifestFileInfo, SnapshotInfo

__all__ = ["AncestryGraph", "Diff", "ManifestFileInfo", "SnapshotInfo"]
