"""Clocks that are wrong, and whose (format sections 6.5 and 9.4).

Times in a repository strictly increase.  A writer whose clock is far ahead would keep all others from writing until its
time has come.  So it is refused where the store's clock contradicts it; and where it has written already, the times that
the store itself has put on its files tell who is wrong.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from frazil.errors import ErrorKind, IcechunkError, error

if TYPE_CHECKING:
    from frazil.open_repository.context import RepositoryContext

_log = logging.getLogger(__name__)

_MOST_US: Final = 600_000_000
"""How far clocks may be apart before one of them is taken to be wrong."""

_WARNED: Final = "clock"


def time_after(context: RepositoryContext, newest: int, *, written: str, key: str) -> int:
    """The time of a change that comes after one of time ``newest``, which the object ``key`` holds.

    Machines' clocks differ a little: then one microsecond is added.  If they differ much one of them is wrong.  It is the
    other one if the store has dated ``key`` long before the time in it; then the change is made one microsecond later too,
    with a warning.  Otherwise it is this machine's, and the error says so.
    """
    now = context.clock()
    if now > newest:
        return now
    if newest - now > _MOST_US:
        _judge(context, newest, now, written=written, key=key)
    return newest + 1


def ensure_not_ahead(context: RepositoryContext, key: str, *, nor_behind: bool = False) -> None:
    """Refuse to write by a clock that is far ahead of the store's, which has just dated the object ``key``.

    A network store is not asked: its answers to the writes have told its time.  Memory has no time of its own.  With
    ``nor_behind`` a network store is heeded in both directions, as the official package does with commits (format section
    6.5).
    """
    objects = context.objects
    if not objects.keeps_time:
        ahead = objects.clock_ahead
        if ahead is not None and (-ahead > _MOST_US or (nor_behind and ahead > _MOST_US)):
            raise _drifted(f"the clock of the object store is {_seconds(ahead)} this machine's")
        return
    meta = objects.head(key)
    if meta is not None and context.clock() - meta.last_modified > _MOST_US:
        ahead = meta.last_modified - context.clock()
        raise _drifted(
            f"by the times of its files the clock of the file system is {_seconds(ahead)} the clock of this program"
        )


def _judge(context: RepositoryContext, newest: int, now: int, *, written: str, key: str) -> None:
    meta = context.objects.head(key)
    if meta is None or newest - meta.last_modified <= _MOST_US:
        raise _drifted(
            f"{written} {(newest - now) / 1e6:.0f} s in the future of this machine's clock, and the store agrees with that"
        )
    if _WARNED not in context.warned:
        context.warned.add(_WARNED)
        _log.warning(
            "%s %.0f s in the future by a clock that was wrong: the store dates it %.0f s earlier. Until that time has come, "
            "changes are dated one microsecond after each other from there on; `as_of` and expiration go by these times",
            written,
            (newest - now) / 1e6,
            (newest - meta.last_modified) / 1e6,
        )


def _drifted(reason: str) -> IcechunkError:
    return error(
        ErrorKind.SNAPSHOT_TIMESTAMP,
        f"snapshot timestamp is invalid, please verify if the machine clock has drifted: {reason}",
    )


def _seconds(ahead: int) -> str:
    return f"{abs(ahead) / 1e6:.0f} s {'ahead of' if ahead > 0 else 'behind'}"
