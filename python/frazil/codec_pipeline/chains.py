"""The extension's codec chains of one pipeline, made once for each kind of chunk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from zarr.abc.codec import Codec
from zarr.core.array_spec import ArraySpec

from frazil._core import CodecChain
from frazil.codec_pipeline.codec_list import byte_orders, describe
from frazil.codec_pipeline.element_kind import ElementKind, element_kind
from frazil.errors import ErrorKind, FormatError

_MOST: Final = 64
"""Chains kept: an array has one, unless its chunks have many shapes."""


@dataclass(frozen=True, slots=True)
class KindedChain:
    """A chain, and the kind of elements it was made for."""

    chain: CodecChain
    kind: ElementKind


class Chains:
    """Chains by the shape of chunks, data type and fill value.  Safe to share between threads."""

    def __init__(self, codecs: Iterable[Codec]) -> None:
        self._codecs = tuple(codecs)
        self._description = describe(self._codecs)
        self._found: dict[Any, KindedChain | None] = {}

    def chain_for(self, spec: ArraySpec) -> KindedChain | None:
        """The chain for the chunks of ``spec``; None if the extension cannot do what the codecs do."""
        if self._description is None:
            return None
        fill = spec.fill_value
        # Bytes, because NaN differs from itself and records cannot be hashed.
        key = (spec.shape, spec.dtype, fill.tobytes() if isinstance(fill, np.generic) else repr(fill))
        try:
            return self._found[key]
        except KeyError:
            made = self._make(spec, self._description)
        if len(self._found) >= _MOST:
            self._found.clear()
        self._found[key] = made
        return made

    def _make(self, spec: ArraySpec, description: str) -> KindedChain | None:
        kind = element_kind(spec, byte_orders(self._codecs))
        if kind is None:
            return None
        try:
            chain = CodecChain(
                description,
                spec.shape,
                item_size=kind.dtype.itemsize,
                unit=kind.unit,
                big_endian=kind.big_endian,
                fill=kind.fill,
                equality=kind.equality or "bits",
            )
        except FormatError as refusal:
            if refusal.kind != ErrorKind.UNSUPPORTED_OPERATION_FOR_VERSION:
                raise
            return None
        return KindedChain(chain, kind)
