"""Values and outputs of every memory layout and selections of every size: what counts is what they hold."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr
from zarr.core.buffer import default_buffer_prototype

import frazil
from tests.property.memory_layouts import LAYOUTS
from tests.property.pipeline_arrays import ArraySetup
from tests.property.pipeline_twins import Twins

SELECTIONS: list[tuple[Any, ...]] = [
    (slice(0, 1), slice(0, 1)),
    (slice(2, 3), slice(None)),
    (slice(None), slice(3, 4)),
    (slice(2, 2), slice(None)),
    (slice(None), slice(4, None)),
    (slice(0, 0), slice(0, 0)),
    (slice(1, None, 2), slice(None, None, 3)),
    (slice(None), slice(None)),
    (1, slice(None)),
    (slice(None), -1),
]


def new_store() -> frazil.IcechunkStore:
    return frazil.Repository.create(frazil.in_memory_storage()).writable_session("main").store


@pytest.mark.parametrize("dtype", ["u1", ">i4", "<M8[s]", "<U2"])
@pytest.mark.parametrize("chunks", [(2, 3), (1, 1), (8, 8)], ids=str)
def test_every_layout_with_every_selection(dtype: str, chunks: tuple[int, int]) -> None:
    arguments = {"shape": (5, 4), "chunks": chunks, "dtype": np.dtype(dtype), "compressors": None}
    twins = Twins(ArraySetup(np.dtype(dtype), arguments))
    for number, (name, chosen) in enumerate(itertools.product(LAYOUTS, SELECTIONS)):
        shape = np.empty((5, 4), "u1")[chosen].shape
        value = LAYOUTS[name]((np.arange(np.prod(shape)).reshape(shape) + number).astype(dtype))

        def write(array: zarr.Array[Any], chosen: Any = chosen, value: Any = value) -> None:
            array[chosen] = value

        def read_into(array: zarr.Array[Any], chosen: Any = chosen, name: str = name, shape: Any = shape) -> Any:
            output = LAYOUTS[name](np.zeros(shape, dtype))
            array.get_basic_selection(chosen, out=default_buffer_prototype().nd_buffer.from_ndarray_like(output))
            return output

        twins.same(write)
        twins.same(lambda array: array[...])
        twins.same(read_into)


def test_one_element_backwards() -> None:
    array = zarr.create_array(new_store(), name="a", shape=(4,), chunks=(2,), dtype="i4")
    array[0:1] = np.array([5], "i4")[::-1]
    assert np.asarray(array[...]).tolist() == [5, 0, 0, 0]


def test_rows_of_a_flipped_picture() -> None:
    picture = np.arange(12, dtype="i4").reshape(4, 3)
    flipped = picture[::-1]
    array = zarr.create_array(new_store(), name="a", shape=(4, 3), chunks=(2, 2), dtype="i4")
    for row in range(4):
        array[row : row + 1] = flipped[row : row + 1]
    assert np.array_equal(array[...], flipped)


def test_appending_one_of_a_reversed_series() -> None:
    array = zarr.create_array(new_store(), name="a", shape=(0,), chunks=(2,), dtype="i4")
    backwards = np.arange(3, dtype="i4")[::-1]
    for place in range(3):
        array.append(backwards[place : place + 1])
    array.append(backwards[:0])
    assert np.asarray(array[...]).tolist() == [2, 1, 0]


@pytest.mark.parametrize("shape", [(1, 4), (4, 1), (1, 1)], ids=str)
@pytest.mark.parametrize("axis", [0, 1])
def test_arrays_made_of_flipped_data(shape: tuple[int, int], axis: int) -> None:
    data = np.flip(np.arange(4, dtype="f8")[: shape[0] * shape[1]].reshape(shape), axis)
    assert np.array_equal(zarr.create_array(new_store(), name="a", data=data)[...], data)


def test_datasets_of_one_step_backwards() -> None:
    store = new_store()
    values = np.arange(6, dtype="f4").reshape(1, 2, 3)
    dataset = xr.Dataset({"v": (("time", "y", "x"), values)}, {"time": [np.datetime64("2026-01-01", "ns")]})
    backwards = dataset.isel(time=slice(None, None, -1), y=slice(None, None, -1))
    backwards.to_zarr(store, consolidated=False)
    xr.testing.assert_equal(xr.open_zarr(store, consolidated=False).load(), backwards)
