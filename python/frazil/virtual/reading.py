"""The bytes of virtual chunks, from the files and objects of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frazil._core import Buffer, ChunkRef
from frazil.errors import InvalidInputError, StorageConflict, StorageError, operation

if TYPE_CHECKING:
    from frazil.context import RepositoryContext
    from frazil.virtual.access import Place


def read_virtual(
    context: RepositoryContext, ref: ChunkRef, start: int | None, end: int | None, suffix: int | None
) -> Buffer:
    """The bytes of a virtual chunk, or [start, end) of them, or the last ``suffix``; bounds are strict.

    Raises
    ------
    InvalidInputError
        ``no-container-for-virtual-chunk``, ``unauthorized-virtual-chunk-container``, ``invalid-virtual-ref`` or
        ``invalid-byte-range``.
    StorageError
        ``virtual-chunk-modified`` if the object is not the one that was referred to, ``invalid-object-size`` if it is
        too short, ``virtual-chunk-fetch`` if it cannot be had.
    """
    location = ref.location
    assert location is not None
    first, last = _within(ref.length, start, end, suffix)
    with operation("fetch_virtual_chunk", location=location):
        place = context.virtual.locate(location, context.attribution)
        if first == last:
            return Buffer(b"")
        return _fetch(place, ref, ref.offset + first, ref.offset + last)


def _within(length: int, start: int | None, end: int | None, suffix: int | None) -> tuple[int, int]:
    """First byte and one past the last (format section 14.2)."""
    if suffix is not None:
        if suffix > length:
            raise _out_of_bounds(f"last {suffix} bytes", length)
        return length - suffix, length
    if start is None and end is None:
        return 0, length
    first, last = start or 0, length if end is None else end
    if first >= length or last > length or last < first:
        raise _out_of_bounds(f"{first}..{'' if end is None else end}", length)
    return first, last


def _out_of_bounds(asked: str, length: int) -> InvalidInputError:
    return InvalidInputError(
        f"byte range {asked} is out of bounds for chunk of length {length}", kind="invalid-byte-range"
    )


def _fetch(place: Place, ref: ChunkRef, first: int, last: int) -> Buffer:
    try:
        if ref.etag is None and ref.last_modified is None:
            found = place.store.get(place.key, first, last)
        else:
            found = place.store.get_conditional(
                place.key, first, last, etag=ref.etag, unmodified_since=None if ref.etag else ref.last_modified
            )
    except StorageConflict as conflict:
        raise _modified(place, ref) from conflict
    except StorageError as failure:
        raise StorageError(
            f"error fetching virtual reference {place.url}: {failure.message}", kind="virtual-chunk-fetch"
        ) from failure
    if found is None:
        raise StorageError(
            f"error fetching virtual reference: there is no object at {place.url}; put the file back, or set the "
            "reference again",
            kind="virtual-chunk-fetch",
        )
    if len(found) != last - first:
        raise StorageError(
            f"the object at {place.url} ends at byte {first + len(found)}, but a virtual chunk of it goes from "
            f"{ref.offset} to {ref.offset + ref.length}: the file was cut short, or the reference is wrong",
            kind="invalid-object-size",
        )
    return found


def _modified(place: Place, ref: ChunkRef) -> StorageError:
    known = f"ETag {ref.etag}" if ref.etag is not None else f"last modified {ref.last_modified} (seconds since 1970)"
    return StorageError(
        f"the checksum of the object owning the virtual chunk has changed ({place.url}, recorded: {known}); set its "
        "references again if the new content is meant",
        kind="virtual-chunk-modified",
    )
