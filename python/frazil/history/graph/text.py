"""The ancestry graph as text, for a terminal or plain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from frazil.history.graph.lanes import TAG_COLOUR, Layout, Row, truncation_note

EMPTY: Final = "(empty history)"

_RESET: Final = "\x1b[0m"
_DIM: Final = "\x1b[2m"
_BOLD: Final = "\x1b[1m"
_ITALIC: Final = "\x1b[3m"

_Paint = Callable[[str, str], str]
"""(text, escape sequences) to the text as it is printed."""


def draw(layout: Layout, *, plain: bool) -> str:
    """One line a snapshot and one between two, each ending in a newline; ``plain`` leaves out all escape sequences."""
    paint = _unpainted if plain else _painted
    if not layout.rows:
        return f"{EMPTY}\n"
    lines: list[str] = []
    colours = [_escape(colour) for colour in layout.colours]
    for number, row in enumerate(layout.rows):
        lines.append(f"{_snapshot_cells(row, colours, paint)}{_label(row, colours[row.lane], paint)}")
        if number < len(layout.rows) - 1:
            lines.append(_line_cells(row, colours, paint))
    note = truncation_note(layout)
    if note is not None:
        lines.append(paint(f"  {note}", _DIM))
    return "".join(f"{line}\n" for line in lines)


def _snapshot_cells(row: Row, colours: Sequence[str], paint: _Paint) -> str:
    """Two characters a lane: the dot, lines that pass, and the joining lanes bending towards the dot."""
    cells: list[str] = []
    for lane, colour in enumerate(colours):
        coming = next((joining for joining in row.joining if joining > lane), None) if lane >= row.lane else None
        bend = " " if coming is None else paint("─", colours[coming])
        if lane == row.lane:
            cells += paint("●", colour), bend
        elif lane in row.joining:
            cells += paint("╯", colour), bend
        elif lane in row.active:
            cells += paint("│", colour), " "
        else:
            cells += bend, bend
    return "".join(cells)


def _line_cells(row: Row, colours: Sequence[str], paint: _Paint) -> str:
    return "".join(f"{paint('│', colour)} " if lane in row.below else "  " for lane, colour in enumerate(colours))


def _label(row: Row, colour: str, paint: _Paint) -> str:
    names = [paint(name, _BOLD + colour) for name in row.branches]
    names += [paint(name, _BOLD + _ITALIC + _escape(TAG_COLOUR)) for name in row.tags]
    listed = f" ({', '.join(names)})" if names else ""
    return f"{paint(row.id, _DIM)}{listed} {row.message}"


def _escape(colour: str) -> str:
    """24-bit colour from ``#RRGGBB``."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return f"\x1b[38;2;{red};{green};{blue}m"


def _painted(text: str, escapes: str) -> str:
    return f"{escapes}{text}{_RESET}"


def _unpainted(text: str, escapes: str) -> str:  # noqa: ARG001 - the plain twin of _painted
    return text
