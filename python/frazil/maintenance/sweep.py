"""Deleting what is not kept: in batches, while the listing runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final

from frazil.errors import StorageError, error
from frazil.maintenance.listing import Stored
from frazil.maintenance.read import require_positive

if TYPE_CHECKING:
    from frazil._core import ObjectStore

_PAGE: Final = 1000
_THROTTLED: Final = ("slowdown", "slow down", "throttl", "too many requests", "429", "503")

Failures = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class SweepLimits:
    """How deletions may go about it.

    ``max_concurrent_listings`` is None for the default; one listing at a time is made, whatever it allows.
    """

    max_concurrent_deletes: int = 10
    max_consecutive_delete_failures: int = 50
    max_concurrent_listings: int | None = None

    def __post_init__(self) -> None:
        require_positive(self)


@dataclass(slots=True)
class Swept:
    """What happened to the objects of one kind."""

    deleted: int = 0
    bytes: int = 0
    failed: int = 0
    throttled_batches: int = 0
    errors: list[str] = field(default_factory=list)


Batches = Iterable[Sequence[Stored]]
Keep = Callable[[Sequence[Stored]], Iterable[bool]]
"""Tells for each of several objects whether it is kept."""


def unkept(listed: Iterable[Stored], keep: Keep, is_old: Callable[[Stored], bool]) -> Iterator[Sequence[Stored]]:
    """The objects that are old and not kept, a batch for each page of the listing.

    Batches are not filled up over pages: an object is to be deleted soon after its age was read, because a chunk that
    is named by its content may be written anew at any moment.
    """
    source = iter(listed)
    while page := list(islice(source, _PAGE)):
        old = [found for found in page if is_old(found)]
        doomed = [found for found, kept in zip(old, keep(old), strict=True) if not kept]
        if doomed:
            yield doomed


def count(batches: Batches) -> Swept:
    """What a sweep of these objects would report if nothing failed."""
    swept = Swept()
    for batch in batches:
        swept.deleted += len(batch)
        swept.bytes += sum(found.size for found in batch)
    return swept


def sweep(objects: ObjectStore, prefix: str, batches: Batches, limits: SweepLimits) -> Swept:
    """Delete objects of one prefix, each batch as soon as the listing yields it.

    Single failures are counted.  Raises ``StorageError`` of kind ``gc-deletes-failing`` when as many batches in a row
    as the limit allows could not be deleted at all.
    """
    swept = Swept()
    in_a_row = 0
    for batch, failures in _deleted(objects, batches, limits.max_concurrent_deletes):
        refused = {key for key, _ in failures}
        gone = [found for found in batch if found.key not in refused]
        swept.deleted += len(gone)
        swept.bytes += sum(found.size for found in gone)
        if not failures:
            in_a_row = 0
            continue
        swept.failed += len(refused)
        swept.throttled_batches += any(_is_throttling(reason) for _, reason in failures)
        swept.errors.append(_describe(batch, failures))
        in_a_row = 0 if gone else in_a_row + 1
        if in_a_row >= limits.max_consecutive_delete_failures:
            raise error(
                "gc-deletes-failing", f"too many consecutive delete failures under {prefix}: {swept.errors[-1]}"
            )
    return swept


def _deleted(objects: ObjectStore, batches: Batches, concurrency: int) -> Iterator[tuple[Sequence[Stored], Failures]]:
    """Each batch and what failed in it, in order."""
    under_way: deque[tuple[Sequence[Stored], Future[Failures]]] = deque()
    with ThreadPoolExecutor(concurrency, thread_name_prefix="frazil-gc") as pool:
        for batch in batches:
            under_way.append((batch, pool.submit(_delete, objects, batch)))
            if len(under_way) >= concurrency:
                first, failures = under_way.popleft()
                yield first, failures.result()
        for first, failures in under_way:
            yield first, failures.result()


def _delete(objects: ObjectStore, batch: Sequence[Stored]) -> Failures:
    names = [found.key for found in batch]
    try:
        return objects.delete_many(names)
    except StorageError as failure:
        return [(name, failure.message) for name in names]


def _describe(batch: Sequence[Stored], failures: Failures) -> str:
    key, reason = failures[0]
    return f"{len(failures)} of {len(batch)} objects not deleted, the first was {key}: {reason}"


def _is_throttling(reason: str) -> bool:
    lowered = reason.lower()
    return any(sign in lowered for sign in _THROTTLED)
