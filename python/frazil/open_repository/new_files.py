"""Writing the immutable files of a repository, and keeping in the caches what was just written."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from frazil._core import Manifest, Snapshot
from frazil.concurrency.offload import begin
from frazil.format import keys
from frazil.format.object_attributes import FileType, attributes, metadata_storage_class
from frazil.open_repository.context import RepositoryContext

_log = logging.getLogger(__name__)

_FILE_TYPES: Final[dict[str, FileType]] = {
    keys.SNAPSHOTS: "snapshot",
    keys.MANIFESTS: "manifest",
    keys.TRANSACTIONS: "transaction-log",
}


@dataclass(frozen=True, slots=True)
class NewFile:
    """A metadata file that is ready to be stored under ``key``."""

    key: str
    data: bytes


def write_files(context: RepositoryContext, files: Sequence[NewFile], *, fresh: bool = False) -> None:
    """Store new metadata files, all at once over a network; on a durable disk they and all chunks before are synced.

    ``fresh`` says that their names were drawn for this, so that nobody else can be writing or reading them.
    """
    by_kind: dict[FileType, list[tuple[str, bytes]]] = {}
    for file in files:
        by_kind.setdefault(_FILE_TYPES[file.key.partition("/")[0]], []).append((file.key, file.data))
    puts: list[Callable[[], None]] = [
        partial(_put_all, context, kind, objects, fresh=fresh) for kind, objects in by_kind.items()
    ]
    if not context.objects.is_local:
        puts[1:] = [begin(put) for put in puts[1:]]
    for put in puts:
        put()
    context.objects.sync()


def _put_all(context: RepositoryContext, kind: FileType, objects: Sequence[tuple[str, bytes]], *, fresh: bool) -> None:
    context.objects.put_many(
        objects, attributes=attributes(context, kind), storage_class=metadata_storage_class(context), fresh=fresh
    )


def keep_snapshot(context: RepositoryContext, snapshot: Snapshot) -> None:
    """Have a snapshot that was just written in the cache."""
    if not context.assets.put_snapshot(snapshot):
        limit = context.config.effective_caching().num_snapshot_nodes
        _warn_too_small(context, f"A snapshot with {snapshot.num_nodes} nodes", f"keep {limit} nodes")


def keep_manifest(context: RepositoryContext, manifest: Manifest) -> None:
    """Have a manifest that was just written in the cache."""
    if not context.assets.put_manifest(manifest):
        limit = context.config.effective_caching().num_chunk_refs
        what = f"A manifest with {manifest.num_refs} chunk references ({manifest.nbytes:,} bytes)"
        _warn_too_small(context, what, f"keep {limit} references")


def _warn_too_small(context: RepositoryContext, what: str, budget: str) -> None:
    """Once a repository and kind of file."""
    kind = budget.rpartition(" ")[2]
    if kind not in context.warned:
        context.warned.add(kind)
        _log.warning("%s does not fit in a cache that can %s; raise the limits of CachingConfig", what, budget)
