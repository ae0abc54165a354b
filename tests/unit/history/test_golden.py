"""The golden repositories, which the official packages wrote: refs, ancestry, operations log, flags, diffs."""

from __future__ import annotations

import json
import shutil
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from frazil._core import ObjectStore
from frazil.clock import from_datetime, system_clock
from frazil.errors import AlreadyExistsError, InvalidInputError, RefNotFoundError
from frazil.format.ids import SnapshotId, format_id, parse_snapshot_id
from frazil.history.base import History
from frazil.history.diff import diff
from frazil.history.start.opening import find, history_of
from frazil.history.v1.history import HistoryV1
from frazil.history.v2 import HistoryV2, require_v2
from frazil.migrations.v1_to_v2 import migrate
from tests.unit.history.contexts import StepClock, make_context

GOLDEN = Path(__file__).parents[2] / "golden"
VERSIONS = ("v1", "v2")
AFTER_GOLDEN_US = system_clock()
"""By the clock that dates the copies of the files."""


class Golden:
    """One golden repository and what a correct reader sees in it."""

    def __init__(self, version: str, root: Path) -> None:
        self.expected: dict[str, Any] = json.loads((GOLDEN / version / "expected.json").read_text("utf-8"))
        self.objects = ObjectStore.local(str(root), durable=False)
        found = find(self.objects, 0)
        assert found.spec_version == self.expected["spec_version"]
        clock = StepClock(AFTER_GOLDEN_US)
        self.context = make_context(
            self.objects, spec_version=found.spec_version, use_object_metadata=False, clock=clock
        )
        self.history: History = history_of(self.context, found)

    def resolve(self, ref: str) -> SnapshotId:
        """``branch:name``, ``tag:name`` or a snapshot id."""
        kind, _, name = ref.partition(":")
        if kind == "branch":
            return self.history.branch_tip(name)
        if kind == "tag":
            return self.history.tag_target(name)
        return parse_snapshot_id(ref)


@pytest.fixture(params=VERSIONS)
def golden(request: pytest.FixtureRequest, tmp_path: Path) -> Golden:
    shutil.copytree(GOLDEN / request.param / "repo", tmp_path / "repo")
    return Golden(request.param, tmp_path / "repo")


def as_text(refs: dict[str, SnapshotId]) -> dict[str, str]:
    return {name: format_id(target) for name, target in refs.items()}


def test_refs(golden: Golden) -> None:
    history, expected = golden.history, golden.expected
    assert as_text(history.branches()) == expected["branches"]
    assert as_text(history.tags()) == expected["tags"]
    assert history.branch_names() == set(expected["branches"])
    assert history.tag_names() == set(expected["tags"])
    for name, tip in expected["branches"].items():
        assert format_id(history.branch_tip(name)) == tip
    for name in expected["deleted_tags"]:
        with pytest.raises(RefNotFoundError):
            history.tag_target(name)
        with pytest.raises(AlreadyExistsError):
            history.create_tag(name, history.branch_tip("main"))


def test_ancestry(golden: Golden) -> None:
    for ref, expected in golden.expected["ancestry"].items():
        found = [
            {
                "id": format_id(entry.id),
                "parent_id": None if entry.parent_id is None else format_id(entry.parent_id),
                "message": entry.message,
                "metadata": dict(entry.metadata),
                "flushed_at_us": entry.flushed_at,
            }
            for entry in golden.history.ancestry(golden.resolve(ref))
        ]
        assert found == expected, ref


def test_diffs(golden: Golden) -> None:
    for case in golden.expected["diffs"]:
        start, end = golden.resolve(case["from"]), golden.resolve(case["to"])
        found = diff(golden.history, golden.context.assets, start, end)
        expected = case["diff"]
        for kind in ("groups", "arrays"):
            for change in ("new", "updated", "deleted"):
                name = f"{change}_{kind}"
                assert getattr(found, name) == set(expected[name]), (case["from"], case["to"], name)
        assert found.updated_chunks == expected["updated_chunks"]
        assert list(found.updated_chunks) == sorted(found.updated_chunks)
        assert [list(move) for move in found.moved_nodes] == expected["moved_nodes"]


def test_a_diff_needs_a_proper_ancestor(golden: Golden) -> None:
    tip = golden.history.branch_tip("main")
    *_, root = golden.history.ancestry(tip)
    for start, end in ((tip, tip), (tip, root.id)):
        with pytest.raises(InvalidInputError, match="doesn't include") as raised:
            diff(golden.history, golden.context.assets, start, end)
        assert raised.value.kind == "bad-snapshot-chain-for-diff"


# ---- spec 2 only ------------------------------------------------------------------------------------------------------


@pytest.fixture
def golden_v2(tmp_path: Path) -> Golden:
    shutil.copytree(GOLDEN / "v2" / "repo", tmp_path / "repo")
    return Golden("v2", tmp_path / "repo")


def test_every_snapshot(golden_v2: Golden) -> None:
    found = {}
    for snapshot_id in require_v2(golden_v2.history, "snapshots").read().snapshot_ids():
        entry = golden_v2.history.entry(SnapshotId(snapshot_id))
        found[format_id(entry.id)] = {
            "message": entry.message,
            "parent_id": None if entry.parent_id is None else format_id(entry.parent_id),
            "pruned_ancestor_tx_logs": [format_id(log_id) for log_id in entry.pruned],
        }
    assert found == golden_v2.expected["all_snapshots"]


def test_operations_log(golden_v2: Golden) -> None:
    found = [
        {
            "kind": type(update.kind).__name__.lstrip("_"),
            "fields": {part.name: getattr(update.kind, part.name) for part in fields(update.kind)},
            "updated_at_us": from_datetime(update.updated_at),
            "backup_path": update.backup_path,
        }
        for update in require_v2(golden_v2.history, "ops_log").ops_log()
    ]
    assert found == golden_v2.expected["ops_log"]


def test_repository_metadata_status_and_flags(golden_v2: Golden) -> None:
    history = require_v2(golden_v2.history, "metadata")
    assert history.metadata() == golden_v2.expected["repo_metadata"]
    found = {
        flag.name: {"id": flag.id, "enabled": flag.enabled, "setting": flag.setting} for flag in history.feature_flags()
    }
    assert found == golden_v2.expected["feature_flags"]
    history.ensure_writable()


def test_what_an_update_does_not_touch_is_carried_over(golden_v2: Golden) -> None:
    history = require_v2(golden_v2.history, "metadata")
    before = history.read()
    log = list(history.ops_log())
    history.create_branch("new", history.branch_tip("main"))
    after = history.read()
    assert after.snapshots() == before.snapshots()
    assert after.tags() == before.tags()
    assert after.deleted_tags() == before.deleted_tags()
    assert after.metadata == before.metadata
    assert after.config == before.config
    assert after.status == before.status
    assert (after.enabled_flags or []) == (before.enabled_flags or [])
    assert (after.disabled_flags or []) == (before.disabled_flags or [])
    assert [update.kind for update in history.ops_log()][1:] == [update.kind for update in log]


def test_the_migrated_golden_repository(tmp_path: Path) -> None:
    shutil.copytree(GOLDEN / "v1" / "repo", tmp_path / "repo")
    old = Golden("v1", tmp_path / "repo")
    assert isinstance(old.history, HistoryV1)
    migrate(old.context, old.history, dry_run=False)
    found = find(old.objects, 0)
    assert found.spec_version == 2
    history = history_of(make_context(old.objects, use_object_metadata=False), found)
    assert isinstance(history, HistoryV2)
    assert as_text(history.branches()) == old.expected["branches"]
    assert as_text(history.tags()) == old.expected["tags"]
    assert history.read().deleted_tags() == old.expected["deleted_tags"]
    for case in old.expected["diffs"]:
        start, end = (parse_snapshot_id(text) for text in (case["from"], case["to"]))
        changed = diff(history, old.context.assets, start, end)
        assert changed.new_arrays == set(case["diff"]["new_arrays"])
        assert changed.updated_chunks == case["diff"]["updated_chunks"]
