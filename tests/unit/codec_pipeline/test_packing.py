"""Small chunks that are written together share objects: which do, what that saves, and what still holds."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

import frazil
from frazil.codec_pipeline import use_codec_pipeline
from frazil.codec_pipeline.packing import packs_chunks
from tests.contract.object_server import Fault, ObjectServer

FUTURE = datetime(2100, 1, 1, tzinfo=UTC)
CHUNK = 1024
"""Bytes of the chunks of most arrays here."""
MIB = 1 << 20


@pytest.fixture(autouse=True)
def our_pipeline() -> Iterator[None]:
    with use_codec_pipeline():
        yield


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "repo"


@pytest.fixture(params=[1, 2])
def repo(request: pytest.FixtureRequest, folder: Path) -> frazil.Repository:
    return new_repo(folder, spec_version=request.param)


def new_repo(folder: Path, **given: Any) -> frazil.Repository:
    return frazil.Repository.create(frazil.local_filesystem_storage(str(folder)), **given)


def new_array(session: frazil.Session, count: int, *, chunk: int = CHUNK, name: str = "a", **given: Any) -> Any:
    """An array of bytes with ``count`` chunks of ``chunk`` bytes."""
    arguments = {"shape": (count * chunk,), "chunks": (chunk,), "dtype": "u1", "compressors": None, **given}
    return zarr.create_array(session.store, name=name, **arguments)


def numbers(count: int, *, chunk: int = CHUNK, seed: int = 0) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(seed).integers(1, 255, count * chunk, dtype="u1")


def opened(session: frazil.Session, name: str = "a") -> Any:
    return zarr.open_array(session.store, path=name)


def written(repo: frazil.Repository, count: int, **given: Any) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """What a commit with an array of ``count`` chunks holds."""
    session = repo.writable_session("main")
    data = numbers(count)
    new_array(session, count, **given)[:] = data
    session.commit("packed")
    return data


def objects(folder: Path) -> dict[str, int]:
    """The chunk objects and their sizes."""
    return {file.name: file.stat().st_size for file in (folder / "chunks").glob("*")}


# ---- which chunks --------------------------------------------------------------------------------------------------


def test_many_small_chunks_share_few_objects_without_gaps(repo: frazil.Repository, folder: Path) -> None:
    data = written(repo, 3000)
    found = objects(folder)
    assert len(found) <= 1 + (os.cpu_count() or 1)
    assert sum(found.values()) == data.nbytes
    assert np.array_equal(opened(repo.readonly_session("main"))[:], data)


def test_no_object_is_longer_than_4_mib(repo: frazil.Repository, folder: Path) -> None:
    session = repo.writable_session("main")
    data = numbers(100, chunk=200_000)
    new_array(session, 100, chunk=200_000)[:] = data
    assert max(objects(folder).values()) <= 4 * MIB
    assert sum(objects(folder).values()) == data.nbytes
    assert len(objects(folder)) <= 5 + (os.cpu_count() or 1)
    assert np.array_equal(opened(session)[:], data)


def test_a_few_chunks_are_objects_of_their_own(repo: frazil.Repository, folder: Path) -> None:
    session = repo.writable_session("main")
    new_array(session, 7)[:] = numbers(7)
    assert list(objects(folder).values()) == [CHUNK] * 7


def test_chunks_that_are_written_one_by_one_are_objects_of_their_own(repo: frazil.Repository, folder: Path) -> None:
    session = repo.writable_session("main")
    array = new_array(session, 20)
    for number in range(20):
        array[number * CHUNK : (number + 1) * CHUNK] = number + 1
    assert list(objects(folder).values()) == [CHUNK] * 20


def test_large_chunks_are_objects_of_their_own(repo: frazil.Repository, folder: Path) -> None:
    session = repo.writable_session("main")
    size = 256 * 1024 + 1
    new_array(session, 9, chunk=size)[:] = numbers(9, chunk=size)
    assert list(objects(folder).values()) == [size] * 9


def test_inline_and_empty_chunks_are_in_no_object(repo: frazil.Repository, folder: Path) -> None:
    session = repo.writable_session("main")
    data = numbers(40)
    data[: 20 * CHUNK] = 0
    array = new_array(session, 40)
    array[:] = data
    assert sum(objects(folder).values()) == 20 * CHUNK
    new_array(session, 40, chunk=512, name="inline")[:] = 1
    assert sum(objects(folder).values()) == 20 * CHUNK
    assert np.array_equal(array[:], data)


def test_chunks_that_are_named_by_their_content_are_objects_of_their_own(folder: Path) -> None:
    session = new_repo(folder, content_derived_chunk_ids=True).writable_session("main")
    new_array(session, 20)[:] = numbers(20)
    assert list(objects(folder).values()) == [CHUNK] * 20


def test_small_and_large_chunks_of_one_write_are_told_apart(repo: frazil.Repository, folder: Path) -> None:
    session = repo.writable_session("main")
    size = 400_000
    data = numbers(16, chunk=size)
    data[8 * size :] = np.arange(8 * size) % 7 + 1
    array = new_array(session, 16, chunk=size, compressors="auto")
    array[:] = data
    sizes = objects(folder).values()
    assert sum(each > 256 * 1024 for each in sizes) == 8
    assert sum(each <= 256 * 1024 for each in sizes) <= (os.cpu_count() or 1)
    assert np.array_equal(array[:], data)


# ---- turning it off ------------------------------------------------------------------------------------------------


def test_it_can_be_turned_off_for_a_while(repo: frazil.Repository, folder: Path) -> None:
    session = repo.writable_session("main")
    array = new_array(session, 20)
    with use_codec_pipeline(pack_chunks=False):
        array[:] = numbers(20)
    assert list(objects(folder).values()) == [CHUNK] * 20
    array[:] = numbers(20, seed=1)
    assert len(objects(folder)) == 21


@pytest.mark.parametrize("word", ["off", "0", "False"])
def test_the_environment_turns_it_off(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAZIL_PACK_CHUNKS", word)
    assert not packs_chunks()
    with use_codec_pipeline(pack_chunks=True):
        assert packs_chunks()


def test_zarrs_own_variables_turn_it_off() -> None:
    script = "from frazil.codec_pipeline.packing import packs_chunks; print(packs_chunks())"
    environment = {**os.environ, "ZARR_FRAZIL__PACK_CHUNKS": "False"}
    for given, expected in ((os.environ, "True"), (environment, "False")):
        done = subprocess.run([sys.executable, "-c", script], env=given, capture_output=True, text=True, check=True)
        assert done.stdout.split() == [expected]


# ---- requests ------------------------------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[ObjectServer]:
    with ObjectServer("s3") as made:
        yield made


def remote_repo(server: ObjectServer) -> frazil.Repository:
    storage = frazil.s3_storage(
        bucket="bucket",
        prefix="p",
        endpoint_url=server.url,
        allow_http=True,
        force_path_style=True,
        region="us-east-1",
        access_key_id="id",
        secret_access_key="secret",
    )
    return frazil.Repository.create(storage)


def requests(server: ObjectServer, method: str) -> int:
    return sum(each.method == method and "/chunks/" in each.key for each in server.requests)


def test_a_network_is_asked_once_for_4_mib_of_chunks(server: ObjectServer) -> None:
    repo = remote_repo(server)
    data = written(repo, 6000)
    assert requests(server, "PUT") == 2
    array = opened(repo.readonly_session("main"))
    assert np.array_equal(array[:], data)
    assert requests(server, "GET") == 2
    assert np.array_equal(array[5 * CHUNK : 300 * CHUNK], data[5 * CHUNK : 300 * CHUNK])
    assert requests(server, "GET") == 3
    assert array[700 * CHUNK + 3] == data[700 * CHUNK + 3]
    assert requests(server, "GET") == 4


def test_existing_chunks_in_packs_are_fetched_together(server: ObjectServer) -> None:
    repo = remote_repo(server)
    data = written(repo, 100)
    session = repo.writable_session("main")
    changed = data.reshape(100, CHUNK).copy()
    changed[:, 1::2] = 7
    opened(session)[1::2] = changed.reshape(-1)[1::2]
    assert np.array_equal(opened(session)[:], changed.reshape(-1))
    assert (requests(server, "PUT"), requests(server, "GET")) == (2, 2)


def test_nothing_is_recorded_of_a_pack_that_cannot_be_stored(server: ObjectServer) -> None:
    repo = remote_repo(server)
    session = repo.writable_session("main")
    new_array(session, 50)
    session.commit("empty")
    session = repo.writable_session("main")
    array = opened(session)
    server.misbehave(Fault(status=403))
    with pytest.raises(frazil.StorageError):
        array[:] = numbers(50)
    assert not session.has_uncommitted_changes
    array[:] = numbers(50)
    assert np.array_equal(array[:], numbers(50))


# ---- what still holds ----------------------------------------------------------------------------------------------


def test_threads_that_write_at_once_lose_nothing(folder: Path) -> None:
    session = new_repo(folder).writable_session("main")
    arrays = [new_array(session, 600, name=f"a{number}", compressors="auto") for number in range(8)]
    values = [numbers(600, seed=number) for number in range(8)]

    def write(number: int) -> None:
        arrays[number][:] = values[number]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    for array, value in zip(arrays, values, strict=True):
        assert np.array_equal(array[:], value)


def test_a_part_of_a_packed_chunk_is_replaced(repo: frazil.Repository, folder: Path) -> None:
    data = written(repo, 50)
    session = repo.writable_session("main")
    array = opened(session)
    data[10 * CHUNK + 5 : 12 * CHUNK + 7] = array[10 * CHUNK + 5 : 12 * CHUNK + 7] = 9
    assert np.array_equal(array[:], data)
    assert sorted(objects(folder).values())[:3] == [CHUNK] * 3
    session.commit("part")
    assert np.array_equal(opened(repo.readonly_session("main"))[:], data)


def test_packed_chunks_are_moved_and_merged_like_others(repo: frazil.Repository) -> None:
    data = written(repo, 40)
    session = repo.writable_session("main")
    fork = session.fork()
    opened(fork)[: 20 * CHUNK] = data[: 20 * CHUNK] = numbers(20, seed=2)
    session.merge(fork)
    session.shift_array("/a", (-10,))
    session.commit("merged and shifted")
    found = opened(repo.readonly_session("main"))[:]
    assert np.array_equal(found[: 30 * CHUNK], data[10 * CHUNK :])


def test_an_object_lives_as_long_as_one_of_its_chunks(repo: frazil.Repository, folder: Path) -> None:
    data = written(repo, 20)
    first = set(objects(folder))
    session = repo.writable_session("main")
    # All but the last, each as an object of its own.
    for number in range(19):
        opened(session)[number * CHUNK : (number + 1) * CHUNK] = 1
    session.commit("all but one")
    repo.expire_snapshots(datetime.now(UTC))
    assert repo.garbage_collect(FUTURE).chunks_deleted == 0
    assert first < set(objects(folder))
    assert np.array_equal(opened(repo.readonly_session("main"))[19 * CHUNK :], data[19 * CHUNK :])
    session = repo.writable_session("main")
    opened(session)[19 * CHUNK :] = 1
    session.commit("the last")
    repo.expire_snapshots(datetime.now(UTC))
    assert repo.garbage_collect(FUTURE).chunks_deleted == 1
    assert not first & set(objects(folder))
    assert (opened(repo.readonly_session("main"))[:] == 1).all()


def test_what_is_never_committed_is_collected(repo: frazil.Repository, folder: Path) -> None:
    session = repo.writable_session("main")
    new_array(session, 20)[:] = numbers(20)
    session.discard_changes()
    assert repo.garbage_collect(FUTURE).chunks_deleted == 1
    assert not objects(folder)


def test_each_chunk_counts_in_the_statistics(repo: frazil.Repository) -> None:
    written(repo, 50)
    assert repo.chunk_storage_stats().native_bytes == 50 * CHUNK
    session = repo.writable_session("main")
    opened(session)[:CHUNK] = 1
    session.commit("one more")
    assert repo.chunk_storage_stats().native_bytes == 51 * CHUNK


def test_the_chunk_cache_tells_chunks_of_one_object_apart(folder: Path) -> None:
    data = written(new_repo(folder), 30)
    config = frazil.RepositoryConfig(caching=frazil.CachingConfig(num_bytes_chunks=10 * MIB))
    cached = frazil.Repository.open(frazil.local_filesystem_storage(str(folder)), config)
    array = opened(cached.readonly_session("main"))
    for _ in range(2):
        assert np.array_equal(array[3 * CHUNK : 4 * CHUNK], data[3 * CHUNK : 4 * CHUNK])
        assert np.array_equal(array[:], data)


def test_a_damaged_pack_is_an_error_of_the_chunks_that_are_gone(repo: frazil.Repository, folder: Path) -> None:
    data = written(repo, 20)
    (name,) = objects(folder)
    with (folder / "chunks" / name).open("r+b") as file:
        file.truncate(10 * CHUNK + 5)
    array = opened(repo.readonly_session("main"))
    assert np.array_equal(array[: 10 * CHUNK], data[: 10 * CHUNK])
    for selection in (slice(10 * CHUNK, 11 * CHUNK), slice(15 * CHUNK, 16 * CHUNK), slice(None)):
        with pytest.raises(frazil.IcechunkError, match="is shorter than its reference says"):
            array[selection]
