"""The two textual forms: the structural one for people, the executable one that Python can evaluate."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import indent
from typing import TypeGuard

from frazil.display.parts import Fields, Parts, Shown
from frazil.display.scalars import code, plain
from frazil.display.scalars import shown as shown_text
from frazil.names import PACKAGE

_STEP = "    "


def structural(shown: Shown) -> str:
    """``<name>``, then a line a field; nested objects are indented below the name of their field."""
    return structural_parts(shown.__display__())


def structural_parts(parts: Parts) -> str:
    lines = [f"<{PACKAGE}.{parts.title}>\n"]
    for name, value in parts.fields:
        lines.append(_field(name, value, quotes=parts.quotes))
    return "".join(lines)


def _field(name: str, value: object, *, quotes: bool) -> str:
    if isinstance(value, Shown):
        return f"{name}:\n{indent(structural_parts(value.__display__()), _STEP)}"
    if is_group(value):
        inner = "".join(_field(shown_text(key), item, quotes=quotes) for key, item in value.items())
        return f"{name}:\n{indent(inner, _STEP)}"
    return f"{name}: {plain(value, quotes=quotes)}\n"


def executable(title: str, arguments: Fields) -> str:
    """A constructor call with a keyword argument on each line."""
    lines = "".join(f"{_STEP}{name}={_argument(value)},\n" for name, value in arguments)
    return f"{PACKAGE}.{title}(\n{lines})"


def _argument(value: object) -> str:
    if is_group(value):
        items = "".join(f"{_STEP}{code(key)}: {_nested(repr(item))},\n" for key, item in value.items())
        return _nested(f"{{\n{items}}}")
    return _nested(code(value))


def _nested(text: str) -> str:
    return text.replace("\n", f"\n{_STEP}")


def is_group(value: object) -> TypeGuard[Mapping[str, Shown]]:
    """Whether this is a non-empty mapping of names to objects that show parts."""
    return isinstance(value, Mapping) and bool(value) and all(isinstance(item, Shown) for item in value.values())
