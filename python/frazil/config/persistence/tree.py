"""The configuration as a tree of plain values, which files write in one of two ways (format section 4.3).

Struct-like objects are dictionaries with a fixed set of keys; None stands for what is unset.  Values of enumerations
are ``Tagged``; a variant without a value is a plain string.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from frazil.config.base import Config

_Config = TypeVar("_Config", bound=Config)

Tree = Any
"""None, bool, int, str, list, dict with string keys, or ``Tagged``, nested."""


@dataclass(frozen=True, slots=True)
class Tagged:
    """A variant that carries a value: ``!tag value`` in YAML, ``{"tag": value}`` elsewhere (format section 4.4)."""

    tag: str
    value: Tree


@dataclass(frozen=True, slots=True)
class Codec:
    """How one field is written and read; neither meets None."""

    write: Callable[[Any], Tree]
    read: Callable[[Tree], Any]


def _same(value: Any) -> Any:
    return value


PLAIN = Codec(_same, _same)
"""Numbers, booleans and strings, which the configuration classes check themselves."""

Shape = Mapping[str, Codec]
"""The keys of a struct, in the order in which they are written."""


def write_struct(config: Config, shape: Shape) -> dict[str, Tree]:
    """Every key of ``shape``, unset ones as None."""
    tree = {}
    for key, codec in shape.items():
        value = getattr(config, key)
        tree[key] = None if value is None else codec.write(value)
    return tree


def read_struct(cls: type[_Config], shape: Shape, tree: Tree) -> _Config:
    """An object from a dictionary; unknown keys are ignored, missing ones are unset."""
    return cls(**read_fields(cls.__name__, shape, tree))


def read_fields(what: str, shape: Shape, tree: Tree) -> dict[str, Any]:
    """The set fields among those of ``shape``."""
    if not isinstance(tree, dict):
        raise TypeError(f"{what} must be a mapping, not {tree!r}")
    return {key: codec.read(tree[key]) for key, codec in shape.items() if tree.get(key) is not None}


def struct(cls: type[Config], shape: Shape) -> Codec:
    """A field that holds a nested struct."""
    return Codec(lambda config: write_struct(config, shape), lambda tree: read_struct(cls, shape, tree))


def variant(what: str, tree: Tree) -> tuple[str, Tree]:
    """The name of a variant and its value, None if it has none."""
    match tree:
        case str():
            return tree, None
        case Tagged():
            return tree.tag, tree.value
        case dict() if len(tree) == 1:
            ((name, value),) = tree.items()
            return name, value
        case _:
            raise TypeError(f"{what} must be the name of a variant, with or without a value, not {tree!r}")


def unknown_variant(what: str, name: str) -> ValueError:
    """For a name that this version does not know; guessing what it means could lose data."""
    return ValueError(f"unknown {what} `{name}`: it may have been written by a newer version, which can read it")


def untagged(tree: Tree) -> Tree:
    """The tree for formats without tags: every ``Tagged`` becomes a dictionary with one key."""
    match tree:
        case Tagged():
            return {tree.tag: untagged(tree.value)}
        case dict():
            return {key: untagged(value) for key, value in tree.items()}
        case list():
            return [untagged(value) for value in tree]
        case _:
            return tree
