"""The objects of one kind that a repository's store holds, a page at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from frazil.format.ids import OBJECT_ID_LENGTH, format_id

if TYPE_CHECKING:
    from frazil._core import ObjectStore

Mask = npt.NDArray[np.bool_]

_SECOND_US: Final = 1_000_000
_MILLISECOND_US: Final = 1_000
_ID: Final = np.dtype((np.void, OBJECT_ID_LENGTH))


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """Objects named by an id, as columns of the same length.

    ``ids`` are 12 raw bytes each, ``sizes`` in bytes, ``last_modified`` in microseconds since 1970 by the store's
    clock.
    """

    prefix: str
    ids: npt.NDArray[np.void]
    sizes: npt.NDArray[np.uint64]
    last_modified: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ids)

    def where(self, chosen: Mask) -> Page:
        """Only some of the objects."""
        return Page(self.prefix, self.ids[chosen], self.sizes[chosen], self.last_modified[chosen])

    def raw_ids(self) -> list[bytes]:
        return [bytes(packed) for packed in self.ids]

    def object_keys(self) -> list[str]:
        return [f"{self.prefix}/{format_id(packed)}" for packed in self.raw_ids()]


def pages(objects: ObjectStore, prefix: str) -> Iterator[Page]:
    """The objects below ``prefix`` as the store lists them, at most 1,000 a page.

    Whatever is not named by an id the way this format writes it is somebody else's, and left out.
    """
    for ids, sizes, last_modified in objects.list_ids(prefix):
        yield Page(
            prefix,
            np.frombuffer(ids, _ID),
            np.frombuffer(sizes, np.uint64),
            np.frombuffer(last_modified, np.int64),
        )


def is_older(last_modified: npt.NDArray[np.int64], cutoff: int) -> Mask:
    """Which objects were written before ``cutoff`` for certain.

    A time in whole seconds stands for any moment of that second (format section 13.3), and one in whole milliseconds
    likewise: services cut times off.
    """
    rest = np.where(last_modified % _MILLISECOND_US == 0, _MILLISECOND_US - 1, 0)
    at_latest = last_modified + np.where(last_modified % _SECOND_US == 0, _SECOND_US - 1, rest)
    older: Mask = at_latest < cutoff
    return older
