"""Fetching many virtual chunks at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from frazil._core import Buffer, ChunkRef
from frazil.open_repository.context import RepositoryContext
from frazil.virtual.reading import read_virtual

_MOST_THREADS = 32
"""They wait for storage most of the time."""


def fetcher(context: RepositoryContext) -> Callable[[Sequence[ChunkRef], Sequence[str]], list[Buffer]]:
    """A function from references, and what requests for each of them say of it, to their bytes, in order."""

    def read(reference: ChunkRef, label: str) -> Buffer:
        return read_virtual(context, reference, lambda: label)

    def fetch(references: Sequence[ChunkRef], labels: Sequence[str]) -> list[Buffer]:
        if len(references) == 1:
            return [read(references[0], labels[0])]
        threads = min(_MOST_THREADS, len(references), context.config.effective_max_concurrent_requests())
        with ThreadPoolExecutor(threads, thread_name_prefix="frazil-virtual") as pool:
            return list(pool.map(read, references, labels))

    return fetch
