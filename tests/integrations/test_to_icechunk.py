"""xarray's objects through a session."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr
from zarr.codecs import GzipCodec

import frazil
from frazil import ForkSession, Repository, Session
from frazil.vendor.xarray import ZarrWriteModes, _choose_default_mode
from frazil.xarray import (
    LazyArrayWriter,
    _XarrayDatasetWriter,
    has_dask,
    is_dask_collection,
    to_icechunk,
)


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    return Repository.create(frazil.local_filesystem_storage(str(tmp_path / "repo")))


def dataset(*, start: int = 0, length: int = 4) -> Any:
    """Two variables with time, one without, a scalar and one of no length."""
    rng = np.random.default_rng(start)
    return xr.Dataset(
        {
            "t2m": (("time", "lat"), rng.normal(size=(length, 3)), {"units": "K"}),
            "count": (("time",), np.arange(start, start + length)),
            "mask": (("lat",), np.array([True, False, True])),
            "height": 2.0,
            "empty": (("nothing",), np.zeros(0)),
        },
        coords={"time": np.arange(start, start + length), "lat": [10.0, 20.0, 30.0]},
        attrs={"title": "made up"},
    )


def with_time(whole: Any) -> Any:
    """Only what an append along time may hold."""
    return whole.drop_vars([name for name in whole.variables if "time" not in whole[name].dims])


def read(source: Repository | Session, group: str | None = None) -> Any:
    session = source if isinstance(source, Session) else source.readonly_session("main")
    return xr.open_zarr(session.store, group=group, consolidated=False).load()


CHUNKS: list[dict[str, int] | None] = [None, {"time": 2}]
chunked = pytest.mark.parametrize("chunks", CHUNKS, ids=["eager", "dask"])


def maybe_chunked(whole: Any, chunks: dict[str, int] | None) -> Any:
    return whole if chunks is None else whole.chunk(chunks)


# ---- writing -------------------------------------------------------------------------------------------------------


@chunked
@pytest.mark.parametrize("group", [None, "g", "/deep/er"])
def test_a_dataset_reads_back(repo: Repository, chunks, group):
    session = repo.writable_session("main")
    to_icechunk(maybe_chunked(dataset(), chunks), session, group=group)
    assert session.has_uncommitted_changes
    xr.testing.assert_identical(read(session, group), dataset())
    session.commit("written")
    xr.testing.assert_identical(read(repo, group), dataset())


@pytest.mark.parametrize("chunks", [{"time": 2}, {"time": 2, "lat": 1}], ids=str)
@pytest.mark.parametrize("split_every", [None, 2])
def test_the_whole_is_one_commit_with_only_the_chunks_written(repo: Repository, chunks, split_every):
    session = repo.writable_session("main")
    to_icechunk(dataset().chunk(chunks), session, split_every=split_every)
    changes = session.status()
    assert changes.new_groups == {"/"}
    assert changes.new_arrays == {f"/{name}" for name in dataset().variables}
    assert len(changes.updated_chunks["/t2m"]) == 2 * (3 if "lat" in chunks else 1)
    session.commit("written")
    assert len(list(repo.ancestry(branch="main"))) == 2


def test_what_the_caller_holds_is_left_as_it_is(repo: Repository):
    given = dataset().chunk({"time": 2})
    before = given.copy(deep=True)
    to_icechunk(given, repo.writable_session("main"))
    xr.testing.assert_identical(given, before)
    assert all(is_dask_collection(given[name].data) for name in ("t2m", "count", "empty"))


@chunked
def test_appending_over_several_commits(repo: Repository, chunks):
    session = repo.writable_session("main")
    to_icechunk(maybe_chunked(dataset(), chunks), session, encoding={"t2m": {"chunks": (2, 3)}})
    session.commit("first")
    for start in (4, 8):
        session = repo.writable_session("main")
        to_icechunk(with_time(maybe_chunked(dataset(start=start), chunks)), session, append_dim="time")
        session.commit(f"from {start}")
    parts = [dataset(start=start) for start in (0, 4, 8)]
    expected = xr.concat(parts, dim="time", data_vars="minimal", coords="minimal", compat="override", join="override")
    xr.testing.assert_identical(read(repo), expected)


@chunked
def test_several_appends_in_one_session(repo: Repository, chunks):
    session = repo.writable_session("main")
    to_icechunk(maybe_chunked(with_time(dataset()), chunks), session)
    for start in (4, 8):
        to_icechunk(maybe_chunked(with_time(dataset(start=start)), chunks), session, append_dim="time")
    session.commit("all")
    assert read(repo).time.values.tolist() == list(range(12))
    assert read(repo)["count"].values.tolist() == list(range(12))


@chunked
def test_resizing_and_filling_later(repo: Repository, chunks):
    """Metadata of the whole first, then its parts by region, each in a commit of its own."""
    whole = with_time(dataset(length=8))
    session = repo.writable_session("main")
    to_icechunk(maybe_chunked(whole.isel(time=slice(0, 2)), chunks), session)
    for name in whole.variables:
        array = zarr.open_array(session.store, path=name, mode="r+")
        array.resize((8, *array.shape[1:]))
    session.commit("grown")
    for start in range(2, 8, 2):
        session = repo.writable_session("main")
        part = slice(start, start + 2)
        to_icechunk(
            maybe_chunked(whole.isel(time=part).drop_vars("lat", errors="ignore"), chunks),
            session,
            region={"time": part},
        )
        session.commit(f"part {start}")
    assert np.array_equal(read(repo).t2m, whole.t2m)


@chunked
def test_region_by_coordinates(repo: Repository, chunks):
    session = repo.writable_session("main")
    to_icechunk(maybe_chunked(dataset(), chunks), session)
    session.commit("first")
    session = repo.writable_session("main")
    part = with_time(dataset() + 1).isel(time=slice(2, 4))
    to_icechunk(maybe_chunked(part, chunks), session, region="auto", mode="a")
    session.commit("part")
    assert np.array_equal(read(repo).t2m[2:], dataset().t2m[2:] + 1)
    assert np.array_equal(read(repo).t2m[:2], dataset().t2m[:2])


def test_region_changes_only_its_chunks(repo: Repository):
    session = repo.writable_session("main")
    to_icechunk(with_time(dataset()).chunk({"time": 2}), session)
    session.commit("first")
    session = repo.writable_session("main")
    part = with_time(dataset() + 1).isel(time=slice(2, 4)).drop_vars("time").chunk({"time": 2})
    to_icechunk(part, session, region={"time": slice(2, 4)})
    assert session.status().updated_chunks == {"/t2m": [[1, 0]], "/count": [[1]]}
    assert not session.status().updated_arrays


@pytest.mark.parametrize("mode", ["w", "a"])
@chunked
def test_writing_over_what_is_there(repo: Repository, mode, chunks):
    session = repo.writable_session("main")
    to_icechunk(maybe_chunked(dataset(), chunks), session)
    session.commit("first")
    session = repo.writable_session("main")
    other = dataset(start=7).rename({"mask": "other_mask"})
    to_icechunk(maybe_chunked(other, chunks), session, mode=mode)
    session.commit("second")
    expected = other if mode == "w" else other.assign(mask=dataset()["mask"])
    xr.testing.assert_identical(read(repo), expected)


def test_modes_are_checked(repo: Repository):
    session = repo.writable_session("main")
    to_icechunk(dataset(), session)
    with pytest.raises((zarr.errors.ContainsGroupError, FileExistsError)):
        to_icechunk(dataset(), session)
    with pytest.raises(ValueError, match="cannot set append_dim"):
        to_icechunk(dataset(), session, append_dim="time", mode="w")
    with pytest.raises(ValueError, match="cannot set region"):
        to_icechunk(dataset(), session, region={"time": slice(0, 4)}, mode="w-")
    with pytest.raises(ValueError, match="non-pre-existing variables"):
        to_icechunk(dataset().assign(new=1), session, mode="r+")
    with pytest.raises(ValueError, match="already exists, but encoding was provided"):
        to_icechunk(dataset(), session, mode="a", encoding={"t2m": {"chunks": (1, 1)}})


def test_encoding(repo: Repository):
    session = repo.writable_session("main")
    compressors = (GzipCodec(level=1),)
    whole = dataset()
    whole["t2m"].encoding = {"scale_factor": 0.5, "dtype": "i2", "_FillValue": -9999}
    to_icechunk(
        whole.chunk({"time": 2}),
        session,
        encoding={
            "count": {"chunks": (1,), "compressors": compressors, "write_empty_chunks": True},
            "height": {"dtype": "f4"},
        },
    )
    session.commit("encoded")
    root: Any = zarr.open_group(repo.readonly_session("main").store, mode="r")
    assert root["count"].chunks == (1,)
    assert [type(codec) for codec in root["count"].compressors] == [GzipCodec]
    assert (root["t2m"].dtype, root["height"].dtype) == (np.dtype("i2"), np.dtype("f4"))
    assert np.allclose(read(repo).t2m, whole.t2m, atol=0.25)
    # The first value is the fill value, and its chunk is stored nevertheless: tasks keep what is not in the metadata.
    assert repo.readonly_session("main").chunk_type("/count", [0]) == frazil.ChunkType.inline


def test_shards(repo: Repository):
    session = repo.writable_session("main")
    whole = xr.Dataset({"a": (("x", "y"), np.arange(64.0).reshape(8, 8))})
    to_icechunk(whole.chunk({"x": 4, "y": 8}), session, encoding={"a": {"chunks": (2, 2), "shards": (4, 4)}})
    session.commit("sharded")
    assert zarr.open_array(repo.readonly_session("main").store, path="a", mode="r").shards == (4, 4)
    xr.testing.assert_identical(read(repo), whole)


def test_blocks_that_share_a_chunk(repo: Repository):
    session = repo.writable_session("main")
    whole = with_time(dataset(length=6)).chunk({"time": 2})
    encoding = {name: {"chunks": (3, *whole[name].shape[1:])} for name in ("t2m", "count")}
    with pytest.raises(ValueError, match=r"safe_chunks|align_chunks|overlap"):
        to_icechunk(whole, session, encoding=encoding)
    session.discard_changes()
    to_icechunk(whole, session, encoding=encoding, align_chunks=True)
    session.commit("aligned")
    xr.testing.assert_identical(read(repo), with_time(dataset(length=6)))


def test_strings_times_and_objects_read_back(repo: Repository):
    whole = xr.Dataset(
        {
            "name": (("x",), np.array(["a", "bcd", ""], dtype=object)),
            "when": (("x",), np.array(["2020-01-01", "2021-06-05", "2022-12-31"], dtype="datetime64[ns]")),
            "flag": (("x",), np.array([True, False, True])),
            "z": (("x",), np.array([1 + 2j, 0, -1j])),
        }
    )
    session = repo.writable_session("main")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zarr 3.1 of strings without a specification
        to_icechunk(whole, session)
        session.commit("kinds")
        xr.testing.assert_identical(read(repo), whole)


# ---- data arrays and trees -----------------------------------------------------------------------------------------


@chunked
@pytest.mark.parametrize("name", [None, "t2m", "time"])
def test_a_data_array_reads_back(repo: Repository, chunks, name):
    session = repo.writable_session("main")
    array = maybe_chunked(dataset().t2m.rename(name), chunks)
    to_icechunk(array, session)
    session.commit("array")
    back = xr.open_dataarray(repo.readonly_session("main").store, engine="zarr", consolidated=False)
    xr.testing.assert_identical(back.load(), dataset().t2m.rename(name))


def tree() -> Any:
    return xr.DataTree.from_dict(
        {
            "/": xr.Dataset(coords={"lat": [10.0, 20.0, 30.0]}, attrs={"title": "tree"}),
            "/surface": dataset().drop_vars("lat"),
            "/levels/upper": xr.Dataset({"wind": (("lat",), np.arange(3.0))}),
        }
    )


@chunked
@pytest.mark.parametrize("group", [None, "inside"])
def test_a_tree_reads_back(repo: Repository, chunks, group):
    session = repo.writable_session("main")
    to_icechunk(tree() if chunks is None else tree().chunk(chunks), session, group=group)
    session.commit("tree")
    store = repo.readonly_session("main").store
    back = xr.open_datatree(store, engine="zarr", consolidated=False, group=group)
    assert set(back.groups) == set(tree().groups)
    xr.testing.assert_identical(back.load(), tree())
    # What a node inherits is written once.
    assert "lat" not in zarr.open_group(store, path="/".join(filter(None, (group, "surface"))), mode="r")


def test_modes_and_encoding_of_trees(repo: Repository):
    session = repo.writable_session("main")
    to_icechunk(tree(), session, encoding={"/surface": {"t2m": {"chunks": (1, 3)}}})
    assert zarr.open_array(session.store, path="surface/t2m", mode="r").chunks == (1, 3)
    to_icechunk(tree() + 1, session, mode="a")
    assert np.array_equal(read(session, "levels/upper").wind, [1, 2, 3])
    smaller = xr.DataTree.from_dict({"/only": xr.Dataset({"a": 1})})
    to_icechunk(smaller, session, mode="w")
    assert [name for name, _ in zarr.open_group(session.store, mode="r").members()] == ["only"]
    with pytest.raises(ValueError, match=r"unexpected encoding group name\(s\) provided: {'/nowhere'}"):
        to_icechunk(tree(), session, mode="w", encoding={"/nowhere": {}})
    with pytest.raises(ValueError, match="write its nodes one by one"):
        to_icechunk(tree(), session, append_dim="time")


# ---- refusals ------------------------------------------------------------------------------------------------------


def test_sessions_are_asked_for_by_name(repo: Repository):
    with pytest.raises(ValueError, match=r"Please pass in a frazil.Session. Received <class .*IcechunkStore'> instead"):
        to_icechunk(dataset(), repo.writable_session("main").store)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"Received <class .*MemoryStore'> instead"):
        _XarrayDatasetWriter(dataset(), store=zarr.storage.MemoryStore())  # type: ignore[arg-type]


def test_a_read_only_session_is_refused(repo: Repository):
    with pytest.raises(ValueError, match="read-only"):
        to_icechunk(dataset(), repo.readonly_session("main"))


def test_names_that_no_node_can_have(repo: Repository):
    session = repo.writable_session("main")
    with pytest.raises(TypeError, match="must be a string or None"):
        to_icechunk(xr.Dataset({1: ("x", [1])}), session)
    with pytest.raises(ValueError, match="length 1 or greater"):
        to_icechunk(xr.Dataset({"": ("x", [1])}), session, mode="a")


def test_writing_through_a_fork(repo: Repository):
    """A fork may be given in the place of a session, and may have been pickled."""
    session = repo.writable_session("main")
    fork = pickle.loads(pickle.dumps(session.fork()))
    to_icechunk(dataset().chunk({"time": 2}), fork, group="g")
    session.merge(fork)
    session.commit("by a fork")
    xr.testing.assert_identical(read(repo, "g"), dataset())


# ---- step by step --------------------------------------------------------------------------------------------------


def test_the_steps_of_the_writer(repo: Repository):
    session = repo.writable_session("main")
    whole = dataset().chunk({"time": 2})
    whole["mask"], whole["height"] = whole["mask"].compute(), whole["height"].compute()
    writer = _XarrayDatasetWriter(whole, store=session.store)
    with pytest.raises(ValueError, match="Please call `write_metadata` first"):
        writer.write_eager()
    with pytest.raises(ValueError, match="Please call `write_metadata` first"):
        writer.write_lazy()
    with pytest.raises(ValueError, match="Please call `_open_group` first"):
        writer.write_metadata()
    writer._open_group(group=None, mode=None, append_dim=None, region=None)
    writer.write_metadata(encoding={"t2m": {"chunks": (1, 3)}})
    assert session.status().new_arrays == {f"/{name}" for name in whole.variables}
    assert not session.status().updated_chunks
    writer.write_eager()
    assert set(session.status().updated_chunks) == {"/mask", "/height", "/time", "/lat"}
    fork = writer.write_lazy(chunkmanager_store_kwargs={"scheduler": "threads"}, split_every=2)
    assert isinstance(fork, ForkSession)
    assert "/t2m" not in session.status().updated_chunks
    session.merge(fork)
    xr.testing.assert_identical(read(session), dataset())


def test_a_lazy_step_with_nothing_lazy(repo: Repository):
    writer = _XarrayDatasetWriter(dataset(), store=repo.writable_session("main").store)
    writer._open_group(group=None, mode="w-", append_dim=None, region=None)
    writer.write_metadata()
    writer.write_eager()
    with pytest.raises(TypeError, match="no dask arrays were detected"):
        writer.write_lazy()


def test_writers_compare_by_what_they_write(repo: Repository):
    store = repo.writable_session("main").store
    empty = xr.Dataset()
    assert repr(_XarrayDatasetWriter(empty, store=store)).startswith("_XarrayDatasetWriter(dataset=")
    assert _XarrayDatasetWriter(empty, store=store) != _XarrayDatasetWriter(empty, store=store, safe_chunks=False)


def test_the_array_writer_sorts_what_it_is_given():
    writer = LazyArrayWriter()
    lazy = dataset().chunk().t2m.data
    target: Any = zarr.create_array(zarr.storage.MemoryStore(), shape=(2,), dtype="i4")
    writer.add(lazy, target, (slice(0, 2),))
    writer.add(np.array([1, 2]), target)
    assert (writer.sources, writer.targets, writer.regions) == ([lazy], [target], [(slice(0, 2),)])
    assert [len(part) for part in (writer.eager_sources, writer.eager_targets, writer.eager_regions)] == [1, 1, 1]
    writer.write_eager()
    assert target[:].tolist() == [1, 2]
    assert not writer.eager_sources


@pytest.mark.parametrize(
    ("mode", "append_dim", "region", "expected"),
    [
        (None, None, None, "w-"),
        (None, "x", None, "a"),
        (None, None, {"x": slice(1)}, "r+"),
        (None, "x", {"y": slice(1)}, "a"),
        ("w", None, None, "w"),
        ("a-", "x", None, "a-"),
        ("a", None, "auto", "a"),
        ("r+", None, None, "r+"),
    ],
)
def test_the_default_mode(mode, append_dim, region, expected):
    assert _choose_default_mode(mode=mode, append_dim=append_dim, region=region) == expected


@pytest.mark.parametrize(
    ("mode", "append_dim", "region"),
    [("w", "x", None), ("w-", "x", None), ("r+", "x", None), ("w", None, {}), ("w-", None, "auto"), ("r", None, None)],
)
def test_modes_that_do_not_fit(mode, append_dim, region):
    with pytest.raises(ValueError, match="mode"):
        _choose_default_mode(mode=mode, append_dim=append_dim, region=region)


def test_the_modes_have_a_name():
    assert "a-" in ZarrWriteModes.__args__  # type: ignore[attr-defined]


def test_dask_collections():
    assert has_dask
    assert is_dask_collection(dataset().chunk())
    assert not is_dask_collection(dataset())
    assert not is_dask_collection(1)
