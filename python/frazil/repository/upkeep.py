"""Looking after a repository: expiration, garbage collection, statistics, new manifest layouts, inspection."""

from __future__ import annotations

import warnings
from datetime import datetime
from typing import TYPE_CHECKING, Any

from frazil.clock import from_datetime
from frazil.concurrency.offload import in_thread
from frazil.config.fields import boolean
from frazil.format import values
from frazil.format.ids import format_id, parse_manifest_id, parse_snapshot_id
from frazil.maintenance import collect, expire, inspect, rewrite, statistics
from frazil.maintenance.reachability.read import ReadLimits
from frazil.maintenance.statistics import ChunkStorageStats
from frazil.maintenance.summary import GCSummary
from frazil.maintenance.sweep import SweepLimits
from frazil.repository.state import RepositoryPart

if TYPE_CHECKING:
    from frazil.types import CommitMethod


class Upkeep(RepositoryPart):
    """What keeps a repository small, quick and understood."""

    def expire_snapshots(
        self,
        older_than: datetime,
        *,
        delete_expired_branches: bool = False,
        delete_expired_tags: bool = False,
    ) -> set[str]:
        """Take old snapshots out of the history; garbage collection then deletes their files.

        Parameters
        ----------
        older_than
            Snapshots written before this time are released, but for roots and the tips of branches and tags.
        delete_expired_branches, delete_expired_tags
            Delete branches (never ``main``) and tags whose tip is that old.

        Returns
        -------
        set of str
            The ids of the released snapshots.
        """
        released = expire.expire_snapshots(
            self._context,
            self._history,
            from_datetime(older_than),
            delete_expired_branches=boolean("delete_expired_branches", delete_expired_branches),
            delete_expired_tags=boolean("delete_expired_tags", delete_expired_tags),
        )
        self._context.assets.clear()  # in spec 1, snapshot files were rewritten in place
        return {format_id(snapshot_id) for snapshot_id in released}

    def garbage_collect(
        self,
        delete_object_older_than: datetime,
        *,
        dry_run: bool = False,
        max_snapshots_in_memory: int = 50,
        max_compressed_manifest_mem_bytes: int = 512 * 1024 * 1024,
        max_decoded_manifest_mem_bytes: int = 4 * 1024 * 1024 * 1024,
        max_concurrent_manifest_fetches: int = 500,
        max_concurrent_deletes: int = 10,
        max_consecutive_delete_failures: int = 50,
        max_concurrent_listings: int | None = None,
    ) -> GCSummary:
        """Delete objects that no snapshot needs and that are older than a time.

        Not safe beside a session that was opened before ``delete_object_older_than`` and is still going to commit.

        Parameters
        ----------
        delete_object_older_than
            Compared with the time at which the store made the object.  File systems date files a tick of the kernel's clock
            late and object stores to the second: what may have been written at this time or later stays.
        dry_run
            Count what would be deleted, and touch nothing.
        max_snapshots_in_memory, max_compressed_manifest_mem_bytes, max_decoded_manifest_mem_bytes
            Bounds on what is held at once; sizes in bytes.
        max_concurrent_manifest_fetches, max_concurrent_deletes, max_concurrent_listings
            Bounds on requests in flight.
        max_consecutive_delete_failures
            Give up after so many refusals in a row.
        """
        reading = ReadLimits(
            max_snapshots_in_memory,
            max_compressed_manifest_mem_bytes,
            max_decoded_manifest_mem_bytes,
            max_concurrent_manifest_fetches,
        )
        sweeping = SweepLimits(max_concurrent_deletes, max_consecutive_delete_failures, max_concurrent_listings)
        return collect.garbage_collect(
            self._context,
            self._history,
            from_datetime(delete_object_older_than),
            dry_run=boolean("dry_run", dry_run),
            reading=reading,
            sweeping=sweeping,
        )

    def chunk_storage_stats(
        self,
        *,
        max_snapshots_in_memory: int = 50,
        max_compressed_manifest_mem_bytes: int = 512 * 1024 * 1024,
        max_decoded_manifest_mem_bytes: int = 4 * 1024 * 1024 * 1024,
        max_concurrent_manifest_fetches: int = 500,
    ) -> ChunkStorageStats:
        """Bytes of all chunks of all snapshots, each counted once; the parameters are those of ``garbage_collect``."""
        limits = ReadLimits(
            max_snapshots_in_memory,
            max_compressed_manifest_mem_bytes,
            max_decoded_manifest_mem_bytes,
            max_concurrent_manifest_fetches,
        )
        return statistics.chunk_storage_stats(self._context, self._history, limits)

    def total_chunks_storage(
        self,
        *,
        max_snapshots_in_memory: int = 50,
        max_compressed_manifest_mem_bytes: int = 512 * 1024 * 1024,
        max_decoded_manifest_mem_bytes: int = 4 * 1024 * 1024 * 1024,
        max_concurrent_manifest_fetches: int = 500,
    ) -> int:
        """Bytes of all native chunks; deprecated, use ``chunk_storage_stats``."""
        _warn_total("total_chunks_storage")
        return self.chunk_storage_stats(
            max_snapshots_in_memory=max_snapshots_in_memory,
            max_compressed_manifest_mem_bytes=max_compressed_manifest_mem_bytes,
            max_decoded_manifest_mem_bytes=max_decoded_manifest_mem_bytes,
            max_concurrent_manifest_fetches=max_concurrent_manifest_fetches,
        ).native_bytes

    async def total_chunks_storage_async(
        self,
        *,
        max_snapshots_in_memory: int = 50,
        max_compressed_manifest_mem_bytes: int = 512 * 1024 * 1024,
        max_decoded_manifest_mem_bytes: int = 4 * 1024 * 1024 * 1024,
        max_concurrent_manifest_fetches: int = 500,
    ) -> int:
        """Bytes of all native chunks; deprecated, use ``chunk_storage_stats_async``."""
        _warn_total("total_chunks_storage_async")
        stats = await self.chunk_storage_stats_async(
            max_snapshots_in_memory=max_snapshots_in_memory,
            max_compressed_manifest_mem_bytes=max_compressed_manifest_mem_bytes,
            max_decoded_manifest_mem_bytes=max_decoded_manifest_mem_bytes,
            max_concurrent_manifest_fetches=max_concurrent_manifest_fetches,
        )
        return stats.native_bytes

    def rewrite_manifests(
        self,
        message: str,
        *,
        branch: str,
        metadata: dict[str, Any] | None = None,
        commit_method: CommitMethod = "new_commit",
    ) -> str:
        """Lay out the manifests of a branch's tip as the present configuration says; the data stays as it is.

        Parameters
        ----------
        message
            Of the new commit.
        branch
            Whose tip is rewritten.
        metadata
            Of the new commit.
        commit_method
            Make a ``"new_commit"``, or ``"amend"`` the tip.

        Returns
        -------
        str
            The id of the new snapshot.
        """
        if commit_method not in ("new_commit", "amend"):
            raise ValueError(f"Invalid commit method: '{commit_method}'. Expected 'new_commit' or 'amend'.")
        state = self._state
        made = rewrite.rewrite_manifests(
            state.context,
            state.history,
            branch,
            message=message,
            metadata={**state.default_metadata, **values.normalise(metadata)},
            amend=commit_method == "amend",
        )
        return format_id(made)

    # ---- inspection ------------------------------------------------------------------------------------------------

    def inspect_snapshot(self, snapshot_id: str) -> dict[str, Any]:
        """What a snapshot file holds, as plain values."""
        return inspect.inspect_snapshot(self._context, parse_snapshot_id(snapshot_id))

    def inspect_manifest(self, manifest_id: str) -> dict[str, Any]:
        """What a manifest file holds, in numbers."""
        return inspect.inspect_manifest(self._context, parse_manifest_id(manifest_id))

    def inspect_transaction_log(self, snapshot_id: str) -> dict[str, Any]:
        """What the transaction log of a snapshot says."""
        return inspect.inspect_transaction_log(self._context, self._history, parse_snapshot_id(snapshot_id))

    def inspect_repo_info(self) -> dict[str, Any]:
        """What the ``repo`` object holds (spec 2)."""
        return inspect.inspect_repo_info(self._context, self._history)

    expire_snapshots_async = in_thread(expire_snapshots)
    garbage_collect_async = in_thread(garbage_collect)
    chunk_storage_stats_async = in_thread(chunk_storage_stats)
    rewrite_manifests_async = in_thread(rewrite_manifests)
    inspect_snapshot_async = in_thread(inspect_snapshot)
    inspect_manifest_async = in_thread(inspect_manifest)
    inspect_transaction_log_async = in_thread(inspect_transaction_log)
    inspect_repo_info_async = in_thread(inspect_repo_info)


def _warn_total(name: str) -> None:
    warnings.warn(
        f"`{name}` is deprecated and counts native chunks only; use `chunk_storage_stats`",
        DeprecationWarning,
        stacklevel=3,
    )
