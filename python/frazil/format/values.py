"""Metadata values: JSON in Python, MessagePack or FlexBuffers in files (format section 4)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from frazil import _core
from frazil.errors import FormatError


def normalise(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """The JSON model of what a caller gave as metadata.

    Tuples become lists, NumPy scalars Python ones, NaN becomes None, bytes a list of integers.

    Raises
    ------
    TypeError
        For a key that is not a string or a value that JSON cannot hold.
    """
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping):
        raise TypeError(f"metadata must be a dictionary with string keys, not {type(metadata).__name__}")
    return {_key(name): _value(value) for name, value in metadata.items()}


def _key(name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError(f"metadata keys must be strings, not {type(name).__name__}: {name!r}")
    return name


def _value(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        if not -(2**63) <= value < 2**64:
            raise TypeError(f"metadata integers must fit 64 bits; store {value} as a string")
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes | bytearray):
        return list(value)
    if isinstance(value, Mapping):
        return {_key(name): _value(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_value(item) for item in value]
    raise TypeError(
        f"metadata values must be JSON values (numbers, strings, booleans, None, lists, dictionaries), not "
        f"{type(value).__name__}: {value!r}"
    )


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
    except ValueError as problem:
        raise FormatError(f"metadata value cannot be decoded: {problem}", kind="deserialization") from None
