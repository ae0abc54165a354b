"""The bytes of virtual chunks, from the files and objects of others."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from frazil._core import Buffer, ChunkRef
from frazil.errors import StorageConflict, StorageError, operation
from frazil.virtual.authorisation import advice
from frazil.virtual.locations import Shown

if TYPE_CHECKING:
    from frazil.open_repository.context import RepositoryContext
    from frazil.virtual.access import Place

_LARGEST_OBJECT: Final = 2**63 - 1
"""Sizes that operating systems and services can express."""


def read_virtual(context: RepositoryContext, ref: ChunkRef, label: Callable[[], str | None] | None = None) -> Buffer:
    """The bytes that a virtual reference is about; it may be the part of a chunk's reference that was asked for.

    ``label`` gives what requests over a network say of the chunk (see ``chunk_label``).

    Raises
    ------
    InvalidInputError
        ``no-container-for-virtual-chunk``, ``unauthorized-virtual-chunk-container`` or ``invalid-virtual-ref``.
    StorageError
        ``virtual-chunk-modified`` if the object is not the one that was referred to, ``invalid-object-size`` if it is
        too short, ``virtual-chunk-fetch`` if it cannot be had.
    """
    location = ref.location
    assert location is not None
    with operation("fetch_virtual_chunk", location=Shown(location)):
        place = context.virtual.locate(location, context.attribution)
        if not ref.length:
            return Buffer(b"")
        return _fetch(place, ref, None if label is None or place.store.is_local else label())


def _fetch(place: Place, ref: ChunkRef, label: str | None) -> Buffer:
    first, last = ref.offset, ref.offset + ref.length
    if last > _LARGEST_OBJECT:
        raise _too_short(place, ref, "far before it")
    try:
        if ref.etag is None and ref.last_modified is None:
            found = place.store.get(place.key, first, last, label=label)
        else:
            found = place.store.get_conditional(
                place.key,
                first,
                last,
                etag=ref.etag,
                unmodified_since=None if ref.etag else ref.last_modified,
                label=label,
            )
    except StorageConflict as conflict:
        raise _modified(place, ref) from conflict
    except StorageError as failure:
        cause = failure.message.partition("\n\n")[0]
        raise StorageError(
            f"error fetching virtual reference {place}: {cause}{advice(place.source, place.credentials)}",
            kind="virtual-chunk-fetch",
        ) from failure
    if found is None:
        raise StorageError(
            f"error fetching virtual reference: there is no object at {place}; put the file back, or set the "
            "reference again",
            kind="virtual-chunk-fetch",
        )
    if len(found) != ref.length:
        raise _too_short(place, ref, f"at byte {first + len(found)}" if len(found) else f"at byte {first} or before")
    return found


def _too_short(place: Place, ref: ChunkRef, end: str) -> StorageError:
    return StorageError(
        f"the object at {place} ends {end}, but a virtual chunk needs its bytes {ref.offset} to "
        f"{ref.offset + ref.length}: the file was cut short, or the reference is wrong",
        kind="invalid-object-size",
    )


def _modified(place: Place, ref: ChunkRef) -> StorageError:
    known = f"ETag {ref.etag}" if ref.etag is not None else f"last modified {ref.last_modified} (seconds since 1970)"
    return StorageError(
        f"the checksum of the object owning the virtual chunk has changed ({place}, recorded: {known}); set its "
        "references again if the new content is meant",
        kind="virtual-chunk-modified",
    )
