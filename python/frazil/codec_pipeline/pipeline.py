"""The codec pipeline class that zarr is configured with."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from zarr.core.buffer import NDBuffer
from zarr.registry import register_pipeline

from frazil.codec_pipeline.chains import Chains
from frazil.codec_pipeline.packing import packs_chunks
from frazil.codec_pipeline.prepare import BatchItem, Job, read_job, write_job
from frazil.codec_pipeline.virtual_chunks import fetcher
from frazil.codec_pipeline.zarr_default import default_pipeline_class
from frazil.concurrency.offload import run_in_thread
from frazil.errors import operation
from frazil.format.ids import ChunkId

# Any, because the signatures of zarr 3.1 and 3.4 differ.
_ZarrDefault: Any = default_pipeline_class()

_PRESENT = {"status": "present"}
_MISSING = {"status": "missing"}


class FrazilCodecPipeline(_ZarrDefault):  # type: ignore[misc]
    """zarr's default pipeline, with a short way for chunks of Frazil's stores.

    A batch whose chunks are in one array of a Frazil store, whose codecs are zarr's own for elements of a fixed size, and
    whose selection is made of slices and integers, is done by one call of the extension, on several threads.  Everything
    else, other stores included, is done by zarr's default pipeline, which this is a subclass of.
    """

    @cached_property
    def _chains(self) -> Chains:
        return Chains(self)

    async def read(
        self, batch_info: Iterable[BatchItem], out: NDBuffer, drop_axes: tuple[int, ...] = ()
    ) -> tuple[Any, ...]:
        """Read chunks into ``out``; whether each of them is present or missing (zarr 3.4 asks)."""
        batch = list(batch_info)
        job = read_job(self._chains, batch, out, drop_axes)
        if job is None:
            statuses: tuple[Any, ...] = await super().read(batch, out, drop_axes)
            return statuses
        return _read(job) if job.is_light else await run_in_thread(_read, job)

    async def write(self, batch_info: Iterable[BatchItem], value: NDBuffer, drop_axes: tuple[int, ...] = ()) -> None:
        """Write ``value`` to chunks."""
        batch = list(batch_info)
        job = write_job(self._chains, batch, value, drop_axes)
        if job is None:
            await super().write(batch, value, drop_axes)
            return
        keep_empty = batch[0][1].config.write_empty_chunks
        if job.is_light:
            _write(job, keep_empty=keep_empty)
        else:
            await run_in_thread(_write, job, keep_empty=keep_empty)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_chains"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


FrazilCodecPipeline.__module__ = "frazil.codec_pipeline"
register_pipeline(FrazilCodecPipeline)


def _read(job: Job) -> tuple[dict[str, str], ...]:
    with operation("get_chunks", path=job.node.path):
        missing = job.kinded.chain.read(
            job.node.path, job.reader, job.selection, job.memory.data, job.memory.c_shape, fetcher(job.tree.context)
        )
    if not missing:
        return (_PRESENT,) * len(job.selection)
    found = [_PRESENT] * len(job.selection)
    for number in missing:
        found[number] = _MISSING
    return tuple(found)


def _write(job: Job, *, keep_empty: bool) -> None:
    tree, context = job.tree, job.tree.context
    settings = context.config.effective_storage()
    with operation("set_chunks", path=job.node.path):
        tree.ensure_editable()
        changes = job.kinded.chain.write(
            job.node.path,
            job.reader,
            job.selection,
            job.memory.data,
            fetcher(context),
            keep_empty=keep_empty,
            inline_limit=context.config.effective_inline_threshold(),
            ids=None if context.content_ids else b"".join([context.ids.chunk_id() for _ in range(len(job.selection))]),
            packs=packs_chunks(),
            storage_class=settings.chunks_storage_class or settings.storage_class,
        )
        with tree.lock:
            changes.record_in(tree.table_of(job.node))
            if context.content_ids:
                for chunk_id in changes.chunk_ids:
                    tree.note_upload(ChunkId(chunk_id))
