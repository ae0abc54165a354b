"""Storage that answers late."""

from __future__ import annotations

import copy
import pickle
import time

import pytest

import frazil
from frazil import Repository
from frazil.testing import LatencyStorage


def test_requests_of_an_open_repository_wait():
    storage = LatencyStorage(frazil.in_memory_storage())
    repo = Repository.create(storage)
    storage.write_latency_ms = 20
    begin = time.perf_counter()
    repo.create_branch("late", repo.lookup_branch("main"))
    # At the very least the backup and the new state are written one after the other.
    assert time.perf_counter() - begin >= 0.04
    storage.write_latency_ms, storage.read_latency_ms = 0, 30
    begin = time.perf_counter()
    assert repo.list_branches() == {"main", "late"}
    assert time.perf_counter() - begin >= 0.03


def test_it_is_the_storage_inside():
    inner = frazil.in_memory_storage()
    Repository.create(LatencyStorage(inner))
    assert isinstance(LatencyStorage(inner), frazil.Storage)
    assert Repository.open(inner).list_branches() == {"main"}
    assert LatencyStorage(inner).list_objects() == inner.list_objects()
    assert LatencyStorage(inner).default_settings() == inner.default_settings()


def test_display():
    storage = LatencyStorage(frazil.in_memory_storage(), write_latency_ms=3, read_latency_ms=4)
    assert repr(storage) == "LatencyStorage(write_latency_ms=3, read_latency_ms=4)"
    assert str(storage) == str(frazil.in_memory_storage())
    assert storage._repr_html_() == frazil.in_memory_storage()._repr_html_()


def test_only_the_latency_can_be_set():
    storage = LatencyStorage(frazil.in_memory_storage())
    storage.read_latency_ms = 7
    assert (storage.read_latency_ms, storage.write_latency_ms) == (7, 0)
    with pytest.raises(AttributeError):
        storage._backend = None  # type: ignore[assignment]


def test_a_copy_shares_the_latency_and_a_pickle_has_its_own(tmp_path):
    storage = LatencyStorage(frazil.local_filesystem_storage(str(tmp_path)), write_latency_ms=1)
    same, other = copy.deepcopy(storage), pickle.loads(pickle.dumps(storage))
    storage.write_latency_ms = 2
    assert same.write_latency_ms == 2
    assert (other.write_latency_ms, type(other)) == (1, LatencyStorage)
    repo = Repository.create(storage)
    assert pickle.loads(pickle.dumps(repo)).list_branches() == {"main"}
