"""Bringing the sessions of many writers back together; needs no other package."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

from frazil.session import ForkSession, Session

if TYPE_CHECKING:
    import zarr

ForkSessions: TypeAlias = ForkSession | list[ForkSession] | list[list[ForkSession]]
"""Sessions, nested as reductions nest them: a list for each dimension of a block of chunks."""


def extract_session(zarray: zarr.Array[Any], axis: Any = None, keepdims: Any = None) -> Session:  # noqa: ARG001
    """The session that a Zarr array belongs to; ``axis`` and ``keepdims`` are there for reductions, and ignored."""
    session: Session = zarray.store.session  # type: ignore[attr-defined]
    return session


def merge_sessions(*sessions: ForkSessions) -> ForkSession:
    """Merge the changes of all into the first of them, and return that.

    Of a chunk that two of them wrote the last one's wins.  A session that is given twice counts once.

    Raises
    ------
    TypeError
        Something is not a fork: only forks can be merged.
    SessionStateError
        ``merge-failed``: two of them created the same node.
    """
    first, *others = dict.fromkeys(_flattened(sessions)) or [None]
    if first is None:
        raise ValueError("merge_sessions needs at least one session")
    first.merge(*others)
    return first


def _flattened(nested: Any) -> Iterator[ForkSession]:
    for item in nested:
        if isinstance(item, list | tuple):
            yield from _flattened(item)
        elif isinstance(item, ForkSession):
            yield item
        else:
            raise TypeError(
                f"merge_sessions only accepts ForkSession objects. Received {type(item).__name__!r} instance instead. "
                "Fork the writable session (`Session.fork`), hand the forks to the workers, and merge what they return."
            )
