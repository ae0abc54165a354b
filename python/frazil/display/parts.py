"""What an object shows of itself, before it is decided how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

Fields = tuple[tuple[str, object], ...]
"""(name, value) in the order shown.

A value is a scalar, a list or tuple, an enum member, a ``datetime``, another object that shows parts, a mapping of
names to such objects, or one of the wrappers below.
"""


@dataclass(frozen=True, slots=True)
class Parts:
    """The name of a class and the fields of one of its objects.

    ``quotes`` tells whether strings are shown in double quotes.
    """

    title: str
    fields: Fields
    quotes: bool = False


@runtime_checkable
class Shown(Protocol):
    """An object that shows parts."""

    def __display__(self) -> Parts: ...


@dataclass(frozen=True, slots=True)
class Default:
    """A value that nobody set, with what is used in its place."""

    value: object


@dataclass(frozen=True, slots=True)
class Verbatim:
    """Text that is shown as it is."""

    text: str
