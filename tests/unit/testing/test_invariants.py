"""Assertions that can fail."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import zarr

import frazil
from frazil import SnapshotInfo
from frazil.testing.invariants import (
    assert_ancestry_invariants,
    assert_list_dir_equal,
    assert_moves_sorted_by_final_path,
    compare_list_dir,
)
from frazil.testing.models import ModelStore

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
INITIAL = "1CECHNKREP0F1RSTCMT0"


def snapshot(id: str, parent: str | None, second: int) -> SnapshotInfo:
    return SnapshotInfo(id, parent, BEGIN + timedelta(seconds=second), "message", {})


HISTORY = [snapshot("C", "B", 3), snapshot("B", INITIAL, 2), snapshot(INITIAL, None, 1)]


def test_a_history_as_it_should_be():
    assert_ancestry_invariants(HISTORY)
    assert_ancestry_invariants(HISTORY, {"B", "C", "D", INITIAL})
    assert_ancestry_invariants([snapshot("X", None, 1)], must_contain_initial=False)
    repo = frazil.Repository.create(frazil.in_memory_storage())
    with repo.transaction("main", message="one") as store:
        zarr.create_group(store)
    assert_ancestry_invariants(list(repo.ancestry(branch="main")))


@pytest.mark.parametrize(
    ("history", "message"),
    [
        ([], "at least one"),
        (HISTORY[:2], "has a parent"),
        ([HISTORY[0], HISTORY[0], *HISTORY[1:]], "comes twice"),
        ([HISTORY[0], HISTORY[2]], "but .* follows"),
        ([snapshot("C", "B", 2), *HISTORY[1:]], "not younger"),
        ([snapshot("X", None, 1)], "not at the first snapshot"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_histories_that_cannot_be(history, message):
    with pytest.raises(AssertionError, match=message):
        assert_ancestry_invariants(history)


def test_unknown_snapshots():
    with pytest.raises(AssertionError, match=r"unknown snapshots: \{'C'\}"):
        assert_ancestry_invariants(HISTORY, {"B", INITIAL})


def test_the_order_of_moves():
    assert_moves_sorted_by_final_path([("/x", "/a"), ("/x/b", "/a/b"), ("/y", "/a-b")])
    with pytest.raises(AssertionError, match="not in the order"):
        assert_moves_sorted_by_final_path([("/y", "/a-b"), ("/x/b", "/a/b")])


def test_listings():
    assert_list_dir_equal("a", ["zarr.json"], ["c", "zarr.json"])
    assert_list_dir_equal("a", ["b", "a"], ["a", "b"])
    with pytest.raises(AssertionError, match=r"list_dir\('a'\)"):
        assert_list_dir_equal("a", ["b"], ["b", "d"])


def test_listings_of_stores():
    model, store = ModelStore(), frazil.Repository.create(frazil.in_memory_storage()).writable_session("main").store
    for target in (model, store):
        zarr.create_array(target, name="g/a", shape=(2,), chunks=(1,), dtype="i4")
    asyncio.run(compare_list_dir(model, store, ["", "g", "g/a"]))
    zarr.create_group(model, path="more")
    with pytest.raises(AssertionError):
        asyncio.run(compare_list_dir(model, store, ["g", ""]))
