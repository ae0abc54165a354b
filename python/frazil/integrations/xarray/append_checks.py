"""Whether what is written to existing arrays reads back as what it is, and an append as ``xarray.concat`` would have it.

Existing arrays have an encoding, made for the values they were created with, and xarray encodes further values with it: a
time axis in whole days holds no hours.  All is decided before anything is staged.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, get_args

import numpy as np
from xarray import Dataset, Variable, conventions
from xarray.backends.zarr import ZarrStore
from xarray.coding.times import infer_datetime_units, infer_timedelta_units

from frazil.integrations.xarray.array_writer import is_dask_collection
from frazil.integrations.xarray.group_writer import open_group
from frazil.integrations.xarray.modes import ZarrWriteModes
from frazil.store import IcechunkStore

Allowance: TypeAlias = Literal["inexact", "dtypes", "variables", "unsorted", "repeated", "overwriting"]
"""What ``to_icechunk`` refuses unless it is named in ``allow``."""

_PACKING: Final = frozenset({"scale_factor", "add_offset"})
_MASKS: Final = ("_FillValue", "missing_value")
_PLAIN_KINDS: Final = frozenset("biufc")
_TEXT_KINDS: Final = frozenset("OUT")
_LOOKED_AT: Final = 1000


def checked_allowances(allow: Iterable[str]) -> frozenset[str]:
    """``allow`` as a set; ``ValueError`` for what is none of them."""
    found = frozenset([allow] if isinstance(allow, str) else allow)
    unknown = found.difference(get_args(Allowance))
    if unknown:
        raise ValueError(f"allow={sorted(unknown)} is not among {', '.join(map(repr, get_args(Allowance)))}")
    return found


def check_group(
    dataset: Dataset,
    store: IcechunkStore,
    *,
    group: str | None,
    mode: ZarrWriteModes,
    append_dim: Hashable | None,
    allow: Collection[str],
) -> None:
    """Refuse what would not read back as it is from the group as it is before anything is written.

    Raises
    ------
    ValueError
        With what to do instead, and what to put into ``allow``.
    """
    if mode in ("w", "w-"):
        return
    try:
        target = open_group(store, group=group, mode="r")
    except FileNotFoundError:
        return
    _check(dataset, target, mode, append_dim, allow)


def _check(
    dataset: Dataset, target: ZarrStore, mode: ZarrWriteModes, append_dim: Hashable | None, allow: Collection[str]
) -> None:
    there = set(target.array_keys())
    stored = {name: _Stored(name, target) for name in dataset.variables if isinstance(name, str) and name in there}
    if append_dim is not None:
        appended_to = {name for name in there if append_dim in _open(target, name).dims}
        if not appended_to:
            return  # xarray says so
        _check_variables(dataset, there, appended_to, append_dim, allow)
    for name, existing in stored.items():
        variable = dataset.variables[name]
        if append_dim is not None:
            if append_dim not in variable.dims:
                if mode != "a-":
                    _check_overwriting(name, variable, existing, append_dim, allow)
                continue
            _check_dtype(name, variable, existing, allow)
        # Elsewhere conversions are asked for by writing over something; times would become others.
        if append_dim is not None or existing.is_time:
            _check_exact(name, variable, existing, allow)
    if append_dim in stored and dataset.variables[append_dim].dims == (append_dim,):
        _check_labels(append_dim, dataset.variables[append_dim], stored[append_dim], allow)


@dataclass(frozen=True)
class _Stored:
    """An array that exists."""

    name: str
    target: ZarrStore

    @property
    def raw(self) -> Variable:
        """As it is stored: numbers, and attributes that say what they mean."""
        return _open(self.target, self.name)

    @property
    def decoded(self) -> Variable:
        """As it reads, not read yet."""
        return conventions.decode_cf_variable(self.name, self.raw)

    def round_trip(self, variable: Variable) -> Variable:
        """What a variable reads as once it was written here."""
        raw, given = self.raw, variable.copy(deep=False)
        given.encoding = self.decoded.encoding
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            encoded = self.target.encode({self.name: given}, {})[0][self.name]  # type: ignore[no-untyped-call]
            numbers = np.asarray(encoded.data).astype(raw.dtype)
            stored = Variable(encoded.dims, numbers, raw.attrs, raw.encoding)
            return conventions.decode_cf_variable(self.name, stored).load()

    @property
    def is_time(self) -> bool:
        """Whether the numbers are times, or differences of times."""
        return self.decoded.dtype.kind in "mM" or "calendar" in self.raw.attrs

    @property
    def step(self) -> float:
        """The distance of two neighbouring values, of those that are packed into integers; 0 for others."""
        raw = self.raw
        if raw.dtype.kind not in "iu" or not _PACKING & raw.attrs.keys():
            return 0.0
        return abs(float(raw.attrs.get("scale_factor", 1)))

    def keeps_everything(self, dtype: np.dtype[Any]) -> bool:
        """Whether it is known without looking that all values of this type read back as they are."""
        raw = self.raw
        masks = [raw.attrs[name] for name in _MASKS if name in raw.attrs]
        return (
            raw.dtype.kind in _PLAIN_KINDS
            and _native(raw.dtype) == _native(dtype)
            and not _PACKING & raw.attrs.keys()
            and "_Unsigned" not in raw.attrs
            and all(isinstance(mask, float | np.floating) and np.isnan(mask) for mask in masks)
            and self.decoded.dtype.kind == raw.dtype.kind
        )


def _open(target: ZarrStore, name: str) -> Variable:
    found: Variable = target.open_store_variable(name)  # type: ignore[no-untyped-call]
    return found


def _equal(one: Variable, other: Variable) -> bool:
    """The same values, NaN and NaT included; of whatever type."""
    return bool(one.equals(other))  # type: ignore[no-untyped-call]


def _check_variables(
    dataset: Dataset, there: set[str], appended_to: set[str], append_dim: Hashable, allow: Collection[str]
) -> None:
    if "variables" in allow:
        return
    new = [name for name in dataset.variables if name not in there]
    if new:
        raise ValueError(
            f"cannot append variables that the group does not have: {new}; they would be shorter than {append_dim!r} is. Drop "
            "them, or write them to all of the group first (mode='a' without append_dim), or pass allow={'variables'}"
        )
    missing = sorted(appended_to.difference(map(str, dataset.variables)))
    if missing:
        raise ValueError(
            f"cannot append to some of the variables along {append_dim!r} only: {missing} would stay shorter than the others. "
            "Give them values too, or pass allow={'variables'}"
        )


def _check_overwriting(
    name: str, variable: Variable, existing: _Stored, append_dim: Hashable, allow: Collection[str]
) -> None:
    if "overwriting" in allow or is_dask_collection(variable.data):
        return
    old = existing.decoded
    same = set(old.dims) == set(variable.dims) and _equal(old.transpose(*variable.dims), variable)
    if not same and not (existing.step and _is_near(old, variable, existing.step)):
        raise ValueError(
            f"cannot append along {append_dim!r} a dataset whose {name!r} differs from the one that is stored, which has no "
            f"such dimension and would be overwritten for all of the group. Drop {name!r}, or use mode='a-' to keep the stored "
            "one, or pass allow={'overwriting'}"
        )


def _check_dtype(name: str, variable: Variable, existing: _Stored, allow: Collection[str]) -> None:
    old, new = existing.decoded.dtype, variable.dtype
    alike = _native(old) == _native(new)
    if not alike:
        # The resolution of times is no matter of what is stored, nor is how long the longest text is.
        alike = (old.kind == new.kind and old.kind in "mM") or {old.kind, new.kind} <= _TEXT_KINDS
    if not alike and existing.step:
        alike = new.kind == "f"
    if not alike and "dtypes" not in allow:
        raise ValueError(
            f"cannot append {new} to {name!r}, which is {old}: values would be converted. Convert them with "
            f"astype({str(old)!r}), or write the variable anew with encoding={{{name!r}: {{'dtype': "
            f"{str(np.result_type(old, new)) if _mix(old, new) else str(new)!r}}}}}, or pass allow={{'dtypes'}}"
        )


def _native(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """In the byte order of the machine; texts of NumPy's newer kind have none."""
    return dtype.newbyteorder("=") if dtype.kind in _PLAIN_KINDS | {"m", "M", "U"} else dtype


def _mix(old: np.dtype[Any], new: np.dtype[Any]) -> bool:
    return {old.kind, new.kind} <= _PLAIN_KINDS


def _check_exact(name: str, variable: Variable, existing: _Stored, allow: Collection[str]) -> None:
    if "inexact" in allow or variable.size == 0 or existing.keeps_everything(variable.dtype):
        return
    if is_dask_collection(variable.data):
        if not (existing.is_time and variable.ndim == 1):
            return  # too much to compute twice
        variable = variable.compute()
    try:
        found = existing.round_trip(variable)
    except Exception as problem:
        raise ValueError(_inexact(name, variable, existing, f"({problem})")) from problem
    if _equal(found, variable) or (existing.step and _is_near(found, variable, existing.step)):
        return
    raise ValueError(_inexact(name, variable, existing, _first_difference(found, variable)))


def _is_near(found: Variable, wanted: Variable, step: float) -> bool:
    """Whether values differ by rounding to the nearest step only."""
    if found.shape != wanted.shape or wanted.dtype.kind not in "fiu":
        return False
    one, other = np.asarray(found.values, "f8"), np.asarray(wanted.values, "f8")
    missing = np.isnan(one)
    if not np.array_equal(missing, np.isnan(other)):
        return False
    slack = step / 2 + np.abs(other) * 4 * np.finfo(wanted.dtype if wanted.dtype.kind == "f" else "f8").eps
    return bool(np.all((np.abs(one - other) <= slack) | missing))


def _first_difference(found: Variable, wanted: Variable) -> str:
    """One of them for the message, if it is not far to look for."""
    one, other = np.asarray(found.values).reshape(-1), np.asarray(wanted.values).reshape(-1)
    for was, becomes in zip(other[:_LOOKED_AT], one[:_LOOKED_AT], strict=False):
        if not _equal(Variable((), was), Variable((), becomes)):
            return f"({was} would read {becomes})"
    return ""


def _inexact(name: str, variable: Variable, existing: _Stored, reason: str) -> str:
    raw = existing.raw
    units = f" in {raw.attrs['units']!r}" if isinstance(raw.attrs.get("units"), str) else ""
    encoding = _fitting_encoding(variable, existing)
    return (
        f"cannot write {name!r} exactly: it is stored as {raw.dtype}{units}, which does not hold all of the new values {reason}. "
        f"Write it anew with encoding={{{name!r}: {encoding!r}}}, which does, or pass allow={{'inexact'}} to store what "
        "xarray makes of them"
    )


def _fitting_encoding(variable: Variable, existing: _Stored) -> dict[str, Any]:
    """An encoding that holds what there is and what comes."""
    old = existing.decoded
    try:
        both = np.concatenate([np.asarray(old.values).reshape(-1), np.asarray(variable.values).reshape(-1)])
        if variable.dtype.kind == "m":
            return {"units": infer_timedelta_units(both), "dtype": "int64"}
        if variable.dtype.kind == "M" or old.dtype.kind == "M" or "calendar" in old.encoding:
            calendar = old.encoding.get("calendar")
            other = {} if calendar in (None, "standard", "proleptic_gregorian") else {"calendar": calendar}
            return {"units": infer_datetime_units(both), **other, "dtype": "int64"}
    except (TypeError, ValueError):  # times of two calendars, say
        pass
    return {"dtype": str(variable.dtype), "_FillValue": None}


def _check_labels(append_dim: Hashable, variable: Variable, existing: _Stored, allow: Collection[str]) -> None:
    if {"unsorted", "repeated"} <= set(allow) or variable.size == 0:
        return
    old, new = existing.decoded.to_index_variable().to_index(), variable.to_index_variable().to_index()
    if "repeated" not in allow:
        again = new[new.duplicated() | new.isin(old)]
        if len(again):
            raise ValueError(
                f"cannot append labels along {append_dim!r} that are there already: {_some(again)}. Write over them with "
                "region='auto', or pass allow={'repeated'}"
            )
    both = old.append(new)
    if "unsorted" not in allow:
        up, down = both.is_monotonic_increasing, both.is_monotonic_decreasing
        if (old.is_monotonic_increasing or old.is_monotonic_decreasing) and not (up or down):
            raise ValueError(
                f"cannot append labels along {append_dim!r} that are not in order: {_some(new)} after {old[-1] if len(old) else ''}. "
                "Sort them (Dataset.sortby), or pass allow={'unsorted'}"
            )


def _some(labels: Any) -> str:
    shown = ", ".join(str(label) for label in labels[:3])
    return shown if len(labels) <= 3 else f"{shown} and {len(labels) - 3} more"
