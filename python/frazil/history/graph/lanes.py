"""Which lane of the ancestry graph each snapshot is drawn in: a plan, without any drawing (api: ``AncestryGraph``)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from frazil.format.ids import SnapshotId, format_id
from frazil.format.records import SnapshotEntry
from frazil.history.repo_object.ref_changes import MAIN_BRANCH

MAX_ROWS: Final = 100
TAG_COLOUR: Final = "#5EC4F7"
_LANE_COLOURS: Final = ("#B7E400", "#A653FF", "#FF6554", "#FF9E0D", "#F881D1")
_SHORT_ID: Final = 8
_MAX_MESSAGE: Final = 60
_ELLIPSIS: Final = "..."


@dataclass(frozen=True, slots=True)
class Row:
    """One snapshot: its lane, its label, and the lanes whose oldest snapshot has this one as its parent.

    ``active`` are the lanes that have a line through this row, its own and the joining ones included; ``below`` those
    with a line to the next row.
    """

    lane: int
    joining: tuple[int, ...]
    active: frozenset[int]
    below: frozenset[int]
    id: str
    branches: tuple[str, ...]
    tags: tuple[str, ...]
    message: str


@dataclass(frozen=True, slots=True)
class Layout:
    """The rows to draw, newest first, of ``total`` snapshots, and the colour (``#RRGGBB``) of each lane."""

    rows: tuple[Row, ...]
    colours: tuple[str, ...]
    total: int


def lay_out(
    tips: Mapping[str, SnapshotId],
    tags: Mapping[str, SnapshotId],
    entries: Mapping[SnapshotId, SnapshotEntry],
    all_branches: Iterable[str] = (),
) -> Layout:
    """Give each of ``tips`` a lane, ``main`` the first; a snapshot is in the first lane that it is an ancestor of.

    ``all_branches`` are those of the repository: a branch has the same colour alone as among the others.
    """
    names = _in_order(tips)
    known = _in_order({*all_branches})
    numbers = {name: number for number, name in enumerate(known or names)}
    colours = (_LANE_COLOURS[numbers.get(name, 0) % len(_LANE_COLOURS)] for name in names)
    lanes = _lanes([tips[name] for name in names], entries)
    order = sorted(entries.values(), key=lambda entry: (entry.flushed_at, entry.id), reverse=True)
    shown = order[:MAX_ROWS]
    joining = _joining(lanes, entries)
    ends = {lane: parent for parent, joined in joining.items() for lane in joined}
    rows: list[Row] = []
    active: frozenset[int] = frozenset()
    for entry in shown:
        lane = lanes[entry.id]
        joined = joining.get(entry.id, ())
        active |= {lane}
        below = active - set(joined)
        if lane not in ends and _parent_lane(entry, lanes) is None:
            below -= {lane}
        labels = tuple(name for name in names if tips[name] == entry.id)
        marks = tuple(sorted(name for name, target in tags.items() if target == entry.id))
        rows.append(Row(lane, joined, active, below, format_id(entry.id)[:_SHORT_ID], labels, marks, _title(entry)))
        active = below
    return Layout(tuple(rows), tuple(colours), len(order))


def _in_order(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: (name != MAIN_BRANCH, name))


def _lanes(tips: Sequence[SnapshotId], entries: Mapping[SnapshotId, SnapshotEntry]) -> dict[SnapshotId, int]:
    lanes: dict[SnapshotId, int] = {}
    for lane, tip in enumerate(tips):
        current: SnapshotId | None = tip
        while current is not None and current in entries and current not in lanes:
            lanes[current] = lane
            current = entries[current].parent_id
    return lanes


def _parent_lane(entry: SnapshotEntry, lanes: Mapping[SnapshotId, int]) -> int | None:
    return lanes.get(entry.parent_id) if entry.parent_id is not None else None


def _joining(
    lanes: Mapping[SnapshotId, int], entries: Mapping[SnapshotId, SnapshotEntry]
) -> dict[SnapshotId, tuple[int, ...]]:
    """The lanes that end in each snapshot: those whose oldest snapshot is its child."""
    found: dict[SnapshotId, list[int]] = {}
    for snapshot_id, lane in lanes.items():
        entry = entries[snapshot_id]
        parent_lane = _parent_lane(entry, lanes)
        if entry.parent_id is not None and parent_lane is not None and parent_lane != lane:
            found.setdefault(entry.parent_id, []).append(lane)
    return {parent: tuple(sorted(joined)) for parent, joined in found.items()}


def _title(entry: SnapshotEntry) -> str:
    """The first line of the message, not too long."""
    line = entry.message.split("\n", 1)[0].removesuffix("\r")
    return line if len(line) <= _MAX_MESSAGE else line[: _MAX_MESSAGE - len(_ELLIPSIS)] + _ELLIPSIS


def truncation_note(layout: Layout) -> str | None:
    """What to say below a graph that does not show everything."""
    if len(layout.rows) == layout.total:
        return None
    return f"{_ELLIPSIS} (showing {len(layout.rows)} of {layout.total} snapshots)"


def lane_spans(layout: Layout) -> list[tuple[int, int, int]]:
    """(lane, first row, last row) of the line of each lane: those that join another one in order, then the others.

    A lane ends in the row above the one where it joins; a lane that does not join has no line if it is one dot.
    """
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    joined: list[tuple[int, int, int]] = []
    for number, row in enumerate(layout.rows):
        first.setdefault(row.lane, number)
        joined += ((lane, first.pop(lane), number - 1) for lane in row.joining if lane in first)
        last.update(dict.fromkeys(row.active, number))
    others = [(lane, first[lane], last[lane]) for lane in sorted(first)]
    return joined + [span for span in others if span[1] < span[2]]
