"""The pipeline where zarr's own has no twin: virtual chunks, other stores, names of chunks, several threads, pickles."""

import dataclasses
import itertools
import pickle
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from zarr.core.array_spec import ArraySpec
from zarr.core.buffer import default_buffer_prototype
from zarr.storage import MemoryStore, WrapperStore

import frazil
from frazil import _core
from frazil._core import Assets, Latency
from frazil.codec_pipeline import pipeline, use_codec_pipeline
from frazil.codec_pipeline.chains import Chains
from frazil.codec_pipeline.memory import input_memory, output_memory
from tests.unit.virtual.repositories import container, folder_url, session_with_array


@pytest.fixture(autouse=True)
def our_pipeline() -> Iterator[None]:
    with use_codec_pipeline():
        yield


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the extension was asked to do, and by which thread."""
    found: list[str] = []
    for name in ("_read", "_write"):
        original: Callable[..., Any] = getattr(pipeline, name)

        def count(*args: Any, _name: str = name, _original: Callable[..., Any] = original, **kwargs: Any) -> Any:
            found.append(f"{_name} {threading.current_thread().name.partition('_')[0]}")
            return _original(*args, **kwargs)

        monkeypatch.setattr(pipeline, name, count)
    return found


def new_session(**given: Any) -> frazil.Session:
    return frazil.Repository.create(frazil.in_memory_storage(), **given).writable_session("main")


def new_array(store: Any, **given: Any) -> Any:
    arguments = {"name": "a", "shape": (40, 50), "chunks": (7, 9), "dtype": "f4", **given}
    return zarr.create_array(store, **arguments)


def numbers(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.arange(np.prod(shape), dtype="f4").reshape(shape)


# ---- which stores --------------------------------------------------------------------------------------------------


def test_other_stores_are_zarrs(done: list[str]) -> None:
    array = new_array(MemoryStore())
    array[...] = numbers(40, 50)
    assert np.array_equal(array[...], numbers(40, 50))
    assert not done


def test_wrapped_stores_are_zarrs(done: list[str]) -> None:
    array = new_array(WrapperStore(new_session().store))
    array[...] = numbers(40, 50)
    assert np.array_equal(array[...], numbers(40, 50))
    assert not done


def test_a_class_that_overrides_reading_is_heard(done: list[str]) -> None:
    class Loud(frazil.IcechunkStore):
        asked = 0

        async def get(self, *args: Any, **kwargs: Any) -> Any:
            type(self).asked += 1
            return await super().get(*args, **kwargs)

    store = Loud(new_session().store._store)
    array = new_array(store)
    array[...] = numbers(40, 50)
    before = Loud.asked
    assert np.array_equal(array[...], numbers(40, 50))
    assert Loud.asked - before == 36
    assert not done


def test_a_read_only_store_refuses_as_ever() -> None:
    session = new_session()
    new_array(session.store)
    array = zarr.open_array(session.store, path="a", mode="r")
    with pytest.raises(ValueError, match=r"read.only"):
        array[...] = 1


def test_a_committed_session_refuses() -> None:
    session = new_session()
    array = new_array(session.store)
    array[...] = 1
    session.commit("done")
    with pytest.raises((ValueError, frazil.IcechunkError), match=r"read.only"):
        array[...] = 2


def test_chunk_key_encodings(done: list[str]) -> None:
    session = new_session()
    for number, (name, separator) in enumerate([("default", "/"), ("default", "."), ("v2", "/"), ("v2", ".")]):
        for shape in [(40, 50), (9,), ()]:
            name_of_array = f"group/a{number}-{len(shape)}"
            array = zarr.create_array(
                session.store,
                name=name_of_array,
                shape=shape,
                chunks=(4,) * len(shape),
                dtype="f4",
                chunk_key_encoding={"name": name, "separator": separator},
            )
            array[...] = numbers(*shape) + number
            assert np.array_equal(array[...], numbers(*shape) + number)
    root = zarr.create_array(new_session().store, shape=(40, 50), chunks=(7, 9), dtype="f4")
    root[...] = numbers(40, 50)
    assert np.array_equal(root[...], numbers(40, 50))
    assert len(done) == 26


# ---- virtual chunks ------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "data"
    made.mkdir()
    numbers(100).astype("u1").tofile(made / "x")
    return made


def test_virtual_chunks_are_fetched_and_decoded(folder: Path, done: list[str]) -> None:
    session = session_with_array(container(folder))
    array = zarr.create_array(session.store, name="v", shape=(100,), chunks=(10,), dtype="u1", compressors=None)
    url = folder_url(folder) + "x"
    for number in range(1, 10):
        session.store.set_virtual_ref(f"v/c/{number}", url, offset=100 - number * 10, length=10)
    expected = np.zeros(100, "u1")
    for number in range(1, 10):
        expected[number * 10 : number * 10 + 10] = np.arange(100 - number * 10, 110 - number * 10)
    assert np.array_equal(array[...], expected)
    # What is there of a virtual chunk is kept where it is written in part.
    array[15:18] = expected[15:18] = 7
    assert np.array_equal(array[...], expected)
    # They may wait for a network.
    assert {each.split()[1] for each in done} == {"frazil"}


def test_failures_of_virtual_chunks_are_told_as_they_are(folder: Path) -> None:
    session = session_with_array(container(folder))
    array = zarr.create_array(session.store, name="v", shape=(20,), chunks=(10,), dtype="u1", compressors=None)
    for number in range(2):
        session.store.set_virtual_ref(f"v/c/{number}", folder_url(folder) + "missing", offset=0, length=10)
    with pytest.raises(frazil.StorageError, match="missing") as raised:
        array[...]
    assert raised.value.kind == "virtual-chunk-fetch"


# ---- what is stored ------------------------------------------------------------------------------------------------


def chunk_objects(session: frazil.Session) -> list[str]:
    return sorted(found.key for found in session.store._store.tree.context.objects.list("chunks"))


def test_small_chunks_are_inline_and_others_are_objects() -> None:
    session = new_session()
    new_array(session.store, chunks=(10, 10), compressors=None)[...] = 1
    assert not chunk_objects(session)
    array = new_array(session.store, chunks=(10, 20), compressors=None, name="b")
    with use_codec_pipeline(pack_chunks=False):
        array[...] = 1
    assert len(chunk_objects(session)) == 12


def test_chunks_can_be_named_by_their_content() -> None:
    sessions = [new_session(content_derived_chunk_ids=True) for _ in range(2)]
    for session in sessions:
        new_array(session.store, chunks=(20, 25), compressors=None)[...] = numbers(40, 50)
    first, second = map(chunk_objects, sessions)
    assert first == second
    assert len(first) == 4
    content = numbers(40, 50)[:20, :25].tobytes()
    assert f"chunks/{_core.encode_id(_core.content_id(content))}" in first
    tree = sessions[0].store._store.tree
    assert tree.has_uploaded(frazil.format.ids.ChunkId(_core.content_id(content)))


def test_nothing_is_recorded_of_a_write_that_fails(folder: Path) -> None:
    session = session_with_array(container(folder))
    array = zarr.create_array(session.store, name="v", shape=(20,), chunks=(10,), dtype="u1", compressors=None)
    session.store.set_virtual_ref("v/c/1", folder_url(folder) + "missing", offset=0, length=10)
    with pytest.raises(frazil.StorageError):
        array[:15] = 1
    assert array[5] == 0


# ---- threads -------------------------------------------------------------------------------------------------------


def test_small_batches_are_done_at_once_and_large_ones_in_a_thread(done: list[str]) -> None:
    session = new_session()
    new_array(session.store)[...] = 1
    large = new_array(session.store, name="b", shape=(1 << 20,), chunks=(1 << 14,))
    large[...] = 1
    assert [each.split()[1] for each in done] == ["zarr", "frazil"]


def slow_down(session: frazil.Session, milliseconds: int) -> None:
    """Let the store of a session be one that is not at hand."""
    tree = session.store._store.tree
    objects = tree.context.objects.with_latency(Latency(milliseconds, milliseconds))
    limits = {
        "snapshot_nodes": 100,
        "chunk_refs": 1000,
        "transaction_changes": 100,
        "chunk_bytes": 0,
        "max_requests": 7,
    }
    tree.context = dataclasses.replace(tree.context, objects=objects, assets=Assets(objects, **limits))
    tree._forget()


@pytest.mark.parametrize("shards", [None, (14, 18)])
def test_stores_that_are_not_at_hand(shards: tuple[int, int] | None, done: list[str]) -> None:
    session = new_session(config=frazil.RepositoryConfig(inline_chunk_threshold_bytes=0))
    slow_down(session, 1)
    array = new_array(session.store, shards=shards)
    expected = numbers(40, 50)
    array[...] = expected
    assert np.array_equal(array[...], expected)
    array[3:38:2, 1:49] = 5
    expected[3:38:2, 1:49] = 5
    assert np.array_equal(array[...], expected)
    assert np.array_equal(array[4:6, 7:40:3], expected[4:6, 7:40:3])
    assert {each.split()[1] for each in done} == {"frazil"}


def test_several_threads_at_once() -> None:
    session = new_session()
    array = new_array(session.store, shape=(64, 4096), chunks=(4, 1024))
    value = np.arange(64 * 4096, dtype="f4").reshape(64, 4096)

    def write_and_read(number: int) -> bool:
        rows = slice(number * 8, number * 8 + 8)
        for _ in range(5):
            array[rows] = value[rows]
            if not np.array_equal(array[rows, ::3], value[rows, ::3]):
                return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(write_and_read, range(8)))
    assert np.array_equal(array[...], value)


def test_an_array_travels_with_its_pipeline(done: list[str]) -> None:
    session = new_session()
    new_array(session.store)[...] = numbers(40, 50)
    made = pickle.loads(pickle.dumps(new_array(MemoryStore())._async_array.codec_pipeline))
    assert type(made) is pipeline.FrazilCodecPipeline
    array = zarr.open_array(session.store, path="a", mode="r+")
    assert np.array_equal(array[...], numbers(40, 50))
    copied = pickle.loads(pickle.dumps(array._async_array.codec_pipeline))
    assert copied == array._async_array.codec_pipeline


# ---- damage --------------------------------------------------------------------------------------------------------


def test_damage_says_where_it_is() -> None:
    session = new_session()
    array = new_array(session.store)
    array[...] = numbers(40, 50)
    session.store.set_sync("a/c/2/3", zarr.core.buffer.default_buffer_prototype().buffer.from_bytes(b"rubbish"))
    assert np.array_equal(array[:14], numbers(40, 50)[:14])
    with pytest.raises(frazil.FormatError, match="damaged: zstd") as raised:
        array[...]
    assert raised.value.kind == "deserialization"
    assert "coords=[2, 3]" in str(raised.value)
    assert "path=/a" in str(raised.value)


def test_a_chunk_that_would_fill_the_memory_is_refused() -> None:
    session = new_session()
    array = new_array(session.store, shape=(10,), chunks=(10,), dtype="u1")
    huge = zarr.create_array(MemoryStore(), shape=(1 << 27,), chunks=(1 << 27,), dtype="u1", fill_value=1)
    huge[...] = 0
    bomb = zarr.core.sync.sync(huge.store.get("c/0", zarr.core.buffer.default_buffer_prototype()))
    assert bomb is not None
    assert len(bomb) < 1 << 16
    session.store.set_sync("a/c/0", bomb)
    with pytest.raises(frazil.FormatError, match="damaged"):
        array[...]


# ---- memory --------------------------------------------------------------------------------------------------------


def test_outputs_in_one_piece() -> None:
    whole = np.zeros((3, 4, 5), "i2")
    memory = output_memory(whole)
    assert memory is not None
    memory.data[...] = 1
    assert (whole == 0x101).all()
    assert memory.c_shape == (3, 4, 5)
    fortran = np.zeros((3, 4, 5), "i2", order="F")
    memory = output_memory(fortran)
    assert memory is not None
    assert (memory.shape, memory.strides, memory.c_shape) == ((3, 4, 5), fortran.strides, (5, 4, 3))
    assert output_memory(whole[:, ::2]) is None
    whole.flags.writeable = False
    assert output_memory(whole) is None


def test_inputs_of_any_layout() -> None:
    assert input_memory(np.float32(3), 2).strides == (0, 0)
    repeated = np.broadcast_to(np.arange(4, dtype="i2")[:, None], (4, 10**12))
    memory = input_memory(repeated, 2)
    assert (memory.data.size, memory.shape, memory.strides) == (8, (4, 10**12), (2, 0))
    assert input_memory(np.arange(20, dtype="u1")[::3], 1).data.tolist() == [0, 3, 6, 9, 12, 15, 18]


@pytest.mark.parametrize("shape", [(1,), (0,), (3, 1), (1, 3), (0, 3), (3, 0), (1, 1), ()], ids=str)
@pytest.mark.parametrize("order", ["C", "F"])
def test_strides_of_axes_without_neighbours_are_nothing(shape: tuple[int, ...], order: Any) -> None:
    array = np.zeros(shape, "i2", order)[(..., *(slice(None, None, -1 if size < 2 else 1) for size in shape))]
    for memory in (output_memory(array), input_memory(array, len(shape))):
        assert memory is not None
        assert all(
            stride > 0 if size > 1 and array.size else stride == 0
            for size, stride in zip(shape, memory.strides, strict=True)
        )
    memory = output_memory(array)
    assert memory is not None
    memory.data[...] = 1
    assert (array == 0x101).all()


# ---- chains --------------------------------------------------------------------------------------------------------


def test_chains_are_told_apart_by_all_that_they_depend_on() -> None:
    pipelines = {}
    specs = []
    for dtype, fill, chunks in itertools.product(["<i4", ">i4", "<f4"], [0, 1], [(2, 3), (3, 2)]):
        array = zarr.create_array(MemoryStore(), shape=(6, 6), chunks=chunks, dtype=dtype, fill_value=fill)
        made = array._async_array
        pipelines[dtype] = made.codec_pipeline
        specs.append(
            ArraySpec(chunks, made.metadata.dtype, made.metadata.fill_value, made.config, default_buffer_prototype())
        )
    # Of a float there are two zeros.
    specs.append(dataclasses.replace(specs[-4], fill_value=np.float32(-0.0)))
    chains = Chains(pipelines["<i4"])
    found = [chains.chain_for(spec) for spec in specs]
    assert None not in found
    assert len({id(each) for each in found}) == len(specs)
    assert [chains.chain_for(spec) for spec in specs] == found
