"""Fetching many virtual chunks at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from frazil._core import Buffer, ChunkRef
from frazil.context import RepositoryContext
from frazil.virtual.reading import read_virtual

_MOST_THREADS = 32
"""They wait for storage most of the time."""


def fetcher(context: RepositoryContext) -> Callable[[Sequence[ChunkRef]], list[Buffer]]:
    """A function from references to their bytes, in order."""

    def fetch(references: Sequence[ChunkRef]) -> list[Buffer]:
        if len(references) == 1:
            return [read_virtual(context, references[0])]
        threads = min(_MOST_THREADS, len(references), context.config.effective_max_concurrent_requests())
        with ThreadPoolExecutor(threads, thread_name_prefix="frazil-virtual") as pool:
            return list(pool.map(lambda reference: read_virtual(context, reference), references))

    return fetch
