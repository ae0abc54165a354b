"""The name that the package goes by in reprs and in ``__module__``."""

from __future__ import annotations

from typing import Final, TypeVar

PACKAGE: Final = "frazil"

_Class = TypeVar("_Class", bound=type)


def public(cls: _Class) -> _Class:
    """Let a class that the top level exports say so, instead of naming the module that happens to hold it.

    Pickles then name the public place, and survive a move of the class inside the package.
    """
    cls.__module__ = PACKAGE
    return cls
