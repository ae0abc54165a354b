"""What people see of a snapshot and of its manifests."""

from __future__ import annotations

from dataclasses import dataclass

from frazil._core import SnapshotInfo
from frazil.clock import to_datetime
from frazil.display import Parts, StructuralDisplay
from frazil.format.ids import format_id
from frazil.format.records import ManifestFile, SnapshotEntry
from frazil.names import public

__all__ = ["ManifestFileInfo", "SnapshotInfo", "info_of"]


def _parts_of(self: SnapshotInfo) -> Parts:
    """The fields, in order."""
    return Parts("snapshots.SnapshotInfo", tuple((name, getattr(self, name)) for name in self.__match_args__))


# The class is the extension's, so that listing a long history makes one object a commit; its display is Python's.
for _name in ("__repr__", "__str__", "_repr_html_"):
    setattr(SnapshotInfo, _name, vars(StructuralDisplay)[_name])
setattr(SnapshotInfo, "__display__", _parts_of)  # noqa: B010 - mypy refuses the assignment to a method


def info_of(entry: SnapshotEntry) -> SnapshotInfo:
    """The public face of a record."""
    parent = None if entry.parent_id is None else format_id(entry.parent_id)
    return SnapshotInfo(format_id(entry.id), parent, to_datetime(entry.flushed_at), entry.message, dict(entry.metadata))


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
