"""The waits between attempts of an update."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from frazil.history.repo_object.backoff import IMMEDIATE_RETRIES, delays


def test_five_retries_are_immediate_and_then_the_wait_doubles_up_to_the_maximum() -> None:
    waits = list(delays(attempts=11, initial_ms=50, maximum_ms=300, jitter=lambda: 0.0))
    assert waits == [0, 0, 0, 0, 0, 0, 0.05, 0.1, 0.2, 0.3, 0.3]


def test_jitter_shortens_a_wait_by_half_at_most() -> None:
    waits = list(delays(attempts=8, initial_ms=100, maximum_ms=1000, jitter=lambda: 1.0))
    assert waits[IMMEDIATE_RETRIES + 1 :] == [0.05, 0.1]


@given(
    attempts=st.integers(0, 200),
    initial=st.integers(0, 10_000),
    maximum=st.integers(0, 100_000),
    jitter=st.floats(0, 1),
)
def test_there_are_as_many_waits_as_attempts_and_none_passes_the_maximum(
    attempts: int, initial: int, maximum: int, jitter: float
) -> None:
    waits = list(delays(attempts=attempts, initial_ms=initial, maximum_ms=maximum, jitter=lambda: jitter))
    assert len(waits) == attempts
    assert all(0 <= wait <= maximum / 1000 for wait in waits)
