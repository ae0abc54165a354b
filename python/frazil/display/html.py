"""The form that notebooks show."""

from __future__ import annotations

from html import escape
from typing import Final

from frazil.display.parts import Shown
from frazil.display.scalars import plain
from frazil.display.scalars import shown as shown_text
from frazil.display.text import is_group
from frazil.names import PACKAGE

_STYLE: Final = f"""<style>
.{PACKAGE}-repr {{ line-height: 1.6; max-width: 700px; color: var(--jp-content-font-color0, inherit); }}
.{PACKAGE}-repr .{PACKAGE}-header {{ font-weight: 500; padding-bottom: 4px; border-bottom: solid 1px #8885; }}
.{PACKAGE}-repr .{PACKAGE}-field {{ padding: 2px 0; }}
.{PACKAGE}-repr .{PACKAGE}-field-name {{ font-weight: 500; opacity: 0.6; }}
.{PACKAGE}-repr summary {{ cursor: pointer; }}
.{PACKAGE}-repr details > .{PACKAGE}-repr {{ margin: 4px 0 4px 12px; padding: 6px 10px; background: #8881; }}
</style>
"""


def html(shown: Shown) -> str:
    """A box with the name and a line a field; nested objects fold."""
    return _STYLE + _box(shown)


def _box(shown: Shown) -> str:
    parts = shown.__display__()
    fields = "".join(_field(name, value, quotes=parts.quotes) for name, value in parts.fields)
    header = f'<div class="{PACKAGE}-header">{escape(f"{PACKAGE}.{parts.title}", quote=False)}</div>'
    return f'<div class="{PACKAGE}-repr">{header}{fields}</div>'


def _field(name: str, value: object, *, quotes: bool) -> str:
    if isinstance(value, Shown):
        return _fold(name, _box(value))
    if is_group(value):
        inner = "".join(_fold(shown_text(key), _box(item)) for key, item in value.items())
        return _fold(name, f'<div class="{PACKAGE}-repr">{inner}</div>')
    text = escape(plain(value, quotes=quotes), quote=False)
    return (
        f'<div class="{PACKAGE}-field"><span class="{PACKAGE}-field-name">{escape(name)}:</span> '
        f'<span class="{PACKAGE}-field-value">{text}</span></div>'
    )


def _fold(name: str, content: str) -> str:
    return f'<details><summary class="{PACKAGE}-field-name">{escape(name)}</summary>{content}</details>'
