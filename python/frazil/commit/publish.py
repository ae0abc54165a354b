"""Commit, amend and flush: write the files, then move the branch (format section 9.6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from frazil.changes.to_log import LogContents, from_log
from frazil.commit.flush import Replaced, prepare, store
from frazil.errors import SessionStateError, commit_conflict
from frazil.format.records import SnapshotEntry
from frazil.history.base import History
from frazil.history.v2 import require_v2
from frazil.ids import INITIAL_SNAPSHOT_ID, SnapshotId, format_id
from frazil.offload import begin
from frazil.session_mode import SessionMode
from frazil.working_tree import WorkingTree

if TYPE_CHECKING:
    from frazil.history.update import Ahead


def commit(
    tree: WorkingTree,
    history: History,
    *,
    message: str,
    metadata: Mapping[str, Any],
    allow_empty: bool = False,
    rewrite: bool = False,
) -> SnapshotId:
    """Make the tree's changes the new tip of its branch.

    On success the tree is a read-only view of the new snapshot; on any error it is as it was.
    """
    with tree.publishing() as branch:
        if not (tree.has_changes() or allow_empty or rewrite):
            raise _no_changes()
        _check_may_write(tree, history, "commit rearrange session")
        base = tree.base_id
        look_ahead = _begin_look_ahead(history, branch, base)
        prepared = prepare(tree, message=message, metadata=metadata, rewrite=rewrite)
        store(tree, prepared)
        history.publish_commit(prepared.entry, branch=branch, expected=base, ahead=look_ahead())
        tree.settle(prepared.snapshot)
    return prepared.entry.id


def amend(
    tree: WorkingTree,
    history: History,
    *,
    message: str,
    metadata: Mapping[str, Any],
    allow_empty: bool = False,
    rewrite: bool = False,
) -> SnapshotId:
    """Replace the tip of the branch by a commit that also holds the tree's changes (spec 2 only)."""
    with tree.publishing() as branch:
        v2 = require_v2(history, "amend")
        base = tree.base_id
        if base == INITIAL_SNAPSHOT_ID:
            raise SessionStateError(
                "cannot amend the initial commit of a repository; use `commit` instead",
                kind="no-amend-for-initial-commit",
            )
        if not (tree.has_changes() or allow_empty or rewrite):
            raise _no_changes()
        _check_may_write(tree, history, "commit rearrange session")
        entry = v2.entry(base)
        look_ahead = _begin_look_ahead(history, branch, base)
        replaces = Replaced(entry, _log_of(tree, entry))
        if replaces.log.moves and tree.changes.has_edits():
            raise SessionStateError(
                "this session changes data, and cannot amend a commit that moved nodes; use `commit` instead",
                kind="rearrange-session-only",
            )
        prepared = prepare(tree, message=message, metadata=metadata, replaces=replaces, rewrite=rewrite)
        store(tree, prepared)
        v2.publish_amend(prepared.entry, branch=branch, expected=base, ahead=look_ahead())
        tree.settle(prepared.snapshot)
    return prepared.entry.id


def flush(tree: WorkingTree, history: History, *, message: str, metadata: Mapping[str, Any]) -> SnapshotId:
    """Write an anonymous snapshot of the tree; no branch moves."""
    with tree.lock:
        _check_may_write(tree, history, "flush rearrange session")
        look_ahead = _begin_look_ahead(history, None, tree.base_id)
        prepared = prepare(tree, message=message, metadata=metadata)
        store(tree, prepared)
        history.publish_detached(prepared.entry, look_ahead())
        tree.settle(prepared.snapshot)
    return prepared.entry.id


def store_unregistered(tree: WorkingTree, *, message: str) -> SnapshotId:
    """Write a snapshot that only its own id leads to: the base of forks of a session with changes."""
    with tree.lock:
        prepared = prepare(tree, message=message, metadata={})
        store(tree, prepared)
    return prepared.entry.id


def _begin_look_ahead(history: History, branch: str | None, base: SnapshotId) -> Callable[[], Ahead | None]:
    """Ask for the present state, and back it up, while the files are built and uploaded; the result waits for that."""
    if not history.can_look_ahead:
        return lambda: None
    return begin(lambda: history.look_ahead(branch, base))


def _check_may_write(tree: WorkingTree, history: History, what: str) -> None:
    """Refuse early; where that would cost a round trip of its own, looking ahead and publishing see to it."""
    if not history.can_look_ahead:
        history.ensure_writable()
    if tree.mode is SessionMode.rearrange:
        require_v2(history, "move").ensure_flag("move_node", what)


def _no_changes() -> SessionStateError:
    return SessionStateError(
        "cannot commit, no changes made to the session (use `allow_empty=true` to commit anyway)",
        kind="no-changes-to-commit",
    )


def _log_of(tree: WorkingTree, entry: SnapshotEntry) -> LogContents:
    log = tree.context.assets.transaction_log(entry.id)
    return from_log(log) if log is not None else LogContents()


def tip_moved(expected: SnapshotId, actual: SnapshotId | None) -> Exception:
    """The conflict that a commit reports when somebody else moved the branch."""
    return commit_conflict(format_id(expected), format_id(actual) if actual is not None else None)
