"""Drawings of ancestry graphs, compared with those that the official package made of the same histories."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from frazil.format.ids import SnapshotId, parse_snapshot_id
from frazil.format.records import SnapshotEntry
from frazil.history.graph import lanes as graph
from frazil.history.graph import svg as graph_svg
from frazil.history.graph import text as graph_text
from frazil.history.graph.lanes import Layout

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "data" / "ancestry_graphs.json").read_text("utf-8"))
all_cases = pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])


def layout_of(case: dict[str, Any]) -> Layout:
    entries = [
        SnapshotEntry(parse_snapshot_id(text), parse_snapshot_id(parent) if parent else None, flushed_at, message)
        for text, parent, flushed_at, message in case["snapshots"]
    ]
    return graph.lay_out(
        {name: parse_snapshot_id(tip) for name, tip in case["tips"].items()},
        {name: parse_snapshot_id(target) for name, target in case["tags"].items()},
        {entry.id: entry for entry in entries},
        case["branches"],
    )


@all_cases
def test_plain_text(case: dict[str, Any]) -> None:
    assert graph_text.draw(layout_of(case), plain=True) == case["plain"]


@all_cases
def test_coloured_text(case: dict[str, Any]) -> None:
    assert graph_text.draw(layout_of(case), plain=False) == case["colour"]


@all_cases
def test_svg(case: dict[str, Any]) -> None:
    image = graph_svg.draw(layout_of(case))
    assert image == case["svg"]
    assert ET.fromstring(image).tag.endswith("svg")


def test_nothing_to_draw() -> None:
    assert graph_text.draw(graph.lay_out({}, {}, {}), plain=True) == "(empty history)\n"


def test_a_message_is_cut_between_characters_whatever_their_size_in_bytes() -> None:
    entry = SnapshotEntry(SnapshotId(bytes(12)), None, 1, "é" * 61)
    layout = graph.lay_out({"main": entry.id}, {}, {entry.id: entry})
    assert layout.rows[0].message == "é" * 57 + "..."


def test_control_characters_do_not_break_the_image() -> None:
    entry = SnapshotEntry(SnapshotId(bytes(12)), None, 1, "a\x00b\x1b[0m")
    image = graph_svg.draw(graph.lay_out({"main": entry.id}, {}, {entry.id: entry}))
    assert ET.fromstring(image).findtext(".//{*}text") is not None
    assert "ab[0m" in image
