"""The ancestry graph as an SVG image, for notebooks."""

from __future__ import annotations

from typing import Final

from frazil.history.graph.lanes import TAG_COLOUR, Layout, Row, lane_spans, truncation_note

_ROW_HEIGHT: Final = 28
_LANE_WIDTH: Final = 20
_MARGIN: Final = 15
_LABEL_GAP: Final = 14
_LABEL_WIDTH: Final = 500
_FONT_SIZE: Final = 13
_RADIUS: Final = 5
_TEXT_COLOUR: Final = "#aaa"
_ID_COLOUR: Final = "#888"


def draw(layout: Layout) -> str:
    """An ``<svg>`` element: the lines of the lanes, the bends where they join, then the snapshots and their labels."""
    colours = layout.colours
    label_x = _x(len(colours)) + _LABEL_GAP
    height = len(layout.rows) * _ROW_HEIGHT + _LANE_WIDTH
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{label_x + _LABEL_WIDTH}" height="{height}" '
        f'style="font-family: monospace; font-size: {_FONT_SIZE}px;">'
    )
    parts = [opening]
    parts += (_line(lane, first, last, colours[lane]) for lane, first, last in lane_spans(layout))
    for number, row in enumerate(layout.rows):
        parts += (_bend(lane, row.lane, number, colours[lane]) for lane in row.joining)
    for number, row in enumerate(layout.rows):
        centre = f'cx="{_x(row.lane)}" cy="{_y(number)}"'
        parts.append(f'  <circle {centre} r="{_RADIUS}" fill="{colours[row.lane]}" />')
        parts.append(_text(label_x, _y(number) + _FONT_SIZE / 3, _TEXT_COLOUR, _label(row, colours[row.lane])))
    note = truncation_note(layout)
    if note is not None:
        parts.append(_text(label_x, height + 8, _ID_COLOUR, note))
    return "".join(f"{part}\n" for part in (*parts, "</svg>"))


def _x(lane: int) -> int:
    return _MARGIN + _LANE_WIDTH * lane


def _y(row: int) -> int:
    return _MARGIN + _ROW_HEIGHT * row


def _line(lane: int, first: int, last: int, colour: str) -> str:
    ends = f'x1="{_x(lane)}" y1="{_y(first)}" x2="{_x(lane)}" y2="{_y(last)}"'
    return f'  <line {ends} stroke="{colour}" stroke-width="2" />'


def _bend(lane: int, target: int, row: int, colour: str) -> str:
    """A curve from the row above in ``lane`` to ``row`` in ``target``."""
    top, bottom = _y(row - 1), _y(row)
    middle = (top + bottom) // 2
    curve = f"M {_x(lane)} {top} C {_x(lane)} {middle}, {_x(target)} {middle}, {_x(target)} {bottom}"
    return f'  <path d="{curve}" fill="none" stroke="{colour}" stroke-width="2" />'


def _text(x: int, y: float, colour: str, content: str) -> str:
    return f'  <text x="{x}" y="{y}" fill="{colour}">{content}</text>'


def _label(row: Row, colour: str) -> str:
    names = [f'<tspan font-weight="bold" fill="{colour}">{_escape(name)}</tspan>' for name in row.branches]
    names += [
        f'<tspan font-weight="bold" font-style="italic" fill="{TAG_COLOUR}">{_escape(name)}</tspan>'
        for name in row.tags
    ]
    listed = f" ({', '.join(names)})" if names else ""
    return f'<tspan fill="{_ID_COLOUR}">{row.id}</tspan>{listed} {_escape(row.message)}'


def _escape(text: str) -> str:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    return "".join(character for character in escaped if character >= " " or character == "\t")
