"""Virtual chunks as users name them: the containers they come from, and references to set in bulk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from frazil import _core
from frazil.clock import require_aware
from frazil.config.fields import integer, string
from frazil.config.virtual_chunk_container import VirtualChunkContainer
from frazil.names import public

__all__ = ["VirtualChunkContainer", "VirtualChunkSpec"]


@public
@dataclass(frozen=True, slots=True, init=False, repr=False)
class VirtualChunkSpec:
    """A chunk whose bytes are part of an object outside the repository.

    Parameters
    ----------
    index
        Position of the chunk in the grid.
    location
        URL of the object.
    offset, length
        The part of the object that is the chunk, in bytes.
    etag_checksum
        Reading fails if the object's ETag is another one.
    last_updated_at_checksum
        Reading fails if the object was modified after this time.
    """

    index: list[int]
    location: str
    offset: int
    length: int
    etag_checksum: str | None
    last_updated_at_checksum: datetime | None

    def __init__(
        self,
        index: Iterable[int],
        location: str,
        offset: int,
        length: int,
        etag_checksum: str | None = None,
        last_updated_at_checksum: datetime | None = None,
    ) -> None:
        etag, modified = etag_checksum, last_updated_at_checksum
        values = {
            "index": [integer("index", position, 0, 2**32 - 1) for position in index],
            "location": string("location", location),
            "offset": integer("offset", offset, 0, 2**64 - 1),
            "length": integer("length", length, 0, 2**64 - 1),
            "etag_checksum": None if etag is None else string("etag_checksum", etag),
            "last_updated_at_checksum": None if modified is None else require_aware(modified),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        values = [(name, getattr(self, name)) for name in self.__slots__]
        shown = [f"{name}={_core.address_without_secrets(v) if name == 'location' else v!r}" for name, v in values]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __hash__(self) -> int:
        return hash((tuple(self.index), self.location, self.offset, self.length))
