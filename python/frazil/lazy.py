"""Submodules that are imported when somebody asks their package for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType


def submodules(package: str, homes: Mapping[str, str]) -> Callable[[str], ModuleType]:
    """The ``__getattr__`` of a package, for submodules that its import leaves out; ``homes`` are names and modules.

    What is missing for one, such as an optional package, is said by an ``AttributeError``, so that ``hasattr`` is false.
    """

    def getattribute(name: str) -> ModuleType:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name)
        try:
            return import_module(homes[name])
        except ModuleNotFoundError as missing:
            raise AttributeError(
                f"module {package!r} has no attribute {name!r} here: {missing}", name=name
            ) from missing

    return getattribute
