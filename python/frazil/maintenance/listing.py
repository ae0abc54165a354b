"""The objects of one kind that a repository's store holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from frazil import _core
from frazil.ids import OBJECT_ID_LENGTH

if TYPE_CHECKING:
    from frazil._core import ObjectStore

_SECOND_US: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Stored:
    """An object named by an id."""

    id: bytes
    key: str
    size: int
    last_modified: int
    """Microseconds since 1970, by the store's clock."""


def stored(objects: ObjectStore, prefix: str) -> Iterator[Stored]:
    """The objects below ``prefix``, as the store lists them.

    Whatever is not named by an id the way this format writes it is somebody else's, and left out.
    """
    for meta in objects.list(prefix):
        name = meta.key[len(prefix) + 1 :]
        found = _id_of(name)
        if found is not None:
            yield Stored(found, meta.key, meta.size, meta.last_modified)


def _id_of(name: str) -> bytes | None:
    try:
        found = _core.decode_id(name, OBJECT_ID_LENGTH)
    except ValueError:
        return None
    return found if _core.encode_id(found) == name else None


def is_older(last_modified: int, cutoff: int) -> bool:
    """Whether an object was written before ``cutoff`` for certain.

    A time in whole seconds stands for any moment of that second (format section 13.3).
    """
    if last_modified % _SECOND_US == 0:
        last_modified += _SECOND_US - 1
    return last_modified < cutoff
