"""What a storage says of one of its objects."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from frazil.display import Parts, StructuralDisplay


@dataclass(frozen=True, slots=True, repr=False)
class StorageObjectInfo(StructuralDisplay):
    """One object of a storage.

    Attributes
    ----------
    key
        Its name, relative to the prefix that was listed.
    size_bytes
        Its size.
    created_at
        When it was last written, by the clock of the storage.
    """

    key: str
    size_bytes: int
    created_at: datetime

    def __display__(self) -> Parts:
        """The fields, in order."""
        fields = (("key", self.key), ("size_bytes", self.size_bytes), ("created_at", self.created_at))
        return Parts("storage.StorageObjectInfo", fields)
