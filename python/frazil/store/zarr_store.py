"""The Zarr store: Zarr's types over the raw store, nothing more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from zarr.abc.store import ByteRequest, OffsetByteRequest, RangeByteRequest, Store, SuffixByteRequest
from zarr.core.buffer import Buffer, BufferPrototype, default_buffer_prototype
from zarr.core.sync import SyncMixin

from frazil._core import ChunkRef
from frazil.codec_pipeline import TreeStore, activate_unless_chosen
from frazil.concurrency.offload import run_in_thread
from frazil.display import Parts, StructuralDisplay
from frazil.display.text import structural_parts
from frazil.errors import ReadOnlyError, SessionStateError
from frazil.format.ids import SnapshotId, format_id
from frazil.names import public
from frazil.store.listing import Listing
from frazil.store.raw import RawStore
from frazil.store.virtual_refs import VirtualRefs

if TYPE_CHECKING:
    from frazil.session import Session
    from frazil.working_tree import WorkingTree

_Range = tuple[int | None, int | None, int | None]


def _bounds(byte_range: ByteRequest | None) -> _Range:
    """(start, end, suffix) of a byte request."""
    match byte_range:
        case None:
            return (None, None, None)
        case RangeByteRequest(start, end):
            return (start, end, None)
        case OffsetByteRequest(offset):
            return (offset, None, None)
        case SuffixByteRequest(suffix):
            return (None, None, suffix)
    raise ValueError(f"Unexpected byte_range, got {byte_range}.")


@public
class IcechunkStore(StructuralDisplay, VirtualRefs, TreeStore, Store, SyncMixin):
    """The Zarr store of a session: what zarr, xarray and dask read from and write to.

    Obtained from ``Session.store``.  Reads see the session's snapshot with its own uncommitted changes over it; writes
    become part of history when the session commits.

    On memory and local disk every coroutine answers without suspending; the ``*_sync`` methods are the same calls
    without a coroutine, for the pipelines of zarr that look for them.

    An assignment to an array that raises leaves whole chunks: each holds all of what was assigned to it, or what it held
    before.  Where storage or a codec fails in Frazil's codec pipeline, all of them hold what they held before.  Where
    zarr's own pipeline does the work, or dask, others may have been written by then, and it is not said which; so in the
    official package.  ``append`` and ``resize`` change the shape first.  None of it is in any commit before the session
    commits: write again, or discard the changes.
    """

    _store: RawStore

    def __init__(self, store: RawStore, read_only: bool | None = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(read_only=store.tree.read_only if read_only is None else read_only)
        self._store = store
        self._is_open = True
        activate_unless_chosen()

    # ---- what it is ------------------------------------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IcechunkStore) and self._store == other._store

    def __hash__(self) -> int:
        return hash(self._store)

    @property
    def session(self) -> Session:
        """The session whose store this is; a ``ForkSession`` for the store of a fork."""
        return self._store.tree.new_session()

    @property
    def direct_tree(self) -> WorkingTree | None:
        """The tree that the codec pipeline may use by itself; none for a class that may override reading and writing."""
        return self._store.tree if type(self) is IcechunkStore and type(self._store) is RawStore else None

    @property
    def read_only(self) -> bool:
        """Whether writes are refused: by this store object, or because its session is read-only."""
        return self._read_only or self._store.tree.read_only

    def with_read_only(self, read_only: bool = False) -> IcechunkStore:
        """Another store of the same session, which zarr treats as read-only or not."""
        store = type(self)(self._store, read_only)
        store._is_open = False  # noqa: SLF001 - our own class; zarr opens it
        return store

    @property
    def supports_writes(self) -> bool:
        return True

    @property
    def supports_deletes(self) -> bool:
        return True

    @property
    def supports_listing(self) -> bool:
        return True

    @property
    def supports_partial_writes(self) -> bool:  # type: ignore[override]
        return False

    @property
    def supports_consolidated_metadata(self) -> bool:
        return False

    @property
    def _answers_at_once(self) -> bool:
        return self._store.tree.context.objects.is_local

    # ---- reading ---------------------------------------------------------------------------------------------------

    def get_sync(
        self, key: str, *, prototype: BufferPrototype | None = None, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """The value of a key, or a range of it; None if it does not exist."""
        found = self._store.read(key, *_bounds(byte_range))
        if found is None:
            return None
        if prototype is None:
            prototype = default_buffer_prototype()
        return prototype.buffer.from_bytes(found)  # type: ignore[arg-type]

    async def get(self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None) -> Buffer | None:
        bounds = _bounds(byte_range)
        if self._answers_at_once:
            found = self._store.find(key, *bounds)
            if isinstance(found, ChunkRef):  # its source may be further away than the repository
                at_once = self._store.is_quick(found)
                found = self._store.fetch(key, found) if at_once else await run_in_thread(self._store.fetch, key, found)
        else:
            found = await self._store.get_from_afar(key, *bounds)
        return None if found is None else prototype.buffer.from_bytes(found)  # type: ignore[arg-type]

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        """Several keys or ranges, in order, many at a time; None for those that do not exist."""
        free = asyncio.Semaphore(self._store.tree.context.config.effective_get_partial_values_concurrency())

        async def read(key: str, request: ByteRequest | None) -> Buffer | None:
            async with free:
                return await self.get(key, prototype, request)

        reads = [asyncio.ensure_future(read(key, request)) for key, request in key_ranges]
        try:
            return await asyncio.gather(*reads)
        except BaseException:
            for pending in reads:
                pending.cancel()
            await asyncio.gather(*reads, return_exceptions=True)
            raise

    async def exists(self, key: str) -> bool:
        if self._answers_at_once:
            return self._store.exists(key)
        return await run_in_thread(self._store.exists, key)

    async def getsize(self, key: str) -> int:
        """Stored bytes: 0 for a chunk that does not exist, ``NodeNotFoundError`` for metadata that does not."""
        if self._answers_at_once:
            return self._store.size(key)
        return await run_in_thread(self._store.size, key)

    async def getsize_prefix(self, prefix: str) -> int:
        """Stored bytes of the node at ``prefix`` and everything below it."""
        return await run_in_thread(lambda: sum(map(self._store.size, self._store.keys(prefix))))

    # ---- writing ---------------------------------------------------------------------------------------------------

    def _check_writable(self) -> None:
        if self._store.tree.read_only:
            self._store.ensure_writable()
        if self._read_only:
            raise ReadOnlyError(
                "cannot write to read-only store: the store was opened in read-only mode and does not support writing; "
                "take another one from the session, or use `with_read_only(False)`",
                kind="read-only-store",
            )

    @property
    def _writable(self) -> RawStore:
        """The raw store, for changes: they reach it in no other way, so that none forgets to ask."""
        self._check_writable()
        return self._store

    def set_sync(self, key: str, value: Buffer) -> None:
        """Store a value."""
        self._writable.write(key, self._bytes_of(value))

    async def set(self, key: str, value: Buffer) -> None:
        data = self._bytes_of(value)
        store = self._writable
        if self._answers_at_once:
            store.write(key, data)
        else:
            await run_in_thread(store.write, key, data)

    @staticmethod
    def _bytes_of(value: Buffer) -> memoryview:
        if not isinstance(value, Buffer):
            raise TypeError(
                f"IcechunkStore.set(): `value` must be a Buffer instance. Got an instance of {type(value)} instead."
            )
        return memoryview(value.as_numpy_array())

    async def set_if_not_exists(self, key: str, value: Buffer) -> None:
        data = self._bytes_of(value)
        await run_in_thread(self._writable.write_new, key, data)

    async def set_partial_values(self, key_start_values: Iterable[tuple[str, int, bytes]]) -> None:
        """Not to be had: a chunk is written whole."""
        self._check_writable()
        raise SessionStateError(
            "unimplemented: values cannot be written in part; write whole chunks", kind="unimplemented"
        )

    def delete_sync(self, key: str) -> None:
        """Delete a key; one that does not exist is no error."""
        self._writable.delete(key)

    async def delete(self, key: str) -> None:
        store = self._writable
        if self._answers_at_once:
            store.delete(key)
        else:
            await run_in_thread(store.delete, key)

    async def delete_dir(self, prefix: str) -> None:
        """Delete the node at ``prefix`` with all below it, or the chunks below it."""
        await run_in_thread(self._writable.delete_dir, prefix)

    async def clear(self) -> None:
        """Delete every node that the session sees."""
        await run_in_thread(self._writable.clear)

    def sync_clear(self) -> None:
        """Blocking form of ``clear``."""
        self._writable.clear()

    # ---- listing ---------------------------------------------------------------------------------------------------

    def list(self) -> AsyncIterator[str]:
        """Every key: all metadata documents and all chunks that exist."""
        return Listing(self._store.keys())

    def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """The keys of the node at ``prefix`` and of everything below it."""
        return Listing(self._store.keys(prefix))

    def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """The names one level below ``prefix``."""
        return Listing(self._store.names(prefix))

    async def is_empty(self, prefix: str) -> bool:
        return next(iter(self._store.names(prefix)), None) is None

    # ---- display and pickling --------------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        return dict(self.__dict__)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        activate_unless_chosen()

    def __display__(self) -> Parts:
        return _parts(self.read_only, self._store.tree.base_id, self._store.tree.branch)

    def __str__(self) -> str:
        return _text(self.read_only, self._store.tree.base_id, self._store.tree.branch)


def _parts(read_only: bool, base_id: SnapshotId, branch: str | None) -> Parts:
    return Parts("IcechunkStore", (("read_only", read_only), ("snapshot_id", format_id(base_id)), ("branch", branch)))


@lru_cache(maxsize=256)
def _text(read_only: bool, base_id: SnapshotId, branch: str | None) -> str:
    """Remembered, because zarr makes the text of a store for every node that it opens."""
    return structural_parts(_parts(read_only, base_id, branch))
