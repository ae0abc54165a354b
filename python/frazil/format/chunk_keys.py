"""Chunk key encodings of Zarr format 3: how coordinates become the last part of a key.

The format stores coordinates only, so every encoding that maps them one to one can be served.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_U32_MAX = 2**32 - 1


@dataclass(frozen=True, slots=True)
class ChunkKeyEncoding:
    """``default`` puts ``c`` and the separator first; ``v2`` has indices only, and ``0`` for a scalar array."""

    name: str = "default"
    separator: str = "/"

    @classmethod
    def parse(cls, value: Any) -> ChunkKeyEncoding:
        """Read the metadata field; an encoding that we do not know is served as the default one."""
        if isinstance(value, str):
            value = {"name": value}
        if not isinstance(value, dict):
            return DEFAULT_ENCODING
        name = "v2" if value.get("name") == "v2" else "default"
        configuration = value.get("configuration")
        separator = configuration.get("separator") if isinstance(configuration, dict) else None
        if separator not in ("/", "."):
            separator = "." if name == "v2" else "/"
        return cls(name, separator)

    @property
    def is_default(self) -> bool:
        return self == DEFAULT_ENCODING

    def encode(self, coords: Sequence[int]) -> str:
        """The part of the key after the array's path and a slash."""
        indices = self.separator.join(map(str, coords))
        if self.name == "v2":
            return indices or "0"
        return f"c{self.separator}{indices}" if indices else "c"

    def decode(self, text: str, rank: int) -> tuple[int, ...] | None:
        """The coordinates that ``text`` names in an array of ``rank`` dimensions; None if it is no chunk key."""
        if self.name == "v2":
            if rank == 0:
                return () if text == "0" else None
            return _indices(text.split(self.separator), rank)
        if rank == 0:
            return () if text == "c" else None
        head, _, rest = text.partition(self.separator)
        return _indices(rest.split(self.separator), rank) if head == "c" else None


def _indices(parts: list[str], rank: int) -> tuple[int, ...] | None:
    if len(parts) != rank:
        return None
    found = []
    for part in parts:
        if not (part.isascii() and part.isdigit()) or (len(part) > 1 and part[0] == "0") or len(part) > 10:
            return None
        index = int(part)
        if index > _U32_MAX:
            return None
        found.append(index)
    return tuple(found)


DEFAULT_ENCODING = ChunkKeyEncoding()
