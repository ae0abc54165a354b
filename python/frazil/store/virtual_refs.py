"""The part of the Zarr store that deals in virtual chunks: references to bytes outside the repository."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import compress
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from frazil._core import LocationColumn
from frazil.concurrency.offload import AsyncCloseableIterator, in_thread
from frazil.config.fields import boolean, integer
from frazil.errors import SessionStateError, operation
from frazil.format import node_path
from frazil.format.records import NodeRecord
from frazil.store.zarr_keys import ChunkKey, MetadataKey, V2Key
from frazil.virtual import columns as _columns
from frazil.virtual.checking import LocationCheck
from frazil.virtual.columns import Checksum, Coordinates, ReferenceColumns, Sizes
from frazil.virtual.containers import VirtualChunkSpec
from frazil.virtual.locations import is_relative
from frazil.working_tree import WorkingTree, array_of

if TYPE_CHECKING:
    from frazil.store.raw import RawStore

ChunkBatch: TypeAlias = tuple[Coordinates, npt.NDArray[np.uint8], list[str], Sizes, Sizes, dict[int, bytes]]
"""Coordinates (n, rank), kinds (``ChunkType``), paths, offsets, lengths, and the bytes of inline chunks by row."""

_VIRTUAL: Final = 2
_BATCH: Final = 100_000


class VirtualRefs(ABC):
    """Setting and listing references, for ``IcechunkStore``."""

    _store: RawStore

    @property
    @abstractmethod
    def _writable(self) -> RawStore:
        """The raw store, for changes; ``ReadOnlyError`` if there may be none."""

    def set_virtual_ref(
        self,
        key: str,
        location: str,
        *,
        offset: int,
        length: int,
        checksum: str | datetime | None = None,
        validate_container: bool = True,
    ) -> None:
        """Make a chunk a reference to part of an object outside the repository.

        Parameters
        ----------
        key
            Key of the chunk in the store: ``<array>/c/<i>/<j>``.
        location
            URL of the object, or ``vcc://<container>/<path>``.
        offset, length
            The part of the object, in bytes.
        checksum
            Reading fails if the object has another ETag than this, or was modified after this time, of which only whole
            seconds are kept: for a file that was just written, give the next one.
        validate_container
            Whether a container of the configuration must match the location.

        Raises
        ------
        InvalidInputError
            ``no-container-for-virtual-chunk``, ``invalid-virtual-ref``, ``invalid-chunk-index`` or
            ``zero-length-chunk``.
        """
        with operation("set_virtual_ref", key=key):
            tree = _editable(self._writable)
            node, coords = _chunk_of(self._store, key)
            row = _columns.row(coords, location, offset, length)
            row.check(node.path, array_of(node).num_chunks)
            stored = _check(tree, validate=validate_container).one(location)
            _set(tree, node, row.with_locations(LocationColumn([stored])), Checksum.parse(checksum))

    def set_virtual_refs(
        self, array_path: str, chunks: list[VirtualChunkSpec], *, validate_containers: bool = True
    ) -> list[tuple[int, ...]] | None:
        """Set many references of one array.

        Returns
        -------
        None if all were set, else the indices of the chunks that no container serves; the others are set.
        """
        with operation("set_virtual_refs", array_path=array_path):
            tree = _editable(self._writable)
            node = tree.existing_array(node_path.from_relative(array_path))
            runs = _columns.from_specs(chunks, len(array_of(node).shape))
            return _set_all(tree, node, list(runs), validate=validate_containers)

    def set_virtual_refs_arr(
        self,
        array_path: str,
        chunk_grid_shape: tuple[int, ...],
        locations: list[str],
        offsets: np.ndarray[Any, np.dtype[np.uint64]],
        lengths: np.ndarray[Any, np.dtype[np.uint64]],
        *,
        validate_containers: bool = True,
        arr_offset: tuple[int, ...] | None = None,
        checksum: datetime | str | None = None,
    ) -> list[tuple[int, ...]] | None:
        """Set the references of a block of an array's chunk grid, given by column in row-major order.

        Parameters
        ----------
        array_path
            Path of the array, with or without a leading slash.
        chunk_grid_shape
            Chunks along each dimension of the block.
        locations
            URLs; an empty one leaves the chunk as it is.  Arrow and NumPy columns of strings are taken too.
        offsets, lengths
            Contiguous arrays of uint64, or Arrow columns of integers.
        validate_containers
            Whether a container of the configuration must match each location.
        arr_offset
            First chunk of the block, per dimension.
        checksum
            As for ``set_virtual_ref``, for all of them.

        Returns
        -------
        None if all were set, else the indices of the chunks that no container serves; the others are set.
        """
        with operation("set_virtual_refs_arr", array_path=array_path):
            tree = _editable(self._writable)
            columns = _columns.from_arrays(chunk_grid_shape, locations, offsets, lengths, arr_offset)
            parsed = Checksum.parse(checksum)
            node = tree.existing_array(node_path.from_relative(array_path))
            fitting = columns.of_rank(len(array_of(node).shape))
            return _set_all(tree, node, [(fitting, parsed)], validate=validate_containers)

    set_virtual_ref_async = in_thread(set_virtual_ref)
    set_virtual_refs_async = in_thread(set_virtual_refs)
    set_virtual_refs_arr_async = in_thread(set_virtual_refs_arr)

    def array_chunk_iterator(self, array_path: str, batch_size: int = _BATCH) -> AsyncCloseableIterator[ChunkBatch]:
        """Every chunk of an array that exists, uncommitted ones included, by column and in batches.

        Parameters
        ----------
        array_path
            Path of the array; there is nothing to iterate over if it does not exist.
        batch_size
            Rows of a batch, at most.

        Returns
        -------
        An iterator for both ``for`` and ``async for`` over tuples of coordinates (uint32, one row a chunk), kinds
        (uint8, the values of ``ChunkType``), paths (URLs of virtual chunks, ids of native ones, ``""`` for inline
        ones), offsets and lengths in bytes (uint64), and the bytes of inline chunks by row.
        """
        rows = integer("batch_size", batch_size, 1, 2**64 - 1)
        tree = self._store.tree
        node = tree.node(node_path.from_relative(array_path))
        batches = _batches(tree, node, rows) if node is not None and node.is_array else iter(())
        return AsyncCloseableIterator(batches, max_page=1)


def all_virtual_chunk_locations(tree: WorkingTree) -> list[str]:
    """The absolute location of every virtual chunk that a session sees, duplicates kept, in no particular order."""
    found: list[str] = []
    for node in tree.nodes():
        if node.is_array:
            for _, kinds, paths, _, _, _ in _batches(tree, node, _BATCH):
                found.extend(compress(paths, kinds == _VIRTUAL))
    return found


# ---- writing -----------------------------------------------------------------------------------------------------------


def _editable(store: RawStore) -> WorkingTree:
    store.tree.ensure_editable()
    return store.tree


def _chunk_of(store: RawStore, key: str) -> tuple[NodeRecord, tuple[int, ...]]:
    parsed = store.parse(key)
    if isinstance(parsed, MetadataKey | V2Key):
        raise SessionStateError(
            f"this operation is not allowed: use .set to modify metadata for key {key}", kind="not-allowed"
        )
    if isinstance(parsed, ChunkKey):
        counts = array_of(parsed.node).num_chunks
        return parsed.node, parsed.coords if parsed.coords is not None else (0,) * (len(counts) + 1)
    return store.tree.existing_array(parsed.path), ()


def _check(tree: WorkingTree, *, validate: bool) -> LocationCheck:
    context = tree.context
    validate = boolean("validate_container", validate)
    return LocationCheck(context.virtual.sources, validate=validate, keep_names=context.spec_version > 1)


def _set_all(
    tree: WorkingTree, node: NodeRecord, runs: Sequence[tuple[ReferenceColumns, Checksum]], *, validate: bool
) -> list[tuple[int, ...]] | None:
    """Set what is in order, and return the coordinates of what no container serves; an error sets nothing."""
    check = _check(tree, validate=validate)
    ready: list[tuple[ReferenceColumns, Checksum]] = []
    unserved: list[tuple[int, ...]] = []
    for given, checksum in runs:
        given.check(node.path, array_of(node).num_chunks)
        stored, failing = check.many(given.locations)
        columns = given.with_locations(stored)
        if failing:
            unserved.extend(map(columns.coords_of, failing))
            columns = columns.without(failing)
        ready.append((columns, checksum))
    with tree.lock:
        for columns, checksum in ready:
            _set(tree, node, columns, checksum)
    return unserved or None


def _set(tree: WorkingTree, node: NodeRecord, columns: ReferenceColumns, checksum: Checksum) -> None:
    with tree.lock:  # a commit that came between would leave the references in a table that is no longer anybody's
        tree.table_of(node).set_virtual_columns(
            columns.coords,
            columns.locations,
            columns.offsets,
            columns.lengths,
            etag=checksum.etag,
            last_modified=checksum.last_modified,
        )


# ---- reading -----------------------------------------------------------------------------------------------------------


def _batches(tree: WorkingTree, node: NodeRecord, size: int) -> Iterator[ChunkBatch]:
    reader = tree.chunk_reader(node)
    rank = len(array_of(node).shape)
    start = 0
    while True:
        coords, kinds, paths, offsets, lengths, inline = reader.columns(start, start + size)
        count = len(kinds)
        if count == 0:
            return
        yield (
            np.frombuffer(bytearray(coords), dtype=np.uint32).reshape(count, rank),
            np.frombuffer(bytearray(kinds), dtype=np.uint8),
            _absolute(tree, paths),
            np.frombuffer(bytearray(offsets), dtype=np.uint64),
            np.frombuffer(bytearray(lengths), dtype=np.uint64),
            {row: bytes(data) for row, data in inline.items()},
        )
        start += count


def _absolute(tree: WorkingTree, paths: list[str]) -> list[str]:
    """The paths with the names of containers replaced; a name that is not known is left."""
    url_if_known = tree.context.virtual.sources.url_if_known
    urls = {path: url_if_known(path) for path in set(paths) if is_relative(path)}
    return [urls.get(path, path) for path in paths] if urls else paths
