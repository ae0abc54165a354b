"""NumPy arrays as the plain memory that the extension reads from and writes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

_ANY_SIZE = 2**62


@dataclass(frozen=True, slots=True)
class Memory:
    """All bytes of an array, and how its elements lie in them.

    ``shape`` and ``strides`` (bytes, none negative) are per dimension of the array; ``c_shape`` is the shape that the
    bytes have in C order.
    """

    data: np.ndarray[Any, np.dtype[np.uint8]]
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    c_shape: tuple[int, ...]


def _strides(array: np.ndarray[Any, Any]) -> tuple[int, ...]:
    """Bytes between neighbours along each dimension of an array in one piece; 0 where there are no neighbours.

    There NumPy's own may be anything: ``a[::-1][:1]`` is in one piece and has a negative one.
    """
    if not array.size:
        return (0,) * array.ndim
    return tuple(stride if size > 1 else 0 for size, stride in zip(array.shape, array.strides, strict=True))


def output_memory(array: np.ndarray[Any, Any]) -> Memory | None:
    """The memory of an array to be written to; None unless it is in one piece, in C or in Fortran order."""
    if not array.flags.writeable:
        return None
    if array.flags.c_contiguous:
        return Memory(array.reshape(-1).view(np.uint8), array.shape, _strides(array), array.shape)
    if array.flags.f_contiguous:
        return Memory(array.T.reshape(-1).view(np.uint8), array.shape, _strides(array), array.shape[::-1])
    return None


def input_memory(array: np.ndarray[Any, Any], rank: int) -> Memory:
    """The memory of an array to be read from, copied unless it is in one piece in C order.

    Dimensions that repeat one element are not expanded.  An array of no dimensions stands for one of ``rank``
    dimensions and any size.
    """
    if array.ndim == 0:
        return Memory(array.reshape(-1).view(np.uint8), (_ANY_SIZE,) * rank, (0,) * rank, ())
    repeated = tuple(stride == 0 and size > 1 for size, stride in zip(array.shape, array.strides, strict=True))
    if any(repeated):
        array_once = array[tuple(slice(0, 1) if each else slice(None) for each in repeated)]
    else:
        array_once = array
    whole = np.ascontiguousarray(array_once)
    strides = tuple(0 if each else stride for each, stride in zip(repeated, _strides(whole), strict=True))
    return Memory(whole.reshape(-1).view(np.uint8), array.shape, strides, whole.shape)
