"""What the credentials of all services have in common."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from frazil.config.fields import instance
from frazil.names import PACKAGE
from frazil.variants import Payload


class Redacted(Payload):
    """Shows the kind of credentials, never what is in them."""

    __slots__ = ()

    def __repr__(self) -> str:
        secret = "****" if fields(self) else ""  # type: ignore[arg-type]
        return f"{PACKAGE}.{type(self).__qualname__}({secret})"


@dataclass(frozen=True, slots=True, repr=False)
class RefreshableCredentials(Redacted):
    """Credentials that a function of the user gives, again and again as they expire.

    Attributes
    ----------
    pickled_function
        The function, pickled, so that it can travel with sessions.
    current
        What it gave last, if that was wanted when the object was made.
    """

    expected: ClassVar[type]

    pickled_function: bytes
    current: Any = None
    shared: list[Any] = field(default_factory=list, init=False, compare=False, repr=False)
    """The one that asks the function, for all stores that these credentials open; made with the first."""

    def __post_init__(self) -> None:
        instance("pickled_function", self.pickled_function, bytes)
        if self.current is not None:
            instance("current", self.current, self.expected)

    def __reduce__(self) -> tuple[Any, ...]:
        """What was asked for meanwhile stays here: only what was given at the start travels."""
        return type(self), (self.pickled_function, self.current)


def pickled(get_credentials: Callable[[], Any], *, scatter: bool) -> tuple[bytes, Any]:
    """The arguments of refreshable credentials: the function pickled, and what it gives now if ``scatter``."""
    return pickle.dumps(get_credentials), get_credentials() if scatter else None


def conflicting(function: str) -> ValueError:
    """For arguments that speak of several kinds of credentials, or of half of one."""
    return ValueError(f"Conflicting arguments to {function} function")
