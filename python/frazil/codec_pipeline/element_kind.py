"""What the extension has to know of a Zarr data type: sizes, byte order, and the fill value as bytes."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from zarr.core.array_spec import ArraySpec

from frazil.codec_pipeline.codec_list import ByteOrder

_KINDS = frozenset("biufcmMSUV")
_NATIVE_ORDERS = frozenset({"=", "|", "<" if sys.byteorder == "little" else ">"})


@dataclass(frozen=True, slots=True)
class ElementKind:
    """Elements of a fixed size as they are in memory.

    ``unit`` is the number of bytes that a change of byte order reverses, 1 if there is none.  ``equality`` says how the
    extension tells elements from the fill value as zarr does; None if it cannot.
    """

    dtype: np.dtype[Any]
    unit: int
    big_endian: bool
    fill: bytes
    equality: str | None


def element_kind(spec: ArraySpec, stored_orders: Iterable[ByteOrder]) -> ElementKind | None:
    """The kind of elements of ``spec``; None for those that only zarr can read.

    ``stored_orders`` are the byte orders that codecs store elements in.
    """
    if type(spec.dtype).__module__.partition(".")[0] != "zarr":
        return None
    dtype = spec.dtype.to_native_dtype()
    if dtype.kind not in _KINDS or dtype.hasobject or dtype.itemsize == 0:
        return None
    # Fields would have to be swapped one by one.
    if dtype.names is not None and any(dtype.newbyteorder(order) != dtype for order in stored_orders):
        return None
    element = np.zeros((), dtype)
    element[()] = spec.dtype.default_scalar() if spec.fill_value is None else spec.fill_value
    return ElementKind(
        dtype=dtype,
        unit=_unit(dtype),
        big_endian=_byteorder(dtype) == ">",
        fill=element.tobytes(),
        equality=_equality(dtype, element),
    )


def _unit(dtype: np.dtype[Any]) -> int:
    match dtype.kind:
        case "c":
            return dtype.itemsize // 2
        case "U":
            return 4
        case "i" | "u" | "f" | "m" | "M":
            return dtype.itemsize
    return 1


def _byteorder(dtype: np.dtype[Any]) -> str:
    if dtype.byteorder in "<>":
        return dtype.byteorder
    return "<" if sys.byteorder == "little" else ">"


def _equality(dtype: np.dtype[Any], element: np.ndarray[Any, Any]) -> str | None:
    """How ``NDBuffer.all_equal`` compares: by value, except that a float zero is compared by its bits."""
    if dtype.names is not None:
        leaves = list(_leaves(dtype))
        packed = sum(leaf.itemsize for leaf in leaves) == dtype.itemsize
        return "bits" if packed and all(leaf.kind in "biumMS" for leaf in leaves) else None
    kind = "complex" if dtype.kind == "c" else "nan" if dtype.kind == "f" and np.isnan(element) else "bits"
    return kind if kind == "bits" or dtype.byteorder in _NATIVE_ORDERS else None


def _leaves(dtype: np.dtype[Any]) -> Iterator[np.dtype[Any]]:
    if dtype.names is None or dtype.fields is None:
        yield dtype
        return
    for name in dtype.names:
        yield from _leaves(dtype.fields[name][0])
