"""The cases by name, and the functions that they run in fresh processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.bench import Bench

CASES: dict[str, Callable[[Bench], None]] = {}
CHILDREN: dict[str, Callable[..., dict[str, float]]] = {}


def case(name: str) -> Callable[[Callable[[Bench], None]], Callable[[Bench], None]]:
    """Register a case under ``name``."""

    def add(function: Callable[[Bench], None]) -> Callable[[Bench], None]:
        CASES[name] = function
        return function

    return add


def child(function: Callable[..., dict[str, float]]) -> Callable[..., dict[str, float]]:
    """Register a function that runs in a fresh process and returns metrics."""
    CHILDREN[function.__name__] = function
    return function
