import os
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from frazil._core import Latency, ObjectStore, encode_id
from frazil.errors import StorageError, error
from frazil.maintenance.reachability.listing import Page, pages
from frazil.maintenance.sweep import SweepLimits, count, doomed, sweep


def fill(objects: ObjectStore, amount: int) -> list[Page]:
    """Objects of one kind, in batches of seven."""
    objects.put_many(
        [(f"chunks/{encode_id(number.to_bytes(12, 'big'))}", bytes(number % 5)) for number in range(amount)]
    )
    return [batch for page in pages(objects, "chunks") for batch in in_batches(page, 7)]


def in_batches(page: Page, size: int) -> Iterator[Page]:
    for start in range(0, len(page), size):
        yield page.where((np.arange(len(page)) >= start) & (np.arange(len(page)) < start + size))


def total(batches: Sequence[Page]) -> int:
    return sum(int(batch.sizes.sum()) for batch in batches)


class Refusing:
    """An object store that refuses to delete some keys."""

    is_local = True

    def __init__(self, objects: ObjectStore, refused: set[str], reason: str = "access denied") -> None:
        self._objects = objects
        self._refused = refused
        self._reason = reason

    def delete_many(self, keys: Sequence[str]) -> list[tuple[str, str]]:
        self._objects.delete_many([key for key in keys if key not in self._refused])
        return [(key, self._reason) for key in keys if key in self._refused]


class Broken:
    is_local = False

    def delete_many(self, keys: Sequence[str]) -> list[tuple[str, str]]:
        raise error("object-store", "the connection was lost")


@pytest.mark.parametrize("concurrency", [1, 3])
def test_everything_is_deleted_and_counted(concurrency):
    objects = ObjectStore.memory()
    batches = fill(objects, 50)

    swept = sweep(objects, "chunks", batches, SweepLimits(max_concurrent_deletes=concurrency))

    assert (swept.deleted, swept.bytes, swept.failed) == (50, total(batches), 0)
    assert list(objects.list("chunks")) == []


def test_a_dry_count_is_what_the_sweep_then_does():
    objects = ObjectStore.memory()
    batches = fill(objects, 20)
    assert count(batches) == sweep(objects, "chunks", batches, SweepLimits())


def test_single_failures_are_counted_and_named():
    objects = ObjectStore.memory()
    batches = fill(objects, 14)
    first, second = batches[1].object_keys()[3:5]
    lost = int(batches[1].sizes[3:5].sum())

    swept = sweep(Refusing(objects, {first, second}), "chunks", batches, SweepLimits())  # type: ignore[arg-type]

    assert (swept.deleted, swept.failed, swept.throttled_batches) == (12, 2, 0)
    assert swept.bytes == total(batches) - lost
    assert swept.errors == [f"2 of 7 objects not deleted, the first was {first}: access denied"]
    assert {meta.key for meta in objects.list("chunks")} == {first, second}


def test_batches_that_fail_entirely_one_after_the_other_end_the_sweep():
    batches = fill(ObjectStore.memory(), 70)
    limits = SweepLimits(max_consecutive_delete_failures=3, max_concurrent_deletes=1)
    with pytest.raises(StorageError, match="too many consecutive delete failures under chunks") as raised:
        sweep(Broken(), "chunks", batches, limits)  # type: ignore[arg-type]
    assert raised.value.kind == "gc-deletes-failing"


def test_a_batch_that_succeeds_in_part_starts_the_count_anew():
    objects = ObjectStore.memory()
    batches = fill(objects, 70)
    refused = {key for number, batch in enumerate(batches) for key in batch.object_keys()[: 7 if number % 2 else 3]}
    limits = SweepLimits(max_consecutive_delete_failures=2, max_concurrent_deletes=1)

    swept = sweep(Refusing(objects, refused), "chunks", batches, limits)  # type: ignore[arg-type]

    assert (swept.deleted, swept.failed) == (20, 50)


def test_batches_in_which_the_store_asks_to_slow_down_are_counted():
    objects = ObjectStore.memory()
    batches = fill(objects, 14)
    refused = set(batches[0].object_keys()[:2])
    refusing = Refusing(objects, refused, "503 SlowDown: please reduce your request rate")
    assert sweep(refusing, "chunks", batches, SweepLimits()).throttled_batches == 1  # type: ignore[arg-type]


def test_what_was_written_since_it_was_listed_is_spared_if_that_is_looked_at(tmp_path):
    for look_again in (False, True):
        objects = ObjectStore.local(tmp_path / str(look_again))
        batches = fill(objects, 14)
        for file in (tmp_path / str(look_again)).rglob("*"):
            os.utime(file, (1_000_000_000, 1_000_000_000))
        batches = [batch for page in pages(objects, "chunks") for batch in in_batches(page, 7)]
        again = batches[1].object_keys()[2]
        objects.put(again, b"written anew")

        swept = sweep(objects, "chunks", batches, SweepLimits(), look_again=look_again)

        assert swept.failed == 0
        assert swept.deleted == (13 if look_again else 14)
        assert swept.bytes == total(batches) - (int(batches[1].sizes[2]) if look_again else 0)
        assert [meta.key for meta in objects.list("chunks")] == ([again] if look_again else [])


@pytest.mark.parametrize("store", ["memory", "local", "delayed"])
def test_every_store_deletes_only_what_is_unchanged(tmp_path, store):
    objects = ObjectStore.local(tmp_path) if store == "local" else ObjectStore.memory()
    if store == "delayed":
        objects = objects.with_latency(Latency())
    objects.put_many([("a", b"1"), ("b", b"2"), ("c", b"3")])
    seen = {meta.key: meta.last_modified for meta in objects.list()}

    outcome = objects.delete_unchanged([("a", seen["a"]), ("b", seen["b"] - 1), ("missing", 1)])

    assert outcome == ([], ["b"])
    assert sorted(meta.key for meta in objects.list()) == ["b", "c"]


def test_only_what_is_old_and_not_kept_is_doomed():
    objects = ObjectStore.memory()
    fill(objects, 2500)

    def number_of(page: Page):
        return np.array([int.from_bytes(known, "big") for known in page.raw_ids()])

    batches = doomed(
        pages(objects, "chunks"),
        is_old=lambda page: number_of(page) % 5 != 0,
        is_kept=lambda page: number_of(page) % 3 == 0,
    )

    found = {int(number) for batch in batches for number in number_of(batch)}
    assert found == {number for number in range(2500) if number % 5 and number % 3}


def test_a_batch_is_ready_as_soon_as_its_page_of_the_listing_is():
    objects = ObjectStore.memory()
    fill(objects, 3000)
    listed = []

    def listing():
        for page in pages(objects, "chunks"):
            listed.append(page)
            yield page

    batches = doomed(
        listing(),
        is_old=lambda page: np.ones(len(page), np.bool_),
        is_kept=lambda page: np.arange(len(page)) > 0,
    )

    assert len(next(batches)) == 1
    assert len(listed) == 1


@pytest.mark.parametrize(
    "name", ["max_concurrent_deletes", "max_consecutive_delete_failures", "max_concurrent_listings"]
)
def test_a_limit_of_zero_is_refused(name):
    with pytest.raises(ValueError, match="invalid zero value"):
        SweepLimits(**{name: 0})
