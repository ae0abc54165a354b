"""What changed between two snapshots, from the transaction logs in between (format section 12.5)."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, Protocol

from frazil._core import CoordSet, TransactionLog
from frazil.errors import ErrorKind, error, operation
from frazil.format import keys
from frazil.format.ids import INITIAL_SNAPSHOT_ID, NodeId, SnapshotId, format_id
from frazil.format.node_path import NodePath
from frazil.format.records import Move, SnapshotEntry
from frazil.history.ancestry import between, no_ancestor
from frazil.history.shown.diff import Diff

if TYPE_CHECKING:
    from frazil._core import Assets
    from frazil.history.base import History

__all__ = ["Diff", "Logged", "Nodes", "diff", "translate"]

_log = logging.getLogger(__name__)

_CONCURRENCY: Final = 16

Nodes = Iterable[tuple[NodePath, bool, NodeId]]
"""(path, is an array, id)"""


class Logged(Protocol):
    """What a transaction log says, from a file or of a session that is not committed yet."""

    @property
    def new_groups(self) -> Iterable[NodeId]: ...
    @property
    def new_arrays(self) -> Iterable[NodeId]: ...
    @property
    def deleted_groups(self) -> Iterable[NodeId]: ...
    @property
    def deleted_arrays(self) -> Iterable[NodeId]: ...
    @property
    def updated_groups(self) -> Iterable[NodeId]: ...
    @property
    def updated_arrays(self) -> Iterable[NodeId]: ...
    @property
    def updated_chunks(self) -> Mapping[NodeId, CoordSet]: ...
    @property
    def moves(self) -> Iterable[Move]: ...


def diff(history: History, assets: Assets, start: SnapshotId, end: SnapshotId) -> Diff:
    """What the commits after ``start`` up to ``end`` did.

    Raises ``InvalidInputError`` of kind ``bad-snapshot-chain-for-diff`` unless ``start`` is a proper ancestor of
    ``end``.  Logs of expired commits that are gone are left out, with a warning.
    """
    with operation("diff", start=format_id(start), end=format_id(end)):
        history.entry(start)
        commits = between(history, start, end)
        if not commits:
            raise no_ancestor(start, end)
        with ThreadPoolExecutor(_CONCURRENCY, thread_name_prefix="frazil-diff") as threads:
            logs = list(threads.map(lambda wanted: _load(assets, *wanted), _wanted(commits)))
            old, new = threads.map(lambda snapshot_id: assets.snapshot(snapshot_id).paths(), (start, end))
        found = [_FromFile(log) for log in logs if log is not None]
        return translate(found, old=_nodes(old), new=_nodes(new))


def translate(logs: Iterable[Logged], *, old: Nodes, new: Nodes) -> Diff:
    """The union of ``logs`` with paths in the place of ids: those of ``new``, else of ``old``.

    Nodes that are in neither came and went in between, and are left out.  Moves of one log are in order of their final
    paths, and follow those of the log before it; they are not composed.
    """
    paths = {node_id: path for path, _, node_id in old}
    paths.update((node_id, path) for path, _, node_id in new)
    logs = list(logs)
    chunks: dict[str, CoordSet] = {}
    for log in logs:
        for node_id, coords in log.updated_chunks.items():
            path = paths.get(node_id)
            if path is not None:
                chunks[path] = chunks[path].union(coords) if path in chunks else coords

    def named(ids: Iterable[NodeId]) -> set[str]:
        return {paths[node_id] for node_id in ids if node_id in paths}

    return Diff(
        new_groups=named(node_id for log in logs for node_id in log.new_groups),
        new_arrays=named(node_id for log in logs for node_id in log.new_arrays),
        deleted_groups=named(node_id for log in logs for node_id in log.deleted_groups),
        deleted_arrays=named(node_id for log in logs for node_id in log.deleted_arrays),
        updated_groups=named(node_id for log in logs for node_id in log.updated_groups),
        updated_arrays=named(node_id for log in logs for node_id in log.updated_arrays),
        updated_chunks={path: [list(coords) for coords in found] for path, found in sorted(chunks.items())},
        moved_nodes=[(move.source, move.target) for log in logs for move in log.moves],
    )


class _FromFile:
    """A transaction log file with typed ids."""

    def __init__(self, log: TransactionLog) -> None:
        self.new_groups = list(map(NodeId, log.new_groups))
        self.new_arrays = list(map(NodeId, log.new_arrays))
        self.deleted_groups = list(map(NodeId, log.deleted_groups))
        self.deleted_arrays = list(map(NodeId, log.deleted_arrays))
        self.updated_groups = list(map(NodeId, log.updated_groups))
        self.updated_arrays = list(map(NodeId, log.updated_arrays))
        self.updated_chunks = {NodeId(node_id): coords for node_id, coords in log.updated_chunks}
        self.moves = [Move(NodePath(s), NodePath(t), NodeId(node_id), kind == 1) for s, t, node_id, kind in log.moves]


def _wanted(commits: Sequence[SnapshotEntry]) -> list[tuple[SnapshotId, bool]]:
    """(id of a transaction log, may be missing), of each commit first those of its pruned ancestors."""
    return [(log_id, log_id != commit.id) for commit in commits for log_id in (*commit.pruned, commit.id)]


def _load(assets: Assets, log_id: SnapshotId, may_be_missing: bool) -> TransactionLog | None:  # noqa: FBT001 - private, from _wanted
    log = assets.transaction_log(log_id)
    if log is None and may_be_missing:
        _log.warning("the diff is incomplete: %s, of an expired commit, is gone", keys.transaction_log(log_id))
    elif log is None and log_id != INITIAL_SNAPSHOT_ID:
        raise error(ErrorKind.OBJECT_NOT_FOUND, f"object not found: {keys.transaction_log(log_id)}")
    return log


def _nodes(paths: Iterable[tuple[str, str, bytes]]) -> Nodes:
    return ((NodePath(path), kind == "array", NodeId(node_id)) for path, kind, node_id in paths)
