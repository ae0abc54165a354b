"""Writing dask arrays, on every scheduler."""

from __future__ import annotations

import multiprocessing
import os
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

import frazil
from frazil import ForkSession, Repository, Session

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")

from frazil.dask import (
    computing_meta,
    extract_session,
    merge_sessions_array_kwargs,
    session_merge_reduction,
    store_dask,
)

SCHEDULERS = ["synchronous", "threads", "processes"]


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    return Repository.create(frazil.local_filesystem_storage(str(tmp_path / "repo")))


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    """Two, kept for all tests: a new one takes seconds to import everything."""
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.fixture(params=SCHEDULERS)
def scheduler(request: pytest.FixtureRequest) -> Iterator[str]:
    pool = request.getfixturevalue("processes") if request.param == "processes" else None
    with dask.config.set(scheduler=request.param, pool=pool):
        yield request.param


def writable(repo: Repository, **arrays: tuple[tuple[int, ...], tuple[int, ...]]) -> tuple[Session, ForkSession]:
    """A session in which arrays of these shapes and chunks were created, and a fork of it."""
    session = repo.writable_session("main")
    root = zarr.create_group(session.store)
    for name, (shape, chunks) in arrays.items():
        root.create_array(name, shape=shape, chunks=chunks, dtype="f8", fill_value=-1)
    return session, session.fork()


def opened(session: Session, name: str) -> Any:
    return zarr.open_array(session.store, path=name, mode="r" if session.read_only else "r+")


def numbers(shape: tuple[int, ...]) -> np.ndarray:
    return np.arange(1, 1 + np.prod(shape, dtype=int), dtype="f8").reshape(shape)


@pytest.mark.parametrize("split_every", [None, 2])
def test_what_is_stored_is_committed(repo: Repository, scheduler: str, split_every: int | None):
    session, fork = writable(repo, a=((12, 8), (4, 4)), b=((7,), (2,)))
    a, b = numbers((12, 8)), numbers((7,))
    merged = store_dask(
        sources=[da.from_array(a, chunks=(4, 8)), da.from_array(b, chunks=2)],
        targets=[opened(fork, "a"), opened(fork, "b")],
        split_every=split_every,
    )
    assert isinstance(merged, ForkSession)
    session.merge(merged)
    session.commit("stored")
    reader = repo.readonly_session("main")
    assert np.array_equal(opened(reader, "a")[...], a)
    assert np.array_equal(opened(reader, "b")[...], b)


def test_regions(repo: Repository, scheduler: str):
    session, fork = writable(repo, a=((10, 6), (2, 3)), b=((6,), (2,)))
    merged = store_dask(
        sources=[da.ones((4, 3), chunks=(2, 3)), da.full((2,), 5.0, chunks=2)],
        targets=[opened(fork, "a"), opened(fork, "b")],
        regions=[(slice(4, 8), slice(3, 6)), (slice(2, 4),)],
    )
    session.merge(merged)
    expected = np.full((10, 6), -1.0)
    expected[4:8, 3:6] = 1
    assert np.array_equal(opened(session, "a")[...], expected)
    assert opened(session, "b")[...].tolist() == [-1, -1, 5, 5, -1, -1]


@pytest.mark.parametrize(("shape", "chunks"), [((), ()), ((1,), (1,)), ((2, 2, 2, 2), (1, 1, 1, 2))])
def test_any_number_of_dimensions(repo: Repository, shape: tuple[int, ...], chunks: tuple[int, ...]):
    session, fork = writable(repo, a=(shape, chunks))
    source = numbers(shape)
    with dask.config.set(scheduler="synchronous"):
        session.merge(store_dask(sources=[da.from_array(source, chunks=chunks)], targets=[opened(fork, "a")]))
    assert np.array_equal(opened(session, "a")[...], source)


def test_the_scheduler_may_be_given_with_the_call(repo: Repository):
    session, fork = writable(repo, a=((4,), (1,)))
    seen = []

    def note(block: np.ndarray) -> np.ndarray:
        seen.append(os.getpid())
        return block

    source = da.from_array(numbers((4,)), chunks=1).map_blocks(note, dtype="f8", meta=np.array((), dtype="f8"))
    session.merge(store_dask(sources=[source], targets=[opened(fork, "a")], scheduler="synchronous"))
    assert seen == [os.getpid()] * 4
    assert opened(session, "a")[...].tolist() == [1, 2, 3, 4]


def test_a_computation_that_fails_leaves_the_session_as_it_was(repo: Repository, scheduler: str):
    session, fork = writable(repo, a=((4,), (1,)))
    before = session.status()
    source = da.from_array(numbers((4,)), chunks=1).map_blocks(fails_on_three, dtype="f8", meta=np.array((), "f8"))
    with pytest.raises(ArithmeticError, match="three"):
        store_dask(sources=[source], targets=[opened(fork, "a")])
    assert session.status() == before


def fails_on_three(block: np.ndarray) -> np.ndarray:
    if block[0] == 3:
        raise ArithmeticError("three")
    return block


def test_append_by_resizing(repo: Repository, scheduler: str):
    session, fork = writable(repo, a=((2, 4), (2, 2)))
    session.merge(store_dask(sources=[da.ones((2, 4), chunks=(2, 2))], targets=[opened(fork, "a")]))
    session.commit("first")
    for step in (2, 3):
        session = repo.writable_session("main")
        length = opened(session, "a").shape[0]
        opened(session, "a").resize((length + 2, 4))
        # The fork is made after the resize: it sees the new shape.
        target = opened(session.fork(), "a")
        assert target.shape == (length + 2, 4)
        more = da.full((2, 4), float(step), chunks=(2, 2))
        session.merge(store_dask(sources=[more], targets=[target], regions=[(slice(length, None), slice(None))]))
        session.commit(f"step {step}")
    assert opened(repo.readonly_session("main"), "a")[:, 0].tolist() == [1, 1, 2, 2, 3, 3]


def test_blocks_that_are_all_fill_values_delete_chunks(repo: Repository, scheduler: str):
    session, fork = writable(repo, a=((4,), (2,)))
    session.merge(store_dask(sources=[da.ones((4,), chunks=2)], targets=[opened(fork, "a")]))
    session.commit("ones")
    session = repo.writable_session("main")
    target = opened(session.fork(), "a")
    session.merge(store_dask(sources=[da.full((2,), -1.0, chunks=2)], targets=[target], regions=[(slice(0, 2),)]))
    session.commit("half gone")
    reader = repo.readonly_session("main")
    assert opened(reader, "a")[...].tolist() == [-1, -1, 1, 1]
    assert [reader.chunk_type("/a", [index]).name for index in range(2)] == ["uninitialized", "inline"]


def test_what_is_not_dask_is_refused(repo: Repository):
    _, fork = writable(repo, a=((4,), (1,)))
    with pytest.raises(TypeError, match=r"Expected a dask array, received <class 'numpy\.ndarray'>"):
        store_dask(sources=[np.ones(4)], targets=[opened(fork, "a")])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="Expected a dask array, received <class 'int'>"):
        session_merge_reduction([1], split_every=None)  # type: ignore[list-item]


def test_an_old_dask_is_refused(repo: Repository, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dask, "__version__", "2024.12.1")
    with pytest.raises(ValueError, match=r"requires dask>=2025\.2\.0 but you have 2024\.12\.1\. Please upgrade"):
        store_dask(sources=[], targets=[])


def test_nothing_to_store(repo: Repository):
    with pytest.raises(ValueError, match="at least one"):
        store_dask(sources=[], targets=[])


def test_reducing_stored_arrays_one_by_one(repo: Repository):
    session, fork = writable(repo, a=((4,), (1,)))
    stored = da.store(
        da.ones((4,), chunks=1), opened(fork, "a"), lock=False, compute=False, return_stored=True, load_stored=False
    )
    session.merge(session_merge_reduction(stored, split_every=2, scheduler="threads"))
    assert opened(session, "a")[...].tolist() == [1] * 4


def test_what_reductions_call(repo: Repository):
    _, fork = writable(repo, a=((4,), (1,)))
    meta = merge_sessions_array_kwargs(fork, axis=(0,), keepdims=False, computing_meta=True)
    assert (meta.shape, meta.dtype) == ((1,), np.dtype(object))
    assert merge_sessions_array_kwargs([fork], axis=(0,), keepdims=False) is fork
    assert computing_meta(extract_session)(opened(fork, "a"), axis=0, keepdims=True) == fork


# ---- a cluster -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster() -> Iterator[object]:
    """Two worker processes of two threads each."""
    distributed = pytest.importorskip("distributed")
    with warnings.catch_warnings():
        # Of its own event loop, and of ports that others use.
        warnings.simplefilter("ignore")
        with (
            distributed.LocalCluster(
                n_workers=2, threads_per_worker=2, processes=True, dashboard_address=None, silence_logs=50
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            yield client


def own_process(block: np.ndarray) -> np.ndarray:
    return np.full_like(block, os.getpid())


def test_two_workers_write_one_commit(repo: Repository, cluster):
    session, fork = writable(repo, a=((64,), (1,)), b=((16, 16), (4, 4)))
    merged = store_dask(
        sources=[
            da.zeros((64,), chunks=1).map_blocks(own_process, dtype="f8", meta=np.array((), dtype="f8")),
            da.from_array(numbers((16, 16)), chunks=(4, 8)),
        ],
        targets=[opened(fork, "a"), opened(fork, "b")],
        split_every=4,
    )
    session.merge(merged)
    snapshot = session.commit("by two processes")
    reader = repo.readonly_session("main")
    assert reader.snapshot_id == snapshot
    writers = set(opened(reader, "a")[...].astype(int).tolist())
    assert len(writers) == 2
    assert os.getpid() not in writers
    assert np.array_equal(opened(reader, "b")[...], numbers((16, 16)))
    assert len(list(repo.ancestry(branch="main"))) == 2


def write_one(fork: ForkSession, index: int) -> ForkSession:
    opened(fork, "a")[index] = index
    return fork


def test_forks_travel_to_workers_by_hand(repo: Repository, cluster):
    session, _ = writable(repo, a=((8,), (1,)))
    futures = cluster.map(write_one, [session.fork() for _ in range(8)], range(8))
    session.merge(*cluster.gather(futures))
    session.commit("by hand")
    assert opened(repo.readonly_session("main"), "a")[...].tolist() == list(range(8))


def read_sum(session: Session) -> float:
    return float(opened(session, "a")[...].sum())


def test_readers_travel_to_workers(repo: Repository, cluster):
    session, _ = writable(repo, a=((8,), (1,)))
    opened(session, "a")[:] = numbers((8,))
    session.commit("numbers")
    reader = repo.readonly_session("main")
    assert cluster.submit(read_sum, reader).result() == 36
    lazy = da.from_zarr(opened(reader, "a"))
    assert float(lazy.sum().compute(scheduler=cluster)) == 36
