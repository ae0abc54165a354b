"""What people see of a snapshot and of its manifests."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from frazil.clock import to_datetime
from frazil.display import Parts, StructuralDisplay
from frazil.format.records import ManifestFile, SnapshotEntry
from frazil.ids import format_id
from frazil.names import public


@public
@dataclass(frozen=True, slots=True, repr=False)
class SnapshotInfo(StructuralDisplay):
    """A commit.

    Parameters
    ----------
    id
        20 characters.
    parent_id
        The snapshot that it was made on; None for the first one.
    written_at
        When it was written, in UTC.
    message
        What the writer said.
    metadata
        JSON values that the writer gave with it.
    """

    id: str
    parent_id: str | None
    written_at: datetime
    message: str
    metadata: dict[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def of(cls, entry: SnapshotEntry) -> SnapshotInfo:
        """The public face of a record."""
        parent = None if entry.parent_id is None else format_id(entry.parent_id)
        return cls(format_id(entry.id), parent, to_datetime(entry.flushed_at), entry.message, dict(entry.metadata))

    def __display__(self) -> Parts:
        """The fields, in order."""
        return Parts("snapshots.SnapshotInfo", tuple((part.name, getattr(self, part.name)) for part in fields(self)))


@public
@dataclass(frozen=True, slots=True, repr=False)
class ManifestFileInfo(StructuralDisplay):
    """A manifest that a snapshot refers to.

    Parameters
    ----------
    id
        20 characters.
    size_bytes
        Of the stored object.
    num_chunk_refs
        References in it.
    """

    id: str
    size_bytes: int
    num_chunk_refs: int

    @classmethod
    def of(cls, record: ManifestFile) -> ManifestFileInfo:
        """The public face of a record."""
        return cls(format_id(record.id), record.size_bytes, record.num_chunk_refs)

    def __display__(self) -> Parts:
        """The fields, in order."""
        names = ("id", "size_bytes", "num_chunk_refs")
        return Parts("snapshots.ManifestFileInfo", tuple((name, getattr(self, name)) for name in names))
