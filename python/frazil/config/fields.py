"""Fields of configuration objects: what each may hold, checked on every assignment.

A check takes the name of the field and the new value and returns what is stored; it raises ``TypeError`` for the wrong
type, ``OverflowError`` for an integer out of range and ``ValueError`` for any other value that makes no sense.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import field
from operator import index
from typing import Any

import numpy as np

from frazil.clock import require_aware

Check = Callable[[str, object], object]


def unsigned(bits: int, *, minimum: int = 0) -> Any:
    """An optional unsigned integer."""
    return _optional(lambda name, value: integer(name, value, minimum, 2**bits - 1))


def signed(bits: int) -> Any:
    """An optional signed integer."""
    return _optional(lambda name, value: integer(name, value, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1))


def flag() -> Any:
    """An optional boolean."""
    return _optional(boolean)


def required_flag(*, default: bool) -> Any:
    """A boolean that is never unset."""
    return field(default=default, metadata={"check": boolean})


def text() -> Any:
    """An optional string."""
    return _optional(string)


def required_text() -> Any:
    """A string that must be given."""
    return field(metadata={"check": string})


def moment() -> Any:
    """An optional ``datetime`` with a time zone."""
    return _optional(lambda _, value: require_aware(value))


def one_of(cls: type) -> Any:
    """An optional object of one class; it is shared, not copied, when configurations are put together."""
    return _optional(lambda name, value: instance(name, value, cls))


def replaced(cls: type) -> Any:
    """As ``one_of``, but merging takes the newer object as a whole (format section 4.5)."""
    return field(default=None, metadata={"check": _or_none(lambda n, v: instance(n, v, cls)), "replace": True})


def checked(check: Check, **options: Any) -> Any:
    """A field with a check of its own; ``options`` are those of ``dataclasses.field``."""
    return field(metadata={"check": check}, **options)


def _optional(check: Check) -> Any:
    return field(default=None, metadata={"check": _or_none(check)})


def _or_none(check: Check) -> Check:
    return lambda name, value: None if value is None else check(name, value)


def integer(name: str, value: object, lowest: int, highest: int) -> int:
    """An integer within limits; numpy's integers become Python's."""
    try:
        number = int(index(value))  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{name} must be an integer, not {value!r}") from None
    if lowest == 1 and number == 0:
        raise ValueError(f"invalid zero value: {name} must be at least 1")
    if not lowest <= number <= highest:
        raise OverflowError(f"{name} must be between {lowest} and {highest}, not {number}")
    return number


def integers(name: str, values: Iterable[object], lowest: int, highest: int) -> list[int]:
    """As ``integer``, for each of ``values``."""
    return [integer(name, value, lowest, highest) for value in values]


def boolean(name: str, value: object) -> bool:
    """True or False, nothing that merely counts as such."""
    return bool(value) if isinstance(value, np.bool_) else bool(instance(name, value, bool))


def string(name: str, value: object) -> str:
    """A string."""
    return str(instance(name, value, str))


def instance(name: str, value: object, cls: type) -> Any:
    """An object of ``cls``."""
    if not isinstance(value, cls):
        raise TypeError(f"{name} must be a {cls.__name__}: '{type(value).__name__}' object is not one")
    return value
