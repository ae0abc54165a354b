"""Between the ``repo`` object and the chain of snapshots that maintenance works on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from frazil.format.ids import SnapshotId
from frazil.maintenance.reachability.links import Link

if TYPE_CHECKING:
    from frazil._core import RepoInfo, _SnapshotEntry
    from frazil.history.repo_object.change import Edits


def links_of(info: RepoInfo) -> dict[SnapshotId, Link]:
    """The snapshots that the ``repo`` object lists, without what people wrote about them."""
    found: dict[SnapshotId, Link] = {}
    for snapshot_id, parent_id, flushed_at, _, _, pruned in info.snapshots():
        known = SnapshotId(snapshot_id)
        parent = SnapshotId(parent_id) if parent_id is not None else None
        found[known] = Link(known, parent, flushed_at, tuple(map(SnapshotId, pruned)))
    return found


def tips_of(info: RepoInfo) -> list[SnapshotId]:
    """Where its branches and tags point to."""
    return [SnapshotId(target) for _, target in (*info.branches(), *info.tags())]


def edits_for(info: RepoInfo, *, drop: Iterable[SnapshotId], mended: Sequence[Link]) -> Edits:
    """Take snapshots out of the ``repo`` object and link others anew; messages and metadata stay byte for byte."""
    replaced: list[_SnapshotEntry] = []
    for link in mended:
        entry = info.snapshot(link.id)
        assert entry is not None
        snapshot_id, _, flushed_at, message, metadata, _ = entry
        replaced.append((snapshot_id, link.parent_id, flushed_at, message, metadata, list(link.pruned)))
    return {"drop": list(drop), "replace": replaced}
