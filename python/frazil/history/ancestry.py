"""Walking from a snapshot to its ancestors, whichever protocol knows them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from frazil.clock import to_datetime
from frazil.errors import ErrorKind, IcechunkError, RefNotFoundError, error
from frazil.format.ids import SnapshotId, format_id
from frazil.format.records import SnapshotEntry

if TYPE_CHECKING:
    from frazil.history.base import History


def as_of(history: History, branch: str, when: int) -> SnapshotId:
    """The newest snapshot of ``branch`` flushed at ``when`` (microseconds since 1970) or before (format section 9.7).

    Raises ``RefNotFoundError``, and ``SnapshotNotFoundError`` of kind ``no-snapshot-at-time``.
    """
    for entry in history.ancestry(_tip(history, branch)):
        if entry.flushed_at <= when:
            return entry.id
    raise error(
        ErrorKind.NO_SNAPSHOT_AT_TIME,
        f"branch {branch} does not have a snapshot before or at {to_datetime(when).isoformat(' ')}",
    )


def _tip(history: History, branch: str) -> SnapshotId:
    try:
        return history.branch_tip(branch)
    except RefNotFoundError:
        if history.spec_version == 1:
            raise
        raise error(ErrorKind.BRANCH_NOT_FOUND, f"branch not found `{branch}`") from None


def between(history: History, ancestor: SnapshotId, descendant: SnapshotId) -> list[SnapshotEntry]:
    """The snapshots after ``ancestor`` up to ``descendant``, newest first; none if they are the same.

    Raises ``InvalidInputError`` of kind ``bad-snapshot-chain-for-diff`` if the one does not descend from the other.
    """
    found: list[SnapshotEntry] = []
    for entry in history.ancestry(descendant):
        if entry.id == ancestor:
            return found
        found.append(entry)
    raise no_ancestor(ancestor, descendant)


def no_ancestor(ancestor: SnapshotId, descendant: SnapshotId) -> IcechunkError:
    return error(
        ErrorKind.BAD_SNAPSHOT_CHAIN_FOR_DIFF,
        f"`to` snapshot ancestry doesn't include `from`: {format_id(ancestor)} is no ancestor of {format_id(descendant)}",
    )


def reachable(history: History, starts: Iterable[SnapshotId]) -> dict[SnapshotId, SnapshotEntry]:
    """Every snapshot that one of ``starts`` is or descends from."""
    found: dict[SnapshotId, SnapshotEntry] = {}
    for start in starts:
        for entry in history.ancestry(start):
            if entry.id in found:
                break
            found[entry.id] = entry
    return found
