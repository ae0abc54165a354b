"""The same values in memory of every kind that NumPy has: an array and how it lies in memory are two things."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

Array = np.ndarray[Any, Any]


def backwards(value: Array) -> Array:
    """All strides negative, those of axes without neighbours too."""
    return np.ascontiguousarray(np.flip(value)).reshape(value.shape)[(..., *(slice(None, None, -1),) * value.ndim)]


def last_axis_backwards(value: Array) -> Array:
    return np.flip(np.flip(value, -1).copy(), -1) if value.ndim else value


def first_axis_backwards(value: Array) -> Array:
    return np.flip(np.flip(value, 0).copy(order="F"), 0) if value.ndim else value


def every_other(value: Array) -> Array:
    return np.repeat(value, 2, axis=-1)[..., ::2] if value.ndim else value


def window(value: Array) -> Array:
    """A part of something larger, on all sides."""
    larger = np.zeros(tuple(size + 2 for size in value.shape), value.dtype)
    inner = larger[(..., *(slice(1, -1),) * value.ndim)]
    inner[...] = value
    return inner


def unaligned(value: Array) -> Array:
    memory = np.zeros(value.nbytes + 1, "u1")[1:]
    made = np.ndarray(value.shape, value.dtype, buffer=memory.data)
    made[...] = value
    return made


def read_only(value: Array) -> Array:
    made = value.copy()
    made.flags.writeable = False
    return made


def odd_strides(value: Array) -> Array:
    """Strides that nothing uses are anything."""
    if not value.ndim or value.size == 0:
        return value
    made = value.copy()
    strides = [stride if size > 1 else -7 for size, stride in zip(made.shape, made.strides, strict=True)]
    return as_strided(made, made.shape, strides)


def transposed(value: Array) -> Array:
    order = tuple(range(value.ndim))[1:] + (0,) * bool(value.ndim)
    inverse = np.argsort(order)
    return value.transpose(order).copy().transpose(inverse) if value.ndim else value


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "C": np.copy,
    "F": lambda value: value.copy(order="F"),
    "backwards": backwards,
    "last axis backwards": last_axis_backwards,
    "first axis backwards": first_axis_backwards,
    "every other": every_other,
    "window": window,
    "unaligned": unaligned,
    "read-only": read_only,
    "odd strides": odd_strides,
    "transposed": transposed,
}
"""Functions from an array to one of the same values."""
