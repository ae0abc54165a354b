"""Changes that make a new snapshot known, decided on the ``repo`` object (format section 9.5)."""

from __future__ import annotations

from dataclasses import replace

from frazil._core import RepoInfo
from frazil.errors import ErrorKind, commit_conflict, error
from frazil.format import snapshot_entry as entries
from frazil.format.ids import SnapshotId, format_id
from frazil.format.records import SnapshotEntry
from frazil.history.repo_object.change import Change, UpdateTag
from frazil.history.repo_object.ref_changes import snapshot_not_found


def commit(info: RepoInfo, entry: SnapshotEntry, branch: str, expected: SnapshotId) -> Change[None]:
    """Make ``entry`` the tip of ``branch`` if the tip still is ``expected``, its parent."""
    _require_tip(info, branch, expected)
    parent = _known(info, expected)
    _require_new(info, entry, parent)
    entry = replace(entry, parent_id=expected)
    return Change(
        {"insert": [entries.to_tuple(entry)], "branches": {branch: entry.id}},
        UpdateTag.NEW_COMMIT,
        None,
        (branch, entry.id),
    )


def amend(info: RepoInfo, entry: SnapshotEntry, branch: str, expected: SnapshotId) -> Change[None]:
    """Put ``entry`` in the place of ``expected``, the tip of ``branch``; the replaced snapshot stays listed.

    The parent and the logs of pruned ancestors are those of the replaced snapshot, whatever ``entry`` says.
    """
    _require_tip(info, branch, expected)
    replaced = _known(info, expected)
    if replaced.parent_id is None:
        raise error(
            ErrorKind.NO_AMEND_FOR_INITIAL_COMMIT,
            "the first commit in the repository cannot be an amend, create a new commit instead",
        )
    _require_new(info, entry, replaced)
    entry = replace(entry, parent_id=replaced.parent_id, pruned=replaced.pruned)
    return Change(
        {"insert": [entries.to_tuple(entry)], "branches": {branch: entry.id}},
        UpdateTag.COMMIT_AMENDED,
        None,
        (branch, expected, entry.id),
    )


def detached(info: RepoInfo, entry: SnapshotEntry) -> Change[None]:
    """Make a flushed snapshot known; no branch moves."""
    if entry.parent_id is not None:
        _require_new(info, entry, _known(info, entry.parent_id))
    return Change({"insert": [entries.to_tuple(entry)]}, UpdateTag.NEW_DETACHED_SNAPSHOT, None, (entry.id,))


def _require_tip(info: RepoInfo, branch: str, expected: SnapshotId) -> None:
    tip = info.branch(branch)
    if tip is None:
        raise error(ErrorKind.BRANCH_NOT_FOUND, f"branch not found `{branch}`")
    if tip != expected:
        raise commit_conflict(format_id(expected), format_id(tip))


def _known(info: RepoInfo, snapshot_id: SnapshotId) -> SnapshotEntry:
    found = info.snapshot(snapshot_id)
    if found is None:
        raise snapshot_not_found(snapshot_id)
    return entries.from_tuple(found)


def _require_new(info: RepoInfo, entry: SnapshotEntry, before: SnapshotEntry) -> None:
    """A new id, and a time after the snapshot that the session was based on (format section 6.5)."""
    if info.snapshot(entry.id) is not None:
        raise error(
            ErrorKind.DUPLICATE_SNAPSHOT_ID,
            f"duplicate snapshot id `{format_id(entry.id)}`: a snapshot of this id is already part of the repository",
        )
    if entry.flushed_at <= before.flushed_at:
        raise error(
            ErrorKind.SNAPSHOT_TIMESTAMP,
            "snapshot timestamp is invalid, please verify if the machine clock has drifted: the new snapshot is not "
            f"younger than `{format_id(before.id)}`, which it is based on",
        )
