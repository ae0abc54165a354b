"""How many bytes the chunks of a repository take."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from frazil.display import Parts, StructuralDisplay
from frazil.history.v2 import HistoryV2
from frazil.maintenance.reachability.fingerprints import Fingerprints
from frazil.maintenance.reachability.links import reachable
from frazil.maintenance.reachability.mark import manifests_of, walk
from frazil.maintenance.reachability.read import ReadLimits, read_manifests, read_snapshots
from frazil.maintenance.reachability.repo_links import links_of, tips_of
from frazil.names import public_in

if TYPE_CHECKING:
    from frazil._core import Snapshot
    from frazil.history.base import History
    from frazil.open_repository.context import RepositoryContext


@public_in("repository")
@dataclass(frozen=True, slots=True, repr=False)
class ChunkStorageStats(StructuralDisplay):
    """Bytes of chunk data that a repository holds or refers to.

    Attributes
    ----------
    native_bytes
        In chunk objects of the repository, each chunk counted once however often it is referred to; not what is left in
        an object of chunks that shared it and are gone.
    virtual_bytes
        In files elsewhere, each range counted once.
    inlined_bytes
        In manifests, counted once for each manifest that holds them.
    """

    native_bytes: int = 0
    virtual_bytes: int = 0
    inlined_bytes: int = 0

    def non_virtual_bytes(self) -> int:
        """What the repository itself stores."""
        return self.native_bytes + self.inlined_bytes

    def total_bytes(self) -> int:
        """All three together."""
        return self.native_bytes + self.virtual_bytes + self.inlined_bytes

    def __display__(self) -> Parts:
        """The fields, in order."""
        return Parts("stats.ChunkStorageStats", tuple((part.name, getattr(self, part.name)) for part in fields(self)))


def chunk_storage_stats(
    context: RepositoryContext, history: History, limits: ReadLimits | None = None
) -> ChunkStorageStats:
    """Count the chunks of every snapshot that a branch or tag leads to."""
    limits = limits or ReadLimits()
    snapshots = _snapshots(context, history, limits)
    manifests = list(manifests_of(snapshots).items())
    native, virtual, inlined = Fingerprints(), Fingerprints(), 0
    for manifest in read_manifests(context.objects, manifests, limits):
        chunks, lengths, ranges, range_lengths, inline = manifest.storage()
        native.add(np.frombuffer(chunks, np.uint64), np.frombuffer(lengths, np.uint64))
        virtual.add(np.frombuffer(ranges, np.uint64), np.frombuffer(range_lengths, np.uint64))
        inlined += inline
    return ChunkStorageStats(native.total_size(), virtual.total_size(), inlined)


def _snapshots(context: RepositoryContext, history: History, limits: ReadLimits) -> Iterable[Snapshot]:
    if isinstance(history, HistoryV2):
        info = history.read()
        kept = list(reachable(links_of(info), tips_of(info)))
        return read_snapshots(context.objects, kept, at_once=limits.max_snapshots_in_memory)
    return walk(context.objects, [*history.branches().values(), *history.tags().values()], limits)
