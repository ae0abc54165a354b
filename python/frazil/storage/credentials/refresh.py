"""Asking a user's function for credentials when the ones at hand are about to expire."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

from frazil._core import random_id
from frazil.clock import Clock, from_datetime, system_clock
from frazil.errors import ErrorKind, IcechunkError, error
from frazil.forking import renew_in_children
from frazil.storage.credentials.base import RefreshableCredentials

_Credential = TypeVar("_Credential")

_MARGIN_US: Final = 120_000_000
_SPREAD_US: Final = 60_000_000


def random_fraction() -> float:
    """A number in [0, 1) from the operating system, for spreading things in time."""
    return int.from_bytes(random_id(4)) / 2**32


class Refresher(Generic[_Credential]):
    """Gives valid credentials; safe to share between threads.

    Credentials are used until two to three minutes before they expire.  The moment is random, so that the workers of
    a cluster do not all ask at once.
    """

    def __init__(
        self,
        credentials: RefreshableCredentials,
        *,
        clock: Clock = system_clock,
        fraction: Callable[[], float] = random_fraction,
    ) -> None:
        self._pickled_function = credentials.pickled_function
        self._expected = credentials.expected
        self._current: Any = credentials.current
        self._clock = clock
        self._fraction = fraction
        self._lock = threading.Lock()
        renew_in_children(self)

    def renew_locks(self) -> None:
        """The thread that was asking for credentials does so in the parent."""
        self._lock = threading.Lock()

    def __call__(self) -> _Credential:
        """The credentials to use now.

        Raises ``IcechunkError`` if the function fails or gives something else.
        """
        with self._lock:
            if self._current is None or not self._is_valid(self._current):
                self._current = self._ask()
            found: _Credential = self._current
            return found

    def _is_valid(self, credential: Any) -> bool:
        if credential.expires_after is None:
            return True
        margin = _MARGIN_US + int(_SPREAD_US * self._fraction())
        return from_datetime(credential.expires_after) - self._clock() > margin

    def _ask(self) -> Any:
        try:
            given = pickle.loads(self._pickled_function)()  # noqa: S301 - the user's own function, from their session
        except Exception as failure:
            raise _failed(f"{type(failure).__name__}: {failure}") from failure
        if not isinstance(given, self._expected):
            raise _failed(f"it must return {self._expected.__name__}, not {type(given).__name__}")
        return given


def refresher_of(credentials: RefreshableCredentials) -> Refresher[Any]:
    """The one of these credentials: however many stores they open, the function is asked as the keys expire."""
    if not credentials.shared:
        # Of two threads that come here at once both take the first one: no lock, which a forked process could find held.
        credentials.shared.append(Refresher(credentials))
    found: Refresher[Any] = credentials.shared[0]
    return found


def _failed(reason: str) -> IcechunkError:
    return error(ErrorKind.UNKNOWN, f"the function that gives refreshable credentials failed: {reason}")
