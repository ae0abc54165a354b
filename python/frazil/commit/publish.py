"""Commit, amend and flush: write the files, then move the branch (format section 9.6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from frazil.changes.to_log import LogContents, from_log
from frazil.commit.flush import PreparedSnapshot, Replaced, prepare, store
from frazil.concurrency.offload import begin
from frazil.config.enums import SessionMode
from frazil.errors import ConflictError, ErrorKind, IcechunkError, SessionStateError, error
from frazil.format.ids import INITIAL_SNAPSHOT_ID, SnapshotId, format_id
from frazil.format.records import SnapshotEntry
from frazil.history.base import History
from frazil.history.v2 import require_v2
from frazil.working_tree import WorkingTree

if TYPE_CHECKING:
    from frazil.history.repo_object.update import Ahead


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

    On success the tree is a read-only view of the new snapshot; on any error it is as it was, unless the error tells that
    the outcome is not known.  After that the next attempt finds out, and returns the snapshot that was published.
    """
    with tree.lock:
        branch = tree.ensure_publishable()
        published = settle_published(tree, history)
        if published is not None:
            return published
        if not (tree.has_changes() or allow_empty or rewrite):
            raise _no_changes(tree)
        _check_may_write(tree, history, "commit rearrange session")
        base = tree.base_id
        look_ahead = _begin_look_ahead(history, branch, base)
        prepared = prepare(tree, message=message, metadata=metadata, rewrite=rewrite)
        store(tree, prepared)
        ahead = look_ahead()
        return _publish(
            tree,
            history,
            prepared,
            lambda: history.publish_commit(prepared.entry, branch=branch, expected=base, ahead=ahead),
        )


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
    with tree.lock:
        branch = tree.ensure_publishable()
        v2 = require_v2(history, "amend")
        published = settle_published(tree, history)
        if published is not None:
            return published
        base = tree.base_id
        if base == INITIAL_SNAPSHOT_ID:
            raise SessionStateError(
                "cannot amend the initial commit of a repository; use `commit` instead",
                kind="no-amend-for-initial-commit",
            )
        if not (tree.has_changes() or allow_empty or rewrite):
            raise _no_changes(tree)
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
        ahead = look_ahead()
        return _publish(
            tree,
            history,
            prepared,
            lambda: v2.publish_amend(prepared.entry, branch=branch, expected=base, ahead=ahead),
        )


def flush(tree: WorkingTree, history: History, *, message: str, metadata: Mapping[str, Any]) -> SnapshotId:
    """Write an anonymous snapshot of the tree; no branch moves."""
    with tree.lock:
        published = settle_published(tree, history)
        if published is not None:
            return published
        _check_may_write(tree, history, "flush rearrange session")
        look_ahead = _begin_look_ahead(history, None, tree.base_id)
        prepared = prepare(tree, message=message, metadata=metadata)
        store(tree, prepared)
        ahead = look_ahead()
        return _publish(tree, history, prepared, lambda: history.publish_detached(prepared.entry, ahead))


def settle_published(tree: WorkingTree, history: History) -> SnapshotId | None:
    """If an earlier attempt to publish the tree's changes was successful after all, become a view of that; its id.

    The caller holds the lock.  Nothing is asked of the store unless the outcome of an attempt is in doubt.
    """
    if not tree.in_doubt:
        return None
    candidates = {SnapshotId(snapshot.id): snapshot for snapshot in tree.in_doubt}
    found = history.published(candidates, tree.branch, tree.base_id)
    if found is not None:
        tree.settle(candidates[found])
    return found


def _publish(tree: WorkingTree, history: History, prepared: PreparedSnapshot, write: Callable[[], None]) -> SnapshotId:
    """Let ``write`` make the snapshot known, and settle; whatever comes between, the tree knows that it was tried."""
    before = tree.in_doubt
    try:
        tree.in_doubt = (*before, prepared.snapshot)
        write()
        tree.settle(prepared.snapshot)
    except ConflictError:
        # What was written meanwhile is not what an attempt still under way expects: if it is not there it will not come.
        found = settle_published(tree, history) if before else None
        if found is not None:
            return found
        tree.in_doubt = ()
        raise
    except IcechunkError as failure:
        if failure.kind != ErrorKind.OUTCOME_UNKNOWN:
            tree.in_doubt = before
            raise
        return _found_out(tree, history, prepared.entry.id, failure)
    except BaseException as failure:
        # Ctrl-C, for one.  On a network a request may still be under way, and nobody wants to wait for another one.
        if tree.context.objects.is_local and _ask_again(tree, history) is _NOT_PUBLISHED:
            tree.in_doubt = before
        if tree.in_doubt:
            failure.add_note(f"whether this was published as {format_id(prepared.entry.id)} is not known: {_ADVICE}")
        raise
    return prepared.entry.id


_NOT_PUBLISHED: Final = object()
_ADVICE: Final = "call the method again, which looks for it and never publishes twice"


def _ask_again(tree: WorkingTree, history: History) -> object:
    """The id of what was published, ``_NOT_PUBLISHED`` if nothing was, None if that cannot be told."""
    try:
        found = settle_published(tree, history)
    except IcechunkError:
        return None
    return found if found is not None else _NOT_PUBLISHED


def _found_out(tree: WorkingTree, history: History, snapshot_id: SnapshotId, failure: IcechunkError) -> SnapshotId:
    """What came of an attempt to which the store gave no answer, or an error that says what is known of it."""
    found = _ask_again(tree, history)
    is_local = tree.context.objects.is_local
    if found == snapshot_id and not is_local:
        return snapshot_id
    name = format_id(snapshot_id)
    if found == snapshot_id:
        text = (
            f"the snapshot {name} was published, and the session is a view of it now, but the disk did not confirm that "
            f"it would outlive a power failure: {failure.message}"
        )
    elif found is _NOT_PUBLISHED and is_local:
        tree.in_doubt = tuple(snapshot for snapshot in tree.in_doubt if snapshot.id != snapshot_id)
        raise error(ErrorKind.IO, f"nothing was published: {failure.message}") from failure
    else:
        text = f"whether the snapshot {name} was published is not known, {_ADVICE}: {failure.message}"
    raise error(ErrorKind.OUTCOME_UNKNOWN, text) from failure


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


def _no_changes(tree: WorkingTree) -> SessionStateError:
    if tree.unmerged_forks:
        return SessionStateError(
            "cannot commit, no changes made to the session itself: what was written to its forks "
            f"({tree.unmerged_forks} not merged back) is theirs until `Session.merge` takes it over",
            kind="no-changes-to-commit",
        )
    return SessionStateError(
        "cannot commit, no changes made to the session (use `allow_empty=true` to commit anyway)",
        kind="no-changes-to-commit",
    )


def _log_of(tree: WorkingTree, entry: SnapshotEntry) -> LogContents:
    log = tree.context.assets.transaction_log(entry.id)
    return from_log(log) if log is not None else LogContents()
