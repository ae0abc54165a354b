"""Artificial latency."""

import os
import signal
import threading
import time

import pytest

from frazil._core import Latency, ObjectStore


def test_requests_take_at_least_their_latency():
    latency = Latency(read_ms=0, write_ms=30)
    store = ObjectStore.memory().with_latency(latency)
    begin = time.perf_counter()
    store.put("x", b"1")
    assert time.perf_counter() - begin >= 0.03
    latency.read_ms, latency.write_ms = 40, 0
    begin = time.perf_counter()
    assert store.get("x") == b"1"
    assert time.perf_counter() - begin >= 0.04
    assert (latency.read_ms, latency.write_ms) == (40, 0)


def test_a_slow_store_is_not_local():
    latency = Latency()
    store = ObjectStore.memory().with_latency(latency)
    assert store.is_local
    latency.read_ms = 1
    assert not store.is_local


def test_a_slow_directory_still_compares_versions(tmp_path):
    """How fast a store is says nothing of whether two writers may overwrite each other."""
    store = ObjectStore.local(tmp_path).with_latency(Latency(read_ms=1))
    assert not store.is_local
    assert store.always_compares
    assert store.with_prefix("below").always_compares


def test_ctrl_c_ends_the_sleep():
    store = ObjectStore.memory().with_latency(Latency(read_ms=60_000))

    def interrupt() -> None:
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        store.get("x")
    thread.join()


def test_a_sleeping_request_lets_other_threads_run():
    store = ObjectStore.memory().with_latency(Latency(read_ms=200))
    threads = [threading.Thread(target=store.get, args=("x",)) for _ in range(20)]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.perf_counter() - begin < 20 * 0.2
