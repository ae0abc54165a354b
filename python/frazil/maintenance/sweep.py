"""Deleting what is not kept: page by page, while the listing runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from frazil.errors import StorageError, error
from frazil.maintenance.reachability.listing import Mask, Page
from frazil.maintenance.reachability.read import require_positive

if TYPE_CHECKING:
    from frazil._core import ObjectStore

_THROTTLED: Final = ("slowdown", "slow down", "throttl", "too many requests", "429", "503")

Choice = Callable[[Page], Mask]
"""Tells for each object of a page whether something holds for it."""


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

    Batches are not filled up over pages, so that an object is deleted soon after its age was read.
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


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What of a batch was not deleted: the reason of each failure by key, and the objects that were written anew."""

    failures: dict[str, str]
    spared: frozenset[str] = frozenset()


def sweep(
    objects: ObjectStore, prefix: str, batches: Iterable[Page], limits: SweepLimits, *, look_again: bool = False
) -> Swept:
    """Delete objects of one prefix, each batch as soon as the listing yields it.

    ``look_again`` looks each object up right before, and spares it if it was written since it was listed.

    Single failures are counted.  Raises ``StorageError`` of kind ``gc-deletes-failing`` when as many batches in a row
    as the limit allows could not be deleted at all.
    """
    swept = Swept()
    in_a_row = 0
    delete = partial(_delete_unchanged if look_again else _delete, objects)
    # Removals from one directory wait for each other in the kernel; more threads than one only take turns at its lock.
    workers = 1 if objects.is_local else limits.max_concurrent_deletes
    for batch, outcome in _deleted(delete, batches, workers):
        failures = outcome.failures
        swept.deleted += len(batch) - len(failures) - len(outcome.spared)
        swept.bytes += int(batch.sizes.sum()) - _bytes_of(batch, outcome)
        if not failures:
            in_a_row = 0
            continue
        swept.failed += len(failures)
        swept.throttled_batches += any(map(_is_throttling, failures.values()))
        swept.errors.append(_describe(len(batch), failures))
        in_a_row = in_a_row + 1 if len(failures) == len(batch) else 0
        if in_a_row >= limits.max_consecutive_delete_failures:
            raise error(
                "gc-deletes-failing", f"too many consecutive delete failures under {prefix}: {swept.errors[-1]}"
            )
    return swept


def _bytes_of(batch: Page, outcome: _Outcome) -> int:
    """The size of what was not deleted."""
    if not (outcome.failures or outcome.spared):
        return 0
    left = outcome.failures.keys() | outcome.spared
    return sum(int(size) for key, size in zip(batch.object_keys(), batch.sizes, strict=True) if key in left)


def _deleted(
    delete: Callable[[Page], _Outcome], batches: Iterable[Page], workers: int
) -> Iterator[tuple[Page, _Outcome]]:
    """Each batch and what came of it, in order; one more than can be worked on waits, so that listing goes on."""
    under_way: deque[tuple[Page, Future[_Outcome]]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="frazil-gc") as pool:
        for batch in batches:
            under_way.append((batch, pool.submit(delete, batch)))
            if len(under_way) > workers:
                first, outcome = under_way.popleft()
                yield first, outcome.result()
        for first, outcome in under_way:
            yield first, outcome.result()


def _delete(objects: ObjectStore, batch: Page) -> _Outcome:
    keys = batch.object_keys()
    try:
        return _Outcome(dict(objects.delete_many(keys)))
    except StorageError as failure:
        return _Outcome(dict.fromkeys(keys, failure.message))


def _delete_unchanged(objects: ObjectStore, batch: Page) -> _Outcome:
    keys = batch.object_keys()
    try:
        failures, changed = objects.delete_unchanged(list(zip(keys, batch.last_modified.tolist(), strict=True)))
    except StorageError as failure:
        return _Outcome(dict.fromkeys(keys, failure.message))
    return _Outcome(dict(failures), frozenset(changed))


def _describe(size: int, failures: Mapping[str, str]) -> str:
    key, reason = next(iter(failures.items()))
    return f"{len(failures)} of {size} objects not deleted, the first was {key}: {reason}"


def _is_throttling(reason: str) -> bool:
    lowered = reason.lower()
    return any(sign in lowered for sign in _THROTTLED)
