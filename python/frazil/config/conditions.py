"""What conditions on arrays have in common: names matched by regular expressions, and lists of conditions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

from frazil import _core
from frazil.config.fields import instance, string
from frazil.display import quoted
from frazil.names import PACKAGE
from frazil.variants import Payload


def search(pattern: str, text: str) -> bool:
    """Unanchored search; a pattern that does not compile matches nothing (format section 7.1).

    Python's own expressions differ in syntax, and some take exponential time: patterns come with repositories.
    """
    compiled = _compiled(pattern)
    return compiled is not None and compiled.is_match(text)


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> _core.Pattern | None:
    return _core.Pattern.compile(pattern)


def call(outer: type, name: str, argument: str = "") -> str:
    """The expression that makes a condition."""
    return f"{PACKAGE}.config.{outer.__name__}.{name}({argument})"


@dataclass(frozen=True, slots=True, init=False, repr=False)
class ConditionList(Payload):
    """The part of ``Or`` and ``And`` that holds other conditions of the same family."""

    family: ClassVar[type]
    constructor: ClassVar[str]

    _0: tuple[Any, ...]

    def __init__(self, _0: Iterable[Any], /) -> None:
        if isinstance(_0, str):
            raise TypeError(f"{self.constructor} takes a list of conditions, not a string")
        conditions = tuple(instance(self.constructor, condition, self.family) for condition in _0)
        object.__setattr__(self, "_0", conditions)

    @property
    def conditions(self) -> tuple[Any, ...]:
        """The conditions that are combined."""
        return self._0

    def __repr__(self) -> str:
        return call(self.family, self.constructor, f"[{', '.join(map(repr, self._0))}]")


@dataclass(frozen=True, slots=True, repr=False)
class RegexCondition:
    """The part of ``PathMatches`` and ``NameMatches`` that holds the expression."""

    family: ClassVar[type]
    constructor: ClassVar[str]

    regex: str

    def __post_init__(self) -> None:
        string("regex", self.regex)

    def __repr__(self) -> str:
        return call(self.family, self.constructor, quoted(self.regex))
