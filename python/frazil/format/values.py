"""Metadata values: one JSON value to its bytes and back (format section 4.1)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from frazil import _core


def encode_items(metadata: Mapping[str, Any], spec_version: int) -> list[tuple[str, bytes]]:
    """Metadata items sorted by name: MessagePack values in files of spec 1, FlexBuffers in later ones."""
    encode = _core.json_to_msgpack if spec_version == 1 else _core.json_to_flexbuffer
    names = sorted(metadata, key=str.encode)
    return [(name, encode(json.dumps(metadata[name], allow_nan=False, ensure_ascii=False))) for name in names]


def decode_items(items: Iterable[tuple[str, bytes]], spec_version: int) -> dict[str, Any]:
    """The inverse; ``spec_version`` is that of the file, not of the repository."""
    decode = _core.msgpack_to_json if spec_version == 1 else _core.flexbuffer_to_json
    return {name: json.loads(decode(value)) for name, value in items}
