"""Budgets of the caches of metadata and chunks."""

from __future__ import annotations

from dataclasses import dataclass

from frazil.config.base import Config
from frazil.config.effective import EffectiveCaching
from frazil.config.fields import unsigned
from frazil.names import public


@public
@dataclass(repr=False)
class CachingConfig(Config):
    """How much is kept in memory.  Each budget is in the unit of its name; 0 turns the cache off.

    An asset that is bigger than its whole cache is not kept, and the log says so.

    Parameters
    ----------
    num_snapshot_nodes
        Groups and arrays of snapshots, 500,000 if not given; 4 KiB of a snapshot count as one at least.
    num_chunk_refs
        Chunk references of manifests, 15,000,000 if not given; 256 bytes of a manifest count as one at least, since
        inline chunks are in it.
    num_transaction_changes
        Changes of transaction logs, off if not given.
    num_bytes_attributes
        Accepted for compatibility; attributes are part of snapshots.
    num_bytes_chunks
        Bytes of chunks, off if not given.
    """

    title = "config.CachingConfig"
    fallback = EffectiveCaching

    num_snapshot_nodes: int | None = unsigned(64)
    num_chunk_refs: int | None = unsigned(64)
    num_transaction_changes: int | None = unsigned(64)
    num_bytes_attributes: int | None = unsigned(64)
    num_bytes_chunks: int | None = unsigned(64)

    @staticmethod
    def default() -> CachingConfig:
        """A configuration that says nothing."""
        return CachingConfig()
