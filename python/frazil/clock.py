"""Time, as microseconds since 1970-01-01 UTC inside and as aware ``datetime`` objects outside."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from frazil.errors import error

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Clock(Protocol):
    """What time it is; tests put one that they control in the place of the system's."""

    def __call__(self) -> int:
        """Microseconds since 1970-01-01 UTC."""


def system_clock() -> int:
    """The clock of this machine: the only place where the package asks for the time of day."""
    return time.time_ns() // 1000  # noqa: TID251 - the clock itself


def to_datetime(microseconds: int) -> datetime:
    """A time that a file holds, in UTC.

    Raises ``FormatError`` for times that Python cannot represent (after the year 9999).
    """
    try:
        return _EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        raise error(
            "deserialization",
            f"a file holds a time outside the years 1 to 9999: {microseconds} microseconds since 1970",
        ) from None


def from_datetime(when: datetime) -> int:
    """Microseconds since 1970; ``TypeError`` for anything but an aware ``datetime``."""
    return (require_aware(when) - _EPOCH) // _MICROSECOND


def require_aware(when: object) -> datetime:
    """``when``, if it is a ``datetime`` with a time zone; ``TypeError`` otherwise."""
    if not isinstance(when, datetime):
        raise TypeError(f"'{type(when).__name__}' object is not an instance of 'datetime'")
    if when.utcoffset() is None:
        raise TypeError("expected a datetime with non-None tzinfo")
    return when
