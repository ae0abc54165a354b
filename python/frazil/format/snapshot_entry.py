"""Entries of the history and what the files say of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from frazil.format import values
from frazil.format.ids import SnapshotId
from frazil.format.records import SnapshotEntry

if TYPE_CHECKING:
    from frazil import _core

REPO_SPEC_VERSION = 2
"""Values in the ``repo`` object are FlexBuffers whatever the snapshot file has (format section 4.1)."""


def from_tuple(entry: _core._SnapshotEntry) -> SnapshotEntry:
    """An entry of the ``repo`` object."""
    snapshot_id, parent_id, flushed_at, message, metadata, pruned = entry
    return SnapshotEntry(
        SnapshotId(snapshot_id),
        None if parent_id is None else SnapshotId(parent_id),
        flushed_at,
        message,
        values.decode_items(metadata, REPO_SPEC_VERSION) if metadata else {},
        cast("tuple[SnapshotId, ...]", tuple(pruned)),
    )


def to_tuple(entry: SnapshotEntry) -> _core._SnapshotEntry:
    """The entry as the ``repo`` object holds it."""
    metadata = values.encode_items(entry.metadata, REPO_SPEC_VERSION)
    return (entry.id, entry.parent_id, entry.flushed_at, entry.message, metadata, list(entry.pruned))


def from_snapshot(snapshot: _core.Snapshot) -> SnapshotEntry:
    """The head of a snapshot file: all that spec 1 knows of a commit."""
    return SnapshotEntry(
        SnapshotId(snapshot.id),
        None if snapshot.parent_id is None else SnapshotId(snapshot.parent_id),
        snapshot.flushed_at,
        snapshot.message,
        values.decode_items(snapshot.metadata, snapshot.file_spec_version),
    )
