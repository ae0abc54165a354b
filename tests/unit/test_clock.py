"""Times."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frazil import clock
from frazil.errors import FormatError


@given(st.datetimes(timezones=st.timezones()))
def test_microseconds_survive(when: datetime) -> None:
    try:
        utc = when.astimezone(UTC)
    except OverflowError:
        return  # within a day of the ends of the calendar
    back = clock.to_datetime(clock.from_datetime(when))
    assert back == utc
    assert back.tzinfo is UTC


def test_known_times() -> None:
    assert clock.to_datetime(0) == datetime(1970, 1, 1, tzinfo=UTC)
    assert clock.from_datetime(datetime(1970, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))) == 0
    assert clock.from_datetime(datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)) == -1


def test_naive_datetimes_are_refused() -> None:
    with pytest.raises(TypeError, match="expected a datetime with non-None tzinfo"):
        clock.from_datetime(datetime(2020, 1, 1))  # noqa: DTZ001 - naive on purpose
    for value in (date(2020, 1, 1), 5, "now", None):
        with pytest.raises(TypeError, match="not an instance of 'datetime'"):
            clock.require_aware(value)


@pytest.mark.parametrize("microseconds", [2**63 - 1, 2**64 - 1, 10**30, -(10**20)])
def test_absurd_times_are_format_errors(microseconds: int) -> None:
    with pytest.raises(FormatError, match="years 1 to 9999"):
        clock.to_datetime(microseconds)


def test_the_system_clock_tells_microseconds() -> None:
    before = datetime.now(UTC)
    now = clock.to_datetime(clock.system_clock())
    after = datetime.now(UTC)
    assert before - timedelta(microseconds=1) <= now <= after + timedelta(microseconds=1)
