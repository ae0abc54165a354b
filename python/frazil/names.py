"""The name that the package goes by in reprs and in ``__module__``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

PACKAGE: Final = "frazil"

_Public = TypeVar("_Public", bound=Callable[..., Any])


def public(thing: _Public) -> _Public:
    """Let a class or function that the top level exports say so, instead of naming the module that happens to hold it.

    Pickles then name the public place, and survive a move inside the package.
    """
    thing.__module__ = PACKAGE
    return thing


def public_in(module: str) -> Callable[[_Public], _Public]:
    """As ``public``, for what only a module of the package exports: ``@public_in("storage")``."""

    def named(thing: _Public) -> _Public:
        thing.__module__ = f"{PACKAGE}.{module}"
        return thing

    return named
