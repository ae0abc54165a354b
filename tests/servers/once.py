"""Servers are started when the first test needs them, once in a run of pytest."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

T = TypeVar("T")


def once(start: Callable[[], T]) -> Callable[[], T]:
    """The result of the first call, or its failure: what did not start will not start for the next test either."""
    lock = threading.Lock()
    outcome: list[tuple[bool, Any]] = []

    @functools.wraps(start)
    def started() -> T:
        with lock:
            if not outcome:
                try:
                    outcome.append((True, start()))
                except (Exception, pytest.skip.Exception, pytest.fail.Exception) as failure:  # noqa: BLE001 - raised below
                    outcome.append((False, failure))
        good, result = outcome[0]
        if good:
            return result  # type: ignore[no-any-return]
        raise result

    return started
