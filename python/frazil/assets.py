"""Writing the immutable files of a repository, and keeping in the caches what was just written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from frazil._core import Manifest, Snapshot
from frazil.context import RepositoryContext
from frazil.format.object_attributes import attributes

_FILE_TYPES = {"snapshots": "snapshot", "manifests": "manifest", "transactions": "transaction-log"}


@dataclass(frozen=True, slots=True)
class NewFile:
    """A metadata file that is ready to be stored under ``key``."""

    key: str
    data: bytes


def write_files(context: RepositoryContext, files: Sequence[NewFile]) -> None:
    """Store new metadata files, many at once; on a durable disk they and all chunks before them are synced after."""
    settings = context.config.effective_storage()
    storage_class = settings.metadata_storage_class or settings.storage_class
    by_kind: dict[str, list[tuple[str, bytes]]] = {}
    for file in files:
        by_kind.setdefault(_FILE_TYPES[file.key.partition("/")[0]], []).append((file.key, file.data))
    for kind, objects in by_kind.items():
        context.objects.put_many(objects, attributes=attributes(context, kind), storage_class=storage_class)
    context.objects.sync()


def keep_snapshot(context: RepositoryContext, snapshot: Snapshot) -> None:
    if not context.assets.put_snapshot(snapshot):
        _warn_too_small(context, f"{snapshot.num_nodes} nodes", "nodes", context.config.effective_caching().num_snapshot_nodes)


def keep_manifest(context: RepositoryContext, manifest: Manifest) -> None:
    if not context.assets.put_manifest(manifest):
        limit = context.config.effective_caching().num_chunk_refs
        _warn_too_small(context, f"{manifest.num_refs} chunk references", "references", limit)


def _warn_too_small(context: RepositoryContext, what: str, unit: str, limit: int | None) -> None:
    context.log.warn_once(
        unit, f"A file with {what} does not fit in a cache that can keep {limit} {unit}; raise CachingConfig"
    )
