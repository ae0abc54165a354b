"""What garbage collection reports."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from frazil.display import Parts, StructuralDisplay
from frazil.names import public


@public
@dataclass(frozen=True, slots=True, repr=False)
class GCSummary(StructuralDisplay):
    """What one run of garbage collection deleted, or would have deleted if it was a dry run.

    Attributes
    ----------
    bytes_deleted
        The size of all deleted objects together.
    attributes_deleted
        Always 0: no version of the format that can be opened stores attributes apart.
    objects_failed_to_delete
        Objects that the store refused to delete; the next run tries them again.
    throttled_batches
        Batches of deletions in which the store asked to slow down.
    delete_errors
        A line for each batch that failed in part.
    skipped_phases
        Kinds of objects that were left alone because deletions of an earlier kind had failed.
    """

    bytes_deleted: int = 0
    chunks_deleted: int = 0
    manifests_deleted: int = 0
    snapshots_deleted: int = 0
    attributes_deleted: int = 0
    transaction_logs_deleted: int = 0
    objects_failed_to_delete: int = 0
    throttled_batches: int = 0
    delete_errors: list[str] = field(default_factory=list)
    skipped_phases: list[str] = field(default_factory=list)

    __hash__ = None  # type: ignore[assignment]  # equal by value, and it holds lists

    def __display__(self) -> Parts:
        """The fields, in order."""
        return Parts("ops.GCSummary", tuple((part.name, getattr(self, part.name)) for part in fields(self)))
