"""The history of a repository: ancestry, diffs, the operations log."""

from __future__ import annotations

from collections.abc import Iterator

from frazil._core import Commits
from frazil.concurrency.offload import AsyncCloseableIterator, in_thread
from frazil.format.ids import parse_snapshot_id
from frazil.history import diff as _diff
from frazil.history.graph.ancestry_graph import AncestryGraph, ancestry_graph
from frazil.history.shown.diff import Diff
from frazil.history.shown.ops_log_entry import Update
from frazil.history.shown.snapshot_info import ManifestFileInfo, SnapshotInfo, info_of
from frazil.history.v2 import require_v2
from frazil.maintenance.reachability.manifests import list_manifest_files
from frazil.repository.state import RepositoryPart


class Past(RepositoryPart):
    """What happened."""

    def ancestry(
        self, *, branch: str | None = None, tag: str | None = None, snapshot_id: str | None = None
    ) -> Iterator[SnapshotInfo]:
        """A snapshot and its ancestors, newest first.

        Exactly one of ``branch``, ``tag`` and ``snapshot_id`` says where to begin.  The result works in ``for`` and in
        ``async for``.
        """
        return self.async_ancestry(branch=branch, tag=tag, snapshot_id=snapshot_id)

    def async_ancestry(
        self, *, branch: str | None = None, tag: str | None = None, snapshot_id: str | None = None
    ) -> AsyncCloseableIterator[SnapshotInfo]:
        """What ``ancestry`` returns; a plain method, not a coroutine."""
        start = self._version(branch, tag, snapshot_id)
        commits = self._history.commits(start)
        return AsyncCloseableIterator(commits, shared=isinstance(commits, Commits))

    def ancestry_graph(
        self,
        *,
        branch: str | None = None,
        tag: str | None = None,
        snapshot_id: str | None = None,
        plain: bool = False,
    ) -> AncestryGraph:
        """A drawing of the history of one version, or of all branches if none is given.

        ``plain`` leaves out colours.
        """
        if branch is None and tag is None and snapshot_id is None:
            tips = self._history.branches()
        else:
            name = branch if branch is not None else ""
            tips = {name: self._version(branch, tag, snapshot_id)}
        return ancestry_graph(self._history, tips, plain=plain)

    def lookup_snapshot(self, snapshot_id: str) -> SnapshotInfo:
        """What the history knows of one snapshot."""
        return info_of(self._history.entry(parse_snapshot_id(snapshot_id)))

    def list_manifest_files(self, snapshot_id: str) -> list[ManifestFileInfo]:
        """The manifests that a snapshot refers to."""
        files = list_manifest_files(self._context, parse_snapshot_id(snapshot_id))
        return [ManifestFileInfo.of(file) for file in files]

    def diff(
        self,
        *,
        from_branch: str | None = None,
        from_tag: str | None = None,
        from_snapshot_id: str | None = None,
        to_branch: str | None = None,
        to_tag: str | None = None,
        to_snapshot_id: str | None = None,
    ) -> Diff:
        """What changed after one version up to another, which must descend from it."""
        start = self._version(from_branch, from_tag, from_snapshot_id)
        end = self._version(to_branch, to_tag, to_snapshot_id)
        return _diff.diff(self._history, self._context.assets, start, end)

    def ops_log(self) -> Iterator[Update]:
        """Every change of the repository itself, newest first (spec 2)."""
        return self.ops_log_async()

    def ops_log_async(self) -> AsyncCloseableIterator[Update]:
        """What ``ops_log`` returns; a plain method, not a coroutine."""
        return AsyncCloseableIterator(require_v2(self._history, "ops_log").ops_log())

    ancestry_graph_async = in_thread(ancestry_graph)
    lookup_snapshot_async = in_thread(lookup_snapshot)
    list_manifest_files_async = in_thread(list_manifest_files)
    diff_async = in_thread(diff)
