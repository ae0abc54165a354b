"""What every part of an open repository shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from frazil._core import Assets, ObjectStore
from frazil.clock import Clock
from frazil.ids import IdSource

if TYPE_CHECKING:
    from frazil.config import RepositoryConfig
    from frazil.storage import Storage


@dataclass(frozen=True, slots=True)
class RepositoryContext:
    """One open repository below its public face: where bytes live, how files are written, what time it is.

    ``config`` is the effective configuration; ``assets`` reads immutable files through the caches.
    """

    storage: Storage
    objects: ObjectStore
    assets: Assets
    config: RepositoryConfig
    spec_version: int
    writer: str
    clock: Clock
    ids: IdSource
    use_object_metadata: bool
    """Whether writes carry user metadata (``unsafe_use_metadata``)."""
    content_ids: bool = False
    """Name new chunks by a hash of their bytes instead of at random."""
