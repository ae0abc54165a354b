"""Deleting what is not kept: page by page, while the listing runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from frazil.errors import StorageError, error
from frazil.maintenance.listing import Mask, Page
from frazil.maintenance.read import require_positive

if TYPE_CHECKING:
    from frazil._core import ObjectStore

_THROTTLED: Final = ("slowdown", "slow down", "throttl", "too many requests", "429", "503")

Choice = Callable[[Page], Mask]
"""Tells for each object of a page whether something holds for it."""

Failures = dict[str, str]
"""Key and reason of what could not be deleted."""


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


def doomed(listed: Iterable[Page], is_old: Choice, is_kept: Choice) -> Iterator[Page]:
    """The objects that are old and not kept, a batch for each page of the listing.

    Batches are not filled up over pages: an object is to be deleted soon after its age was read, because a chunk that
    is named by its content may be written anew at any moment.
    """
    for page in listed:
        old = page.where(is_old(page))
        batch = old.where(~is_kept(old))
        if len(batch):
            yield batch


def count(batches: Iterable[Page]) -> Swept:
    """What a sweep of these objects would report if nothing failed."""
    swept = Swept()
    for batch in batches:
        swept.deleted += len(batch)
        swept.bytes += int(batch.sizes.sum())
    return swept


def sweep(objects: ObjectStore, prefix: str, batches: Iterable[Page], limits: SweepLimits) -> Swept:
    """Delete objects of one prefix, each batch as soon as the listing yields it.

    Single failures are counted.  Raises ``StorageError`` of kind ``gc-deletes-failing`` when as many batches in a row
    as the limit allows could not be deleted at all.
    """
    swept = Swept()
    in_a_row = 0
    for batch, failures in _deleted(objects, batches, limits.max_concurrent_deletes):
        swept.deleted += len(batch) - len(failures)
        swept.bytes += int(batch.sizes.sum())
        if not failures:
            in_a_row = 0
            continue
        swept.bytes -= sum(int(size) for key, size in zip(batch.object_keys(), batch.sizes, strict=True) if key in failures)
        swept.failed += len(failures)
        swept.throttled_batches += any(map(_is_throttling, failures.values()))
        swept.errors.append(_describe(len(batch), failures))
        in_a_row = in_a_row + 1 if len(failures) == len(batch) else 0
        if in_a_row >= limits.max_consecutive_delete_failures:
            raise error(
                "gc-deletes-failing", f"too many consecutive delete failures under {prefix}: {swept.errors[-1]}"
            )
    return swept


def _deleted(objects: ObjectStore, batches: Iterable[Page], concurrency: int) -> Iterator[tuple[Page, Failures]]:
    """Each batch and what failed in it, in order."""
    under_way: deque[tuple[Page, Future[Failures]]] = deque()
    with ThreadPoolExecutor(concurrency, thread_name_prefix="frazil-gc") as pool:
        for batch in batches:
            under_way.append((batch, pool.submit(_delete, objects, batch.object_keys())))
            if len(under_way) >= concurrency:
                first, failures = under_way.popleft()
                yield first, failures.result()
        for first, failures in under_way:
            yield first, failures.result()


def _delete(objects: ObjectStore, keys: Sequence[str]) -> Failures:
    try:
        return dict(objects.delete_many(keys))
    except StorageError as failure:
        return dict.fromkeys(keys, failure.message)


def _describe(size: int, failures: Failures) -> str:
    key, reason = next(iter(failures.items()))
    return f"{len(failures)} of {size} objects not deleted, the first was {key}: {reason}"


def _is_throttling(reason: str) -> bool:
    lowered = reason.lower()
    return any(sign in lowered for sign in _THROTTLED)
