"""Replays the commits that a session has not seen against its changes, one transaction log after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Final

from frazil._core import Assets, Snapshot, TransactionLog
from frazil.changes.change_set import ChangeSet
from frazil.changes.to_log import LogContents, from_log
from frazil.concurrency.offload import begin
from frazil.conflicts.detect import Clash, Encounter, detect
from frazil.conflicts.solve import solve
from frazil.conflicts.solvers import ConflictSolver
from frazil.errors import RebaseFailedError, RefNotFoundError, SessionStateError
from frazil.format import keys
from frazil.format.ids import NodeId, SnapshotId, format_id
from frazil.format.node_path import ROOT, NodePath
from frazil.format.records import NodeRecord
from frazil.history.base import History
from frazil.rebase.compare import differences
from frazil.rebase.missed import MissedCommit, missed_commits
from frazil.working_tree import WorkingTree

_LOGS_AT_ONCE: Final = 16


@dataclass(frozen=True, slots=True)
class Rebased:
    """Where a rebase came to: the last snapshot on which the changes fit, and the changes as they fit there.

    ``failure`` says what is in the way of the next one, if the tip was not reached.
    """

    base: SnapshotId
    changes: ChangeSet
    failure: RebaseFailedError | None = None


def rebase_tree(tree: WorkingTree, history: History, solver: ConflictSolver) -> None:
    """Move a session's tree to the tip of its branch.

    Raises ``RebaseFailedError`` if the solver leaves conflicts.  The tree then stands on the last snapshot that caused
    none, with all its changes, so that another solver may be tried.  On any other error it is as it was.
    """
    with tree.lock:
        branch = tree.ensure_publishable()
        found = rebase(tree.changes, tree.base, branch, history=history, assets=tree.context.assets, solver=solver)
        if found.base != tree.base_id:
            tree.replace(tree.context.assets.snapshot(found.base), found.changes)
    if found.failure is not None:
        raise found.failure


def rebase(
    changes: ChangeSet,
    base: Snapshot,
    branch: str,
    *,
    history: History,
    assets: Assets,
    solver: ConflictSolver,
) -> Rebased:
    """The changes as they are on the branch's tip, or as close to it as the solver takes them.

    ``changes`` itself is left alone, but shares its chunk tables with the result.  Nothing is to be done if the branch
    was deleted.  If it was reset or amended so that ``base`` is no longer in its history, the trees are compared in
    the place of logs.

    Raises ``SessionStateError`` of kind ``rebase-tx-log-pruned`` if a log that is needed is gone.
    """
    stay = Rebased(SnapshotId(base.id), changes)
    try:
        tip, ancestry = history.tip_and_ancestry(branch)
    except RefNotFoundError:
        return stay
    if tip == stay.base:
        return stay
    if not assets.store.is_local:
        begin(partial(assets.snapshot, tip))  # needed at the end: it comes while the logs are read
    missed = missed_commits(ancestry, stay.base)
    if missed is None:
        found = _jump(changes, base, tip, assets, solver)
    else:
        found = _replay(changes, base, missed, assets, solver)
    return found if found.base == stay.base else _fitted(found, assets)


def _replay(
    changes: ChangeSet, base: Snapshot, missed: Sequence[MissedCommit], assets: Assets, solver: ConflictSolver
) -> Rebased:
    if changes.is_empty():
        return Rebased(missed[-1].id, changes)
    done = Rebased(SnapshotId(base.id), changes)
    path_of = _PathsOf(base)
    logs = _read_logs(assets, [log_id for commit in missed for log_id in commit.logs])
    for commit in missed:
        tree = _LazyTree(assets, commit.id)
        patched = done.changes
        for log in islice(logs, len(commit.logs)):
            clashes = detect(Encounter(patched, log, tree, path_of))
            settled = solve(solver, patched, clashes)
            if settled is None:
                return Rebased(done.base, done.changes, _failure(commit.id, clashes))
            patched = settled
        done = Rebased(commit.id, patched)
    return done


def _jump(changes: ChangeSet, base: Snapshot, tip: SnapshotId, assets: Assets, solver: ConflictSolver) -> Rebased:
    """Leave a history that the branch no longer has."""
    if changes.is_empty():
        return Rebased(tip, changes)
    theirs = differences(assets, base, assets.snapshot(tip), changes)
    clashes = detect(Encounter(changes, theirs, _LazyTree(assets, tip), _PathsOf(base)))
    settled = solve(solver, changes, clashes)
    if settled is None:
        return Rebased(SnapshotId(base.id), changes, _failure(tip, clashes))
    return Rebased(tip, settled)


def _failure(snapshot_id: SnapshotId, clashes: Sequence[Clash]) -> RebaseFailedError:
    return RebaseFailedError(format_id(snapshot_id), [clash.to_conflict() for clash in clashes])


def _fitted(found: Rebased, assets: Assets) -> Rebased:
    """The same changes without deletions of what is gone already: another node is in its place, which is not ours."""
    changes = found.changes
    if not changes.deleted:
        return found
    tree = _LazyTree(assets, found.base)
    deleted = {
        path: gone
        for path, gone in changes.deleted.items()
        if (there := tree.node(path)) is None or there.id == gone.id
    }
    gave_way = changes.gave_way or len(deleted) < len(changes.deleted)
    return replace(found, changes=replace(changes, deleted=deleted, gave_way=gave_way))


def _read_logs(assets: Assets, log_ids: Sequence[SnapshotId]) -> Iterator[LogContents]:
    for start in range(0, len(log_ids), _LOGS_AT_ONCE):
        window = log_ids[start : start + _LOGS_AT_ONCE]
        found = assets.store.get_many([(keys.transaction_log(log_id), None, None) for log_id in window])
        for log_id, data in zip(window, found, strict=True):
            if data is None:
                raise SessionStateError(
                    f"cannot rebase: the transaction log `{keys.transaction_log(log_id)}` is gone, so what that commit "
                    "changed cannot be told; open a new session and make the changes again",
                    kind="rebase-tx-log-pruned",
                )
            yield from_log(TransactionLog.decode(data, log_id))


class _LazyTree:
    """The nodes of a snapshot, which is read when the first one is asked for."""

    def __init__(self, assets: Assets, snapshot_id: SnapshotId) -> None:
        self._assets = assets
        self._id = snapshot_id
        self._snapshot: Snapshot | None = None

    def node(self, path: NodePath) -> NodeRecord | None:
        if self._snapshot is None:
            self._snapshot = self._assets.snapshot(self._id)
        found = self._snapshot.node(path)
        return NodeRecord.from_tuple(found) if found is not None else None


class _PathsOf:
    """Names the nodes of a snapshot; the names are read when the first one is asked for."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._paths: dict[bytes, str] | None = None

    def __call__(self, node_id: NodeId) -> NodePath:
        if self._paths is None:
            self._paths = {found: path for path, _, found in self._snapshot.paths(ROOT)}
        return NodePath(self._paths[node_id])
