"""Zarr's codec objects as the text that the extension reads."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Literal

from zarr.abc.codec import Codec
from zarr.codecs import (
    BloscCodec,
    BytesCodec,
    Crc32cCodec,
    GzipCodec,
    ShardingCodec,
    TransposeCodec,
    ZstdCodec,
)

ByteOrder = Literal["little", "big"]

# A subclass, or another class that was registered for a name, may do something else.
_KNOWN = frozenset({BloscCodec, BytesCodec, Crc32cCodec, GzipCodec, TransposeCodec, ZstdCodec})


def describe(codecs: Iterable[Codec]) -> str | None:
    """The codecs as a JSON list in the form of array metadata; None if one of them is not zarr's own.

    Shards carry ``subchunk_write_order`` besides, which zarr 3.4 keeps out of the metadata.
    """
    documents = _documents(codecs)
    return None if documents is None else json.dumps(documents)


def _documents(codecs: Iterable[Codec]) -> list[dict[str, Any]] | None:
    documents = []
    for codec in codecs:
        document = _sharding(codec) if type(codec) is ShardingCodec else _plain(codec)
        if document is None:
            return None
        documents.append(document)
    return documents


def _plain(codec: Codec) -> dict[str, Any] | None:
    return codec.to_dict() if type(codec) in _KNOWN else None


def _sharding(codec: ShardingCodec) -> dict[str, Any] | None:
    inner, index = _documents(codec.codecs), _documents(codec.index_codecs)
    document = codec.to_dict()
    configuration = document["configuration"]
    if inner is None or index is None or not isinstance(configuration, dict):
        return None
    order = getattr(codec, "subchunk_write_order", "morton")
    configuration = {**configuration, "codecs": inner, "index_codecs": index, "subchunk_write_order": order}
    return {"name": "sharding_indexed", "configuration": configuration}


def byte_orders(codecs: Iterable[Codec]) -> set[ByteOrder]:
    """The byte orders that elements are stored in; also inside of shards."""
    found: set[ByteOrder] = set()
    for codec in codecs:
        if isinstance(codec, ShardingCodec):
            found |= byte_orders(codec.codecs)
        elif isinstance(codec, BytesCodec) and codec.endian is not None:
            found.add("big" if getattr(codec.endian, "value", codec.endian) == "big" else "little")
    return found
