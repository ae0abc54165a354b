"""An append is what ``xarray.concat`` makes of the two, or an error that says what to do, with nothing staged."""

from __future__ import annotations

import ast
import re
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import pytest
import xarray as xr
import zarr
from hypothesis import given
from hypothesis import strategies as st

import frazil
from frazil.xarray import to_icechunk

pytestmark = pytest.mark.filterwarnings("ignore")


def dataset(times: Any, values: Any = None, **more: Any) -> xr.Dataset:
    """A variable along time, and whatever else."""
    times = times if isinstance(times, pd.Index) else pd.DatetimeIndex(times)
    values = np.arange(len(times), dtype="f8") if values is None else np.asarray(values)
    return xr.Dataset({"v": ("time", values), **more}, {"time": times})


def stored(first: xr.Dataset, **given: Any) -> frazil.Repository:
    repo = frazil.Repository.create(frazil.in_memory_storage())
    session = repo.writable_session("main")
    to_icechunk(first, session, **given)
    session.commit("first")
    return repo


def refused(first: xr.Dataset, second: xr.Dataset, **given: Any) -> str:
    """The message of the refusal; nothing is staged."""
    session = stored(first, **given).writable_session("main")
    with pytest.raises(ValueError, match="cannot") as raised:
        to_icechunk(second, session, append_dim="time")
    assert not session.has_uncommitted_changes
    return str(raised.value)


def appended(first: xr.Dataset, second: xr.Dataset, encoding: Any = None, **given: Any) -> xr.Dataset:
    session = stored(first, encoding=encoding).writable_session("main")
    to_icechunk(second, session, append_dim="time", **given)
    found: xr.Dataset = xr.open_zarr(session.store, consolidated=False).load()
    return found


def together(first: xr.Dataset, second: xr.Dataset) -> xr.Dataset:
    made: xr.Dataset = xr.concat(
        [first, second], "time", data_vars="minimal", coords="minimal", compat="equals", join="exact"
    )
    return made


def suggested(message: str) -> dict[str, Any]:
    """The encoding that a refusal names."""
    found = re.search(r"encoding=(\{.*?\}\})", message)
    assert found is not None, message
    encoding: dict[str, Any] = ast.literal_eval(found[1])
    return encoding


# ---- exactness -----------------------------------------------------------------------------------------------------

MIDNIGHT = ["2000-01-01"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (dataset(MIDNIGHT), dataset(["2000-01-01T06"])),
        (dataset(MIDNIGHT), dataset(["2000-01-02T00:00:00.000001"])),
        (dataset(["2000-01-01T03", "2000-01-01T04"]), dataset(["2000-01-01T04:30"])),
        (dataset(pd.to_timedelta([1], "D")), dataset(pd.to_timedelta([30], "h"))),
        (
            dataset(MIDNIGHT, run=("time", pd.DatetimeIndex(MIDNIGHT))),
            dataset(["2000-01-02"], run=("time", pd.DatetimeIndex(["2000-01-01T05:00:01"]))),
        ),
    ],
    ids=["hours", "microseconds", "minutes", "differences", "times as data"],
)
def test_times_that_the_axis_does_not_hold(first: xr.Dataset, second: xr.Dataset) -> None:
    """The error gives an encoding with which the first write would have left room."""
    message = refused(first, second)
    found = appended(first, second, encoding=suggested(message))
    xr.testing.assert_equal(found, together(first, second))


def test_what_xarray_makes_of_such_times_can_be_had() -> None:
    first, second = dataset(MIDNIGHT), dataset(["2000-01-01T06"])
    assert not appended(first, second, allow={"inexact"}).equals(together(first, second))


def test_times_of_other_calendars() -> None:
    pytest.importorskip("cftime")
    first = dataset(xr.date_range("2000-01-01", periods=1, calendar="noleap", use_cftime=True))
    second = dataset(xr.date_range("2000-01-01T06", periods=1, calendar="noleap", use_cftime=True))
    found = appended(first, second, encoding=suggested(refused(first, second)))
    xr.testing.assert_equal(found, together(first, second))


@pytest.mark.parametrize(
    ("values", "encoding", "more"),
    [
        ([1.0], {"dtype": "int16", "scale_factor": 0.1, "_FillValue": -1}, [1e9]),
        ([1.0], {"dtype": "int16", "scale_factor": 0.1, "_FillValue": -1}, [-0.1]),
        ([1.0], {"dtype": "int16", "_FillValue": -1}, [2.5]),
        ([1.0], {"dtype": "int16", "_FillValue": -1}, [-1.0]),
        ([1.0], {"_FillValue": -9999.0}, [-9999.0]),
    ],
    ids=["out of range", "packed to the fill value", "fraction", "fill value", "float fill value"],
)
def test_values_that_the_encoding_does_not_hold(values: Any, encoding: Any, more: Any) -> None:
    first, second = dataset(MIDNIGHT, values), dataset(["2000-01-02"], more)
    message = refused(first, second, encoding={"v": encoding})
    xr.testing.assert_equal(appended(first, second, encoding=suggested(message)), together(first, second))


def test_packed_values_are_rounded_to_a_step() -> None:
    encoding = {"v": {"dtype": "int16", "scale_factor": 0.1, "add_offset": 5.0, "_FillValue": -32768}}
    first, second = dataset(MIDNIGHT, [1.03]), dataset(["2000-01-02", "2000-01-03"], [2.07, np.nan])
    found = appended(first, second, encoding=encoding)
    xr.testing.assert_allclose(found, together(first, second), rtol=0, atol=0.0501)
    single = second.astype("f4")
    xr.testing.assert_allclose(appended(first, single, encoding=encoding), together(first, single), rtol=0, atol=0.0501)


def test_regions_and_overwritten_variables_are_exact_too() -> None:
    first = dataset(["2000-01-01", "2000-01-02"])
    late = dataset(["2000-01-01T06", "2000-01-02"])
    for how in ({"region": {"time": slice(0, 2)}}, {"mode": "a"}, {"mode": "r+"}):
        session = stored(first).writable_session("main")
        with pytest.raises(ValueError, match="cannot write 'time' exactly"):
            to_icechunk(late, session, **how)
        assert not session.has_uncommitted_changes
        to_icechunk(dataset(["2000-01-03", "2000-01-04"]), session, **how)
        to_icechunk(late, session, allow={"inexact"}, **how)


# ---- types, variables, labels --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new"),
    [("i4", "f8"), ("f4", "f8"), ("f8", "f4"), ("i4", "i8"), ("i8", "i4"), ("bool", "i8"), ("f8", "c16"), ("u1", "i1")],
)
def test_other_types(old: str, new: str) -> None:
    first = dataset(MIDNIGHT, np.array([1], old))
    message = refused(first, dataset(["2000-01-02"], np.array([1], new)))
    assert new.replace("c16", "complex128") in message or np.dtype(new).name in message
    # Converted where that loses nothing, if it is allowed to.
    second = dataset(["2000-01-02"], np.array([0], new))
    xr.testing.assert_equal(appended(first, second, allow={"dtypes"}), together(first, second))
    converted = second.astype(old)
    xr.testing.assert_equal(appended(first, converted), together(first, converted))


def test_conversions_that_lose_something_are_refused_all_the_same() -> None:
    session = stored(dataset(MIDNIGHT, np.array([1], "i4"))).writable_session("main")
    with pytest.raises(ValueError, match="exactly"):
        to_icechunk(dataset(["2000-01-02"], [1.5]), session, append_dim="time", allow={"dtypes"})
    assert not session.has_uncommitted_changes
    to_icechunk(dataset(["2000-01-02"], [1.5]), session, append_dim="time", allow={"dtypes", "inexact"})


def test_byte_order_resolution_and_texts_are_no_other_type() -> None:
    first = dataset(MIDNIGHT, np.array([1], "<i4"), s=("time", np.array(["a"], object)))
    second = dataset(
        pd.DatetimeIndex(["2000-01-02"]).as_unit("s"), np.array([2], ">i4"), s=("time", np.array(["long"], object))
    )
    xr.testing.assert_equal(appended(first, second), together(first, second))


def test_new_and_missing_variables() -> None:
    one, two = dataset(MIDNIGHT), dataset(["2000-01-02"], w=("time", [1.0]))
    assert "['w']" in refused(one, two)
    assert "['w']" in refused(dataset(MIDNIGHT, w=("time", [1.0])), dataset(["2000-01-02"]))
    assert "['z']" in refused(one, dataset(["2000-01-02"], z=3))
    session = stored(one).writable_session("main")
    to_icechunk(two, session, append_dim="time", allow={"variables"})
    assert zarr.open_array(session.store, path="w", mode="r").shape == (1,)


def test_labels_out_of_order_and_repeated() -> None:
    first = dataset(["2000-01-03", "2000-01-04"])
    assert "2000-01-01" in refused(first, dataset(["2000-01-01"]))
    assert "order" in refused(first, dataset(["2000-01-06", "2000-01-05"]))
    assert "2000-01-04" in refused(first, dataset(["2000-01-04", "2000-01-05"]))
    assert "already" in refused(first, dataset(["2000-01-05", "2000-01-05"]))
    for second, allow in [
        (dataset(["2000-01-01"]), "unsorted"),
        (dataset(["2000-01-04"]), "repeated"),
    ]:
        xr.testing.assert_equal(appended(first, second, allow={allow}), together(first, second))
    # Downwards is an order too, and where there is none, none is broken.
    down = dataset(["2000-01-04", "2000-01-03"])
    xr.testing.assert_equal(appended(down, dataset(["2000-01-02"])), together(down, dataset(["2000-01-02"])))
    mixed = dataset(["2000-01-04", "2000-01-03", "2000-01-09"])
    xr.testing.assert_equal(appended(mixed, dataset(["2000-01-05"])), together(mixed, dataset(["2000-01-05"])))


def test_variables_without_the_dimension() -> None:
    first, same = dataset(MIDNIGHT, z=("x", [1.0, np.nan])), dataset(["2000-01-02"], z=("x", [1.0, np.nan]))
    xr.testing.assert_equal(appended(first, same), together(first, same))
    other = dataset(["2000-01-02"], z=("x", [1.0, 2.0]))
    assert "'z'" in refused(first, other)
    assert appended(first, other, allow={"overwriting"})["z"].values.tolist() == [1, 2]
    assert np.isnan(appended(first, other, mode="a-")["z"].values[1])


def test_other_names_are_refused() -> None:
    with pytest.raises(ValueError, match="'everything'"):
        to_icechunk(dataset(MIDNIGHT), stored(dataset(MIDNIGHT)).writable_session("main"), allow={"everything"})


def test_values_of_dask_are_not_computed_twice() -> None:
    pytest.importorskip("dask")
    first = dataset(MIDNIGHT, run=("time", pd.DatetimeIndex(MIDNIGHT)))
    second = dataset(["2000-01-02"], run=("time", pd.DatetimeIndex(["2000-01-01T05"]))).chunk()
    assert "'run'" in refused(first, second)
    assert "float32" in refused(dataset(MIDNIGHT), dataset(["2000-01-02"], np.array([1], "f4")).chunk())
    third = dataset(["2000-01-02"]).chunk()
    xr.testing.assert_equal(appended(dataset(MIDNIGHT), third), together(dataset(MIDNIGHT), third.load()))


# ---- all together --------------------------------------------------------------------------------------------------

_UNITS = ["D", "h", "m", "s", "us"]
_TYPES = ["i2", "i4", "i8", "u1", "f4", "f8", "bool", "M8[ns]", "m8[ns]", "O", "c8"]


@st.composite
def _parts(draw: st.DrawFn, types: list[str], start: int, static: float | None) -> xr.Dataset:
    count = draw(st.integers(1, 3))
    unit = draw(st.sampled_from(_UNITS))
    steps = sorted(
        draw(st.lists(st.integers(0, 9), min_size=count, max_size=count, unique=start == 0 or draw(st.booleans())))
    )
    times = np.datetime64("2000-01-01", "us") + np.timedelta64(start, "D") + np.array(steps).astype(f"m8[{unit}]")
    if draw(st.integers(0, 6)) == 6:
        times = times[::-1]
    values = {}
    for name, kind in zip("abc", types, strict=False):
        numbers = np.array(draw(st.lists(st.integers(-3, 300), min_size=count, max_size=count)))
        made = numbers.astype(f"m8[{unit}]").astype("m8[us]") if kind[0] in "mM" else numbers
        if kind == "M8[ns]":
            values[name] = ("time", np.datetime64("2000-01-01", "us") + made)
        elif kind == "O":
            values[name] = ("time", np.array([str(number) for number in numbers], object))
        elif kind[0] == "f":
            values[name] = ("time", (numbers / draw(st.sampled_from([1, 2, 3]))).astype(kind))
        else:
            values[name] = ("time", made.astype(kind))
    if static is not None:
        values["static"] = ("x", np.array([1.0, static]))
    return xr.Dataset(values, {"time": times})


@given(data=st.data())
def test_an_accepted_append_is_a_concatenation(data: st.DataObject) -> None:
    types = data.draw(st.lists(st.sampled_from(_TYPES), min_size=1, max_size=3))
    static = data.draw(st.sampled_from([None, 2.0]))
    first = data.draw(_parts(types, 0, static))
    # Most of the time what is to be accepted, so that a difference has nothing else to be refused for.
    changed = data.draw(st.lists(st.sampled_from(_TYPES), max_size=3)) if data.draw(st.integers(0, 5)) == 5 else types
    start = data.draw(st.sampled_from([10, 20, 20, 20, 20, 1]))
    second = data.draw(_parts(changed, start, data.draw(st.sampled_from([static] * 8 + [3.0, None]))))
    encoding: dict[str, Any] = {}
    for name, kind in zip("abc", types, strict=False):
        if kind[0] == "f" and data.draw(st.booleans()):
            encoding[name] = data.draw(
                st.sampled_from([{"dtype": "int32", "_FillValue": -1}, {"dtype": "float32"}, {"_FillValue": 7.0}])
            )
    session = stored(first, encoding=encoding).writable_session("main")
    before = xr.open_zarr(session.store, consolidated=False).load()
    try:
        to_icechunk(second, session, append_dim="time")
    except ValueError:
        assert not session.has_uncommitted_changes
        xr.testing.assert_identical(xr.open_zarr(session.store, consolidated=False).load(), before)
    else:
        # The first write is xarray's, with the encoding that it was given.
        xr.testing.assert_equal(xr.open_zarr(session.store, consolidated=False).load(), together(before, second))
