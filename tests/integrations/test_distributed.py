"""Bringing sessions back together."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import zarr

import frazil
from frazil import ForkSession, Repository, SessionStateError
from frazil.distributed import extract_session, merge_sessions


@pytest.fixture
def repo() -> Repository:
    repo = Repository.create(frazil.in_memory_storage())
    with repo.transaction("main", message="start") as store:
        zarr.create_array(store, name="a", shape=(8,), chunks=(1,), dtype="i4")
    return repo


def array(session: frazil.Session) -> Any:
    return zarr.open_array(session.store, path="a", mode="r" if session.read_only else "r+")


def written(fork: ForkSession, index: int, value: int = 1) -> ForkSession:
    array(fork)[index] = value
    return fork


def test_the_session_of_an_array(repo):
    fork = repo.writable_session("main").fork()
    assert extract_session(array(fork)) == fork
    assert extract_session(array(fork), axis=(0, 1), keepdims=True) == fork
    assert isinstance(extract_session(array(fork)), ForkSession)


@pytest.mark.parametrize(
    "nest",
    [
        lambda forks: forks,
        lambda forks: [forks],
        lambda forks: [[forks[:2], forks[2:3]], forks[3:]],
        lambda forks: [[[[forks[0]], [forks[1]]], [[forks[2]], [forks[3]]]]],
    ],
    ids=["flat", "list", "uneven", "deep"],
)
def test_all_are_merged_into_the_first(repo: Repository, nest: Callable[[list[ForkSession]], list]):
    session = repo.writable_session("main")
    forks = [written(session.fork(), index, index + 1) for index in range(4)]
    assert merge_sessions(*nest(forks)) is forks[0]
    session.merge(forks[0])
    session.commit("merged")
    assert array(repo.readonly_session("main"))[:].tolist() == [1, 2, 3, 4, 0, 0, 0, 0]


def test_a_session_that_comes_twice_counts_once(repo):
    fork = written(repo.writable_session("main").fork(), 0)
    same = fork.store.session
    assert merge_sessions(fork, [same, [same]]) is fork
    assert array(fork)[:2].tolist() == [1, 0]


def test_copies_of_one_session_merge_like_any_others(tmp_path):
    # On disk: what is in memory does not travel.
    repo = Repository.create(frazil.local_filesystem_storage(str(tmp_path)))
    session = repo.writable_session("main")
    zarr.create_array(session.store, name="a", shape=(8,), chunks=(1,), dtype="i4")
    first = written(session.fork(), 0)
    second = written(pickle.loads(pickle.dumps(first)), 1, 2)
    session.merge(merge_sessions(second, first))
    assert array(session)[:2].tolist() == [1, 2]


def test_only_forks_merge(repo):
    session = repo.writable_session("main")
    with pytest.raises(TypeError, match=r"merge_sessions only accepts ForkSession objects\. Received 'Session'"):
        merge_sessions(session.fork(), session)
    with pytest.raises(TypeError, match="Received 'NoneType'"):
        merge_sessions([session.fork(), [None]])
    with pytest.raises(ValueError, match="at least one"):
        merge_sessions([[], []])


def test_two_that_create_the_same_node_do_not_merge(repo):
    session = repo.writable_session("main")
    forks = [session.fork(), session.fork()]
    for fork in forks:
        zarr.create_group(fork.store, path="g")
    with pytest.raises(SessionStateError, match="Multiple writers created the same groups: /g"):
        merge_sessions(forks)


def test_two_sessions_may_be_merged_into_each_other_at_the_same_time(repo):
    # Tree reductions of several arrays do this when a worker has several threads.
    session = repo.writable_session("main")
    for _ in range(30):
        one, two = written(session.fork(), 0), written(session.fork(), 1)
        start = threading.Barrier(2)

        def merge(into: ForkSession, other: ForkSession, start: threading.Barrier = start) -> None:
            start.wait(10)
            merge_sessions(into, other)

        threads = [threading.Thread(target=merge, args=pair, daemon=True) for pair in ((one, two), (two, one))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert not any(thread.is_alive() for thread in threads)
        assert array(one)[:2].tolist() == array(two)[:2].tolist() == [1, 1]


def test_a_thread_that_writes_while_others_are_merged_in_loses_nothing(repo):
    session = repo.writable_session("main")
    target = session.fork()
    others = [written(session.fork(), index) for index in range(4, 8)]

    def write() -> None:
        for index in range(4):
            array(target)[index] = 1

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    for other in others * 20:
        merge_sessions(target, other)
    writer.join(30)
    assert np.array_equal(array(target)[:], np.ones(8))
