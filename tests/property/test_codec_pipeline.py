"""Frazil's codec pipeline does to arrays what zarr's own pipeline does: every selection, data type and codec."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from zarr.codecs import BloscCodec, GzipCodec, ShardingCodec, ZstdCodec
from zarr.core.buffer import default_buffer_prototype
from zarr.core.sync import sync

import frazil
from frazil.codec_pipeline import FrazilCodecPipeline, pipeline
from tests.property.memory_layouts import LAYOUTS
from tests.property.pipeline_arrays import DTYPES, STRUCTURED, ArraySetup, setups, values_of
from tests.property.pipeline_twins import OURS, ZARRS, Twins, canonical, outcome, resize

pytestmark = pytest.mark.filterwarnings("ignore:Combining a `sharding_indexed` codec")


@st.composite
def _index(draw: st.DrawFn, size: int, *, advanced: bool) -> Any:
    kinds = ["slice", "slice", "int"] + (["ints", "bools"] if advanced else [])
    if size == 0:
        kinds = ["slice", "bools"] if advanced else ["slice"]
    match draw(st.sampled_from(kinds)):
        case "int":
            return draw(st.integers(-size, size - 1))
        case "ints":
            found = st.lists(st.integers(0, size - 1), min_size=1, max_size=5)
            return np.array(draw(found))
        case "bools":
            return np.array(draw(st.lists(st.booleans(), min_size=size, max_size=size)))
    bound = st.none() | st.integers(-size - 1, size + 1)
    return slice(draw(bound), draw(bound), draw(st.none() | st.integers(1, 4)))


@st.composite
def basic_selections(draw: st.DrawFn, shape: tuple[int, ...]) -> Any:
    if draw(st.integers(0, 4)) == 0:
        return Ellipsis
    if shape and draw(st.integers(0, 5)) == 0:
        # One element along each axis, of which views keep whatever strides they have.
        starts = tuple(draw(st.integers(0, size)) for size in shape)
        return tuple(slice(start, start + 1) for start in starts)
    return tuple(draw(_index(size, advanced=False)) for size in shape)


@st.composite
def _reads(draw: st.DrawFn, setup: ArraySetup, shape: tuple[int, ...]) -> Callable[[zarr.Array[Any]], Any]:
    kind = draw(st.sampled_from(["basic", "basic", "basic", "out", "oindex", "vindex", "mask", "block"]))
    if kind == "basic" or not shape:
        chosen = draw(basic_selections(shape))
        return lambda array: array[chosen]
    if kind == "out":
        chosen = draw(basic_selections(shape))
        lay_out = LAYOUTS[draw(st.sampled_from(sorted(LAYOUTS)))]
        return lambda array: _read_into(
            array, chosen, lay_out(np.zeros(np.empty(shape, "u1")[chosen].shape, setup.dtype))
        )
    if kind == "oindex":
        chosen = tuple(draw(_index(size, advanced=True)) for size in shape)
        return lambda array: array.oindex[chosen]
    if kind == "vindex" and 0 not in shape:
        count = draw(st.integers(1, 6))
        points = tuple(
            np.array(draw(st.lists(st.integers(0, size - 1), min_size=count, max_size=count))) for size in shape
        )
        return lambda array: array.vindex[points]
    if kind == "mask":
        flags = draw(st.lists(st.booleans(), min_size=math.prod(shape), max_size=math.prod(shape)))
        mask = np.array(flags).reshape(shape)
        return lambda array: array.vindex[mask]
    return lambda array: array.blocks[tuple(slice(0, 1) for _ in shape)]


def _read_into(array: zarr.Array[Any], chosen: Any, output: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    array.get_basic_selection(chosen, out=default_buffer_prototype().nd_buffer.from_ndarray_like(output))
    return output


def _as_stored(value: Any, setup: ArraySetup) -> bytes:
    return canonical(np.asarray(value).astype(setup.dtype))


@st.composite
def _values(draw: st.DrawFn, dtype: np.dtype[Any], shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """Values in memory of any kind."""
    value = values_of(dtype, shape, draw(st.integers(0, 10**6)), draw(st.integers(1, 4)))
    layout = draw(st.sampled_from([*sorted(LAYOUTS), "repeated", "repeated along one axis", "foreign order"]))
    if layout == "repeated" and value.size:
        return np.broadcast_to(value.reshape(-1)[0], shape)
    if layout == "repeated along one axis" and value.size and shape:
        return np.broadcast_to(value[..., :1], shape)
    if layout == "foreign order" and dtype.names is None:
        return value.astype(dtype.newbyteorder(), copy=False)
    return LAYOUTS.get(layout, np.copy)(value)


@st.composite
def _writes(draw: st.DrawFn, setup: ArraySetup, shape: tuple[int, ...]) -> Callable[[zarr.Array[Any]], None]:
    chosen = draw(basic_selections(shape))
    selected = np.empty(shape, "u1")[chosen].shape
    value: Any = draw(_values(setup.dtype, selected))
    match draw(st.sampled_from(["exact"] * 6 + ["scalar", "one element"])):
        case "scalar":
            value = draw(_values(setup.dtype, ()))[()]
        case "one element":
            value = draw(_values(setup.dtype, ()))

    def write(array: zarr.Array[Any]) -> None:
        array[chosen] = value

    return write


@st.composite
def _changes(draw: st.DrawFn, setup: ArraySetup, shape: tuple[int, ...]) -> Callable[[zarr.Array[Any]], Any]:
    kind = draw(st.sampled_from(["write", "write", "write", "resize", "append"]))
    if kind == "write" or not shape:
        return draw(_writes(setup, shape))
    axis = draw(st.integers(0, len(shape) - 1))
    if kind == "append":
        more = draw(_values(setup.dtype, (*shape[:axis], draw(st.integers(0, 3)), *shape[axis + 1 :])))
        return lambda array: array.append(more, axis=axis)
    changed = (*shape[:axis], draw(st.sampled_from([0, 1, shape[axis], shape[axis] + 3])), *shape[axis + 1 :])
    deleting = draw(st.booleans())
    return lambda array: resize(array, changed, delete_outside_chunks=deleting)


# What most short cuts ask for, each with each, so that no draw has to be lucky; tests/property/test_short_cuts.py has all.
@pytest.mark.parametrize("inline_limit", [0, 512], ids=["objects", "inline"])
@pytest.mark.parametrize("plain", [True, False], ids=["plain", "any codecs"])
@pytest.mark.parametrize("transposed", [True, False], ids=["transposed", "in order"])
@settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    max_examples=max(settings().max_examples // 8, 1),
)
@given(data=st.data())
def test_reads_and_writes_are_zarrs(data: st.DataObject, transposed: bool, plain: bool, inline_limit: int) -> None:
    setup = data.draw(setups(plain=plain, transposed=transposed))
    # Chunks that are not inline share objects where there are many.
    twins = Twins(setup, inline_limit=inline_limit)
    for _ in range(data.draw(st.integers(0, 4))):
        twins.same(data.draw(_changes(setup, twins.zarrs.shape)))
        assert twins.ours.shape == twins.zarrs.shape
        twins.same(data.draw(_reads(setup, twins.zarrs.shape)))
    twins.same(lambda array: array[...])
    # What lies beyond the end of an array is not listed, and comes back if the array grows.
    assert twins.stored(twins.ours).keys() == {key for key in twins.stored(twins.zarrs) if twins.is_inside(key)}
    # What we wrote is what zarr reads, also after a commit and with our pipeline reading what is committed.
    twins.session.commit("done")
    store = twins.repository.readonly_session("main").store
    for path in (ZARRS, OURS):
        with zarr.config.set({"codec_pipeline.path": path}):
            again = zarr.open_array(store, path="group/a", mode="r")
            # Metadata do not tell in which byte order elements are to be in memory, and neither do scalars.
            assert _as_stored(again[...], setup) == _as_stored(twins.zarrs[...], setup)


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_uncompressed_bytes_are_zarrs(data: st.DataObject) -> None:
    setup = data.draw(setups(plain=True))
    assume(not isinstance(setup.arguments["serializer"], ShardingCodec) or _is_plain(setup.arguments["serializer"]))
    twins = Twins(setup, inline_limit=data.draw(st.sampled_from([0, 512])))
    for _ in range(data.draw(st.integers(1, 3))):
        twins.same(data.draw(_writes(setup, setup.shape)))
    assert twins.stored(twins.ours) == twins.stored(twins.zarrs)


def _is_plain(codec: ShardingCodec) -> bool:
    compressing = (ZstdCodec, GzipCodec, BloscCodec)
    return all(
        _is_plain(each) if isinstance(each, ShardingCodec) else not isinstance(each, compressing)
        for each in codec.codecs
    )


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the extension was asked to do."""
    done: list[str] = []
    for name in ("_read", "_write"):
        original = getattr(pipeline, name)

        def count(*args: Any, _name: str = name, _original: Any = original, **kwargs: Any) -> Any:
            done.append(_name)
            return _original(*args, **kwargs)

        monkeypatch.setattr(pipeline, name, count)
    return done


@pytest.mark.parametrize("dtype", [*DTYPES, *STRUCTURED], ids=str)
def test_the_short_way_is_taken(dtype: Any, counted: list[str]) -> None:
    arguments = {"shape": (5, 6), "chunks": (2, 4), "dtype": np.dtype(dtype), "config": {"write_empty_chunks": True}}
    twins = Twins(ArraySetup(np.dtype(dtype), arguments))
    value = values_of(np.dtype(dtype), (5, 6), 1, 4)
    twins.ours[...] = value
    assert canonical(twins.ours[...]) == canonical(value)
    assert isinstance(twins.ours._async_array.codec_pipeline, FrazilCodecPipeline)
    assert counted == ["_write", "_read"]


@given(data=st.data())
def test_damaged_chunks_fail_in_both(data: st.DataObject) -> None:
    setup = data.draw(setups())
    twins = Twins(setup)
    twins.same(lambda array: array.__setitem__(..., values_of(setup.dtype, setup.shape, 5, 4)))
    stored = twins.stored(twins.zarrs)
    assume(stored)
    key = data.draw(st.sampled_from(sorted(stored)))
    damaged = bytearray(stored[key])
    if data.draw(st.booleans()):
        damaged = damaged[: data.draw(st.integers(1, max(len(damaged) - 1, 1)))]
    else:
        damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    for array in (twins.ours, twins.zarrs):
        sync(array.store.set(key, default_buffer_prototype().buffer.from_bytes(bytes(damaged))))
    expected = outcome(lambda array: array[...], twins.zarrs)
    found = outcome(lambda array: array[...], twins.ours)
    if isinstance(expected, Exception):
        assert isinstance(found, Exception), found
        # zarr's own, where it did the work, or what the store says to it.
        assert any(name in str(found) for name in ("decode_chunk", "get\n")) or not isinstance(
            found, frazil.IcechunkError
        )
    elif not isinstance(found, Exception):
        assert canonical(expected) == canonical(found)
