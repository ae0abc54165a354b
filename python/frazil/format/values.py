"""Metadata values: JSON in Python, MessagePack or FlexBuffers in files (format section 4)."""

from __future__ import annotations

import json
import math
import operator
from collections import UserString
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import numpy as np

from frazil import _core
from frazil.errors import FormatError

_Answer = TypeVar("_Answer")

_STAY_NUMPY: Final = (np.longdouble, np.clongdouble)
"""Scalars that Python has no type for."""


def normalise(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """The JSON model of what a caller gave as metadata.

    Numbers of every kind become integers or floats, NaN and infinity None; sequences, ranges and arrays lists, bytes
    lists of integers, mappings dictionaries.

    Raises
    ------
    TypeError
        For a key that is not a string or a value that JSON cannot hold.
    """
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping):
        raise TypeError(f"metadata must be a dictionary with string keys, not {type(metadata).__name__}")
    try:
        return {_key(name): _value(value) for name, value in metadata.items()}
    except RecursionError:
        raise TypeError("metadata values are nested too deeply, or hold themselves") from None


def _key(name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError(f"metadata keys must be strings, not {type(name).__name__}: {name!r}")
    return _text(name)


def _text(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise TypeError(f"metadata texts must be Unicode, and {value!r} has half of a surrogate pair") from None
    return value


def _value(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, UserString):
        return _text(value.data)
    if isinstance(value, Mapping):
        return {_key(name): _value(item) for name, item in value.items()}
    if isinstance(value, np.ndarray | memoryview):
        return _value(value.tolist())
    if isinstance(value, np.generic) and not isinstance(value, _STAY_NUMPY):
        return _value(value.item())
    return _by_protocol(value)


def _by_protocol(value: Any) -> Any:
    """As Python's protocols have it: an integer, else the items of a sequence, else a float."""
    number = _asked(operator.index, "__index__", value)
    if number is not None:
        if not -(2**63) <= number < 2**64:
            raise TypeError(f"metadata integers must fit 64 bits; store {number} as a string")
        return number
    if _asked(len, "__getitem__", value) is not None:
        return [_value(item) for item in value]
    real = None if isinstance(value, np.complexfloating) else _asked(float, "__float__", value)
    if real is not None:
        return real if math.isfinite(real) else None
    if hasattr(type(value), "__array__"):
        return _value(np.asarray(value).tolist())
    raise TypeError(
        "metadata values must be JSON values (numbers, strings, booleans, None, lists, dictionaries) or stand for some "
        f"(arrays, decimals, ranges), not {type(value).__name__}: {value!r}"
    )


def _asked(question: Callable[[Any], _Answer], method: str, value: object) -> _Answer | None:
    """What a value answers, None if it cannot: arrays have methods that only those of some shapes support."""
    if not hasattr(type(value), method):
        return None
    try:
        return question(value)
    except (TypeError, ValueError, OverflowError):
        return None


def encode_items(metadata: Mapping[str, Any], spec_version: int) -> list[tuple[str, bytes]]:
    """Name and encoded value, sorted by the bytes of the name: MessagePack for spec 1, FlexBuffers for spec 2."""
    encode = _core.json_to_msgpack if spec_version == 1 else _core.json_to_flexbuffer
    items = [(name, encode(json.dumps(value))) for name, value in metadata.items()]
    return sorted(items, key=lambda item: item[0].encode())


def decode_items(items: Sequence[tuple[str, bytes]], spec_version: int) -> dict[str, Any]:
    """What ``encode_items`` made; ``spec_version`` is that of the file, not of the repository."""
    decode = _core.msgpack_to_json if spec_version == 1 else _core.flexbuffer_to_json
    try:
        return {name: json.loads(decode(value)) for name, value in items}
    except RecursionError:
        raise FormatError("metadata value cannot be decoded: it is nested too deeply", kind="deserialization") from None
    except ValueError as problem:
        raise FormatError(f"metadata value cannot be decoded: {problem}", kind="deserialization") from None
