from collections.abc import Sequence

import pytest

from frazil._core import ObjectStore, encode_id
from frazil.errors import StorageError, error
from frazil.maintenance.listing import Stored, stored
from frazil.maintenance.sweep import SweepLimits, count, sweep, unkept


def fill(objects: ObjectStore, amount: int) -> list[Stored]:
    for number in range(amount):
        objects.put(f"chunks/{encode_id(number.to_bytes(12, 'big'))}", bytes(number % 7))
    return list(stored(objects, "chunks"))


class Refusing:
    """An object store that refuses to delete some keys."""

    def __init__(self, objects: ObjectStore, refused: set[str], reason: str = "access denied") -> None:
        self._objects = objects
        self._refused = refused
        self._reason = reason

    def delete_many(self, keys: Sequence[str]) -> list[tuple[str, str]]:
        self._objects.delete_many([key for key in keys if key not in self._refused])
        return [(key, self._reason) for key in keys if key in self._refused]


class Broken:
    def delete_many(self, keys: Sequence[str]) -> list[tuple[str, str]]:
        raise error("object-store", "the connection was lost")


def in_batches(found: Sequence[Stored], size: int) -> list[Sequence[Stored]]:
    return [found[start : start + size] for start in range(0, len(found), size)]


@pytest.mark.parametrize("concurrency", [1, 3])
def test_everything_is_deleted_and_counted(concurrency):
    objects = ObjectStore.memory()
    found = fill(objects, 50)

    swept = sweep(objects, "chunks", in_batches(found, 7), SweepLimits(max_concurrent_deletes=concurrency))

    assert (swept.deleted, swept.bytes, swept.failed) == (50, sum(one.size for one in found), 0)
    assert list(objects.list("chunks")) == []


def test_a_dry_count_is_what_the_sweep_then_does():
    objects = ObjectStore.memory()
    found = fill(objects, 20)
    assert count(in_batches(found, 6)) == sweep(objects, "chunks", in_batches(found, 6), SweepLimits())


def test_single_failures_are_counted_and_named():
    objects = ObjectStore.memory()
    found = fill(objects, 10)
    refused = {found[3].key, found[4].key}

    swept = sweep(Refusing(objects, refused), "chunks", in_batches(found, 5), SweepLimits())  # type: ignore[arg-type]

    assert (swept.deleted, swept.failed, swept.throttled_batches) == (8, 2, 0)
    assert swept.bytes == sum(one.size for one in found if one.key not in refused)
    assert len(swept.errors) == 1
    assert swept.errors[0].startswith(f"2 of 5 objects not deleted, the first was {found[3].key}: access denied")
    assert {meta.key for meta in objects.list("chunks")} == refused


def test_batches_that_fail_entirely_one_after_the_other_end_the_sweep():
    found = fill(ObjectStore.memory(), 10)
    limits = SweepLimits(max_consecutive_delete_failures=3, max_concurrent_deletes=1)
    with pytest.raises(StorageError, match="too many consecutive delete failures under chunks") as raised:
        sweep(Broken(), "chunks", in_batches(found, 1), limits)  # type: ignore[arg-type]
    assert raised.value.kind == "gc-deletes-failing"


def test_a_batch_that_succeeds_in_part_starts_the_count_anew():
    objects = ObjectStore.memory()
    found = fill(objects, 10)
    refused = {one.key for number, one in enumerate(found) if number % 2}
    limits = SweepLimits(max_consecutive_delete_failures=2, max_concurrent_deletes=1)

    swept = sweep(Refusing(objects, refused), "chunks", in_batches(found, 1), limits)  # type: ignore[arg-type]

    assert (swept.deleted, swept.failed) == (5, 5)


def test_batches_in_which_the_store_asks_to_slow_down_are_counted():
    objects = ObjectStore.memory()
    found = fill(objects, 4)
    refusing = Refusing(objects, {found[0].key, found[1].key}, "503 SlowDown: please reduce your request rate")
    swept = sweep(refusing, "chunks", in_batches(found, 2), SweepLimits())  # type: ignore[arg-type]
    assert swept.throttled_batches == 1


def test_only_what_is_old_and_not_kept_is_doomed():
    found = fill(ObjectStore.memory(), 2500)
    kept = {one.id for number, one in enumerate(found) if number % 3 == 0}
    young = {one.id for number, one in enumerate(found) if number % 5 == 0}

    batches = list(unkept(found, lambda batch: [one.id in kept for one in batch], lambda one: one.id not in young))

    assert [one for batch in batches for one in batch] == [
        one for one in found if one.id not in kept and one.id not in young
    ]
    assert max(map(len, batches)) <= 1000


def test_a_batch_is_ready_as_soon_as_its_page_of_the_listing_is():
    listed = 0

    def listing():
        nonlocal listed
        for one in fill(ObjectStore.memory(), 3000):
            listed += 1
            yield one

    batches = unkept(listing(), lambda batch: [number > 0 for number, _ in enumerate(batch)], lambda _: True)

    assert len(next(iter(batches))) == 1
    assert listed == 1000


@pytest.mark.parametrize(
    "name", ["max_concurrent_deletes", "max_consecutive_delete_failures", "max_concurrent_listings"]
)
def test_a_limit_of_zero_is_refused(name):
    with pytest.raises(ValueError, match="invalid zero value"):
        SweepLimits(**{name: 0})
