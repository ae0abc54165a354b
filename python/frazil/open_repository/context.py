"""What every part of an open repository shares."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from frazil._core import Assets, ObjectStore
from frazil.clock import Clock, system_clock
from frazil.format.ids import IdSource, RandomIds, SnapshotId

if TYPE_CHECKING:
    from frazil.config import Attribution, RepositoryConfig
    from frazil.storage import Storage
    from frazil.virtual.access import VirtualAccess


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryContext:
    """One open repository below its public face: where bytes live, how files are written, what time it is.

    ``config`` is the effective configuration, backend settings included; ``assets`` reads immutable files through the
    caches; ``use_object_metadata`` says whether writes carry user metadata; ``content_ids`` names new chunks by a hash
    of their bytes.  It pickles as a description, and opens its store again, with empty caches, where it is unpickled.
    """

    storage: Storage
    config: RepositoryConfig
    spec_version: int
    writer: str
    attribution: Attribution
    virtual: VirtualAccess
    objects: ObjectStore
    assets: Assets
    use_object_metadata: bool
    content_ids: bool = False
    clock: Clock = system_clock
    ids: IdSource = field(default_factory=RandomIds)
    warned: set[str] = field(default_factory=set)
    """What was already warned about, so that a warning comes once a repository."""
    preloaded: deque[SnapshotId] = field(default_factory=lambda: deque(maxlen=16))
    """The latest snapshots whose manifests were fetched ahead."""

    def __reduce__(self) -> tuple[Callable[..., RepositoryContext], tuple[dict[str, Any]]]:
        description = {
            "storage": self.storage,
            "config": self.config,
            "spec_version": self.spec_version,
            "writer": self.writer,
            "attribution": self.attribution,
            "virtual": self.virtual,
            "content_ids": self.content_ids,
        }
        return _reopened, (description,)


def _reopened(description: dict[str, Any]) -> RepositoryContext:
    return open_context(**description)


def open_context(
    *,
    storage: Storage,
    config: RepositoryConfig,
    spec_version: int,
    writer: str,
    attribution: Attribution,
    virtual: VirtualAccess,
    content_ids: bool = False,
    objects: ObjectStore | None = None,
) -> RepositoryContext:
    """Open the store and the caches that ``config`` (the effective configuration) asks for.

    ``objects`` is the store if it is already open with these settings.
    """
    settings = config.effective_storage()
    caching = config.effective_caching()
    if objects is None:
        objects = storage.open(settings, attribution)
    assets = Assets(
        objects,
        snapshot_nodes=caching.num_snapshot_nodes,
        chunk_refs=caching.num_chunk_refs,
        transaction_changes=caching.num_transaction_changes,
        chunk_bytes=caching.num_bytes_chunks,
        max_requests=config.effective_max_concurrent_requests(),
    )
    return RepositoryContext(
        storage=storage,
        config=config,
        spec_version=spec_version,
        writer=writer,
        attribution=attribution,
        virtual=virtual,
        objects=objects,
        assets=assets,
        use_object_metadata=bool(settings.unsafe_use_metadata),
        content_ids=content_ids,
    )
