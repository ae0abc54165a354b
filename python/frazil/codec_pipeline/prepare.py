"""Deciding whether a batch is one for the extension, without reading or writing anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from zarr.core.array_spec import ArraySpec
from zarr.core.buffer import NDBuffer
from zarr.core.indexing import SelectorTuple
from zarr.storage import StorePath

from frazil._core import ChunkReader, ChunkSelection
from frazil.codec_pipeline.array_chunks import find_array
from frazil.codec_pipeline.chains import Chains, KindedChain
from frazil.codec_pipeline.memory import Memory, input_memory, output_memory
from frazil.codec_pipeline.tree_store import TreeStore
from frazil.format.records import NodeRecord
from frazil.working_tree import WorkingTree

BatchItem = tuple[Any, ArraySpec, SelectorTuple, SelectorTuple, bool]
"""Byte getter or setter, the chunk, the selection in it, the selection outside, and whether that is all of the chunk."""

_LIGHT_BYTES = 256 << 10
_LIGHT_PLAIN_BYTES = 1 << 20
"""Decoded bytes of a batch that take less time than handing it to another thread would make worthwhile."""


@dataclass(frozen=True, slots=True)
class Job:
    """A batch that the extension can do."""

    tree: WorkingTree
    node: NodeRecord
    reader: ChunkReader
    kinded: KindedChain
    selection: ChunkSelection
    memory: Memory

    @property
    def is_light(self) -> bool:
        """It may be done at once on an event loop, because it neither waits nor takes long."""
        context = self.tree.context
        limit = _LIGHT_PLAIN_BYTES if self.kinded.chain.is_plain else _LIGHT_BYTES
        return (
            context.objects.is_local
            and len(self.selection) * self.kinded.chain.nbytes <= limit
            and not context.config.virtual_chunk_containers
        )


def read_job(chains: Chains, batch: Sequence[BatchItem], out: NDBuffer, drop_axes: tuple[int, ...]) -> Job | None:
    """The job of reading ``batch`` into ``out``; None if that is for zarr to do."""
    tree = _tree_of(batch)
    if tree is None or drop_axes:
        return None
    kinded = chains.chain_for(batch[0][1])
    array: Any = out.as_ndarray_like()
    if kinded is None or type(array) is not np.ndarray or array.dtype != kinded.kind.dtype:
        return None
    memory = output_memory(array)
    return None if memory is None else _job(tree, batch, kinded, memory)


def write_job(chains: Chains, batch: Sequence[BatchItem], value: NDBuffer, drop_axes: tuple[int, ...]) -> Job | None:
    """The job of writing ``value`` to ``batch``; None if that is for zarr to do."""
    tree = _tree_of(batch)
    if tree is None or drop_axes or batch[0][0].store.read_only:
        return None
    spec, outer_selection = batch[0][1], batch[0][3]
    kinded = chains.chain_for(spec)
    array: Any = value.as_ndarray_like()
    if kinded is None or type(array) is not np.ndarray or not isinstance(outer_selection, tuple):
        return None
    if kinded.kind.equality is None and not spec.config.write_empty_chunks:
        return None
    dtype = kinded.kind.dtype
    if array.dtype != dtype:
        if array.dtype.newbyteorder("=") != dtype.newbyteorder("="):
            return None
        array = array.astype(dtype)
    job = _job(tree, batch, kinded, input_memory(array, len(outer_selection)))
    if job is None or job.node.array is None or not job.selection.is_inside(job.node.array.num_chunks):
        return None
    return job


def _tree_of(batch: Sequence[BatchItem]) -> WorkingTree | None:
    if not batch or type(batch[0][0]) is not StorePath:
        return None
    store = batch[0][0].store
    return store.direct_tree if isinstance(store, TreeStore) else None


def _job(tree: WorkingTree, batch: Sequence[BatchItem], kinded: KindedChain, memory: Memory) -> Job | None:
    getter, spec, *_ = batch[0]
    array = find_array(tree, getter.path, len(spec.shape))
    if array is None:
        return None
    selection = ChunkSelection.read(
        batch,
        StorePath,
        getter.store,
        array.prefix,
        array.separator,
        spec.shape,
        memory.shape,
        memory.strides,
    )
    if selection is None:
        return None
    return Job(tree, array.node, tree.chunk_reader(array.node), kinded, selection, memory)
