"""Classes with a closed set of variants: ``Outer.One``, ``Outer.Other``, each a subclass of ``Outer``.

The variants are written at module level, below their base, and hung into it by ``variant``; the base declares them as
type aliases, so that type checkers see the same as readers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar

from frazil.names import adopt

_Class = TypeVar("_Class", bound=type)


def variant(outer: type, name: str) -> Callable[[_Class], _Class]:
    """Make a class the variant ``name`` of its base: ``outer.name``, also for pickles."""

    def attach(cls: _Class) -> _Class:
        cls.__name__ = name
        cls.__qualname__ = f"{outer.__qualname__}.{name}"
        cls.__module__ = outer.__module__
        adopt(cls)
        setattr(outer, name, cls)
        return cls

    return attach


class Payload:
    """Values by position, for variants whose fields have no names: ``v[0]``, ``len(v)``, ``v._0``."""

    __slots__ = ()

    def __len__(self) -> int:
        return len(_given(self))

    def __getitem__(self, position: int) -> Any:
        return getattr(self, _given(self)[position].name)


def _given(payload: Any) -> list[dataclasses.Field[Any]]:
    return [field for field in dataclasses.fields(payload) if field.init]
