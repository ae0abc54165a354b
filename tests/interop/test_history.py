"""What we write to the history is read back by the official package after every single change."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import zarr
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from frazil import Repository, local_filesystem_storage
from frazil._core import ObjectStore
from frazil.clock import system_clock, to_datetime
from frazil.format.ids import INITIAL_SNAPSHOT_ID, format_id
from frazil.history.start.creating import create
from frazil.history.v2 import HistoryV2
from tests.unit.history.contexts import make_context
from tests.unit.history.machine import HistoryMachine

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def official() -> ModuleType:
    return pytest.importorskip("icechunk", reason="the official package is not installed")


def machine_of(spec_version_: int, official: ModuleType) -> type[HistoryMachine]:
    """A machine whose store is a directory that the official package opens after each step."""

    class Machine(HistoryMachine):
        spec_version = spec_version_

        def new_store(self) -> ObjectStore:
            self.directory = tempfile.mkdtemp()
            return ObjectStore.local(self.directory, durable=False)

        def teardown(self) -> None:
            shutil.rmtree(getattr(self, "directory", ""), ignore_errors=True)

        def check_outside(self) -> None:
            repo = official.Repository.open(official.local_filesystem_storage(self.directory))
            compare(self, repo)

    return Machine


def compare(machine: HistoryMachine, repo: Any) -> None:
    """Everything that the official package tells of the history."""
    # Spec 1 on a local disk: it lists percent-encoded names as they are, and looks up what it listed by another name.
    plain = {name for name in machine.branches if name.isascii() and "%" not in name}
    assert {name for name in repo.list_branches() if name.isascii() and "%" not in name} == plain
    for name, tip in machine.branches.items():
        assert repo.lookup_branch(name) == format_id(tip)
    for name, target in machine.tags.items():
        assert repo.lookup_tag(name) == format_id(target)
    for tip in set(machine.branches.values()):
        found = [
            (entry.id, entry.parent_id, entry.message, entry.metadata, entry.written_at.astimezone(UTC))
            for entry in repo.ancestry(snapshot_id=format_id(tip))
        ]
        expected = [
            (
                format_id(entry.id),
                None if entry.parent_id is None else format_id(entry.parent_id),
                entry.message,
                dict(entry.metadata),
                to_datetime(entry.flushed_at),
            )
            for entry in machine.one.ancestry(tip)
        ]
        assert found == expected
    if isinstance(machine.one, HistoryV2):
        compare_spec_2(machine, machine.one, repo)


def compare_spec_2(machine: HistoryMachine, history: HistoryV2, repo: Any) -> None:
    assert repo.list_branches() == set(machine.branches)
    assert repo.list_tags() == set(machine.tags)
    assert repo.get_metadata() == machine.metadata
    assert {flag.name: flag.setting for flag in repo.feature_flags()} == {
        flag.name: flag.setting for flag in history.feature_flags()
    }
    ours, theirs = list(history.ops_log()), list(repo.ops_log())
    assert [(repr(u.kind).split("(")[0].rsplit(".", 1)[1], u.updated_at, u.backup_path) for u in ours] == [
        (repr(u.kind).split("(")[0].rsplit(".", 1)[1], u.updated_at, u.backup_path) for u in theirs
    ]
    for snapshot_id, entry in machine.entries.items():
        assert repo.lookup_snapshot(format_id(snapshot_id)).message == entry.message


@pytest.mark.parametrize("spec_version", [1, 2])
def test_every_state_is_read_by_the_official_package(
    official: ModuleType, spec_version: int, amount: Callable[[int, int], int]
) -> None:
    if spec_version == 2 and int(official.__version__.split(".")[0]) < 2:
        pytest.skip(f"icechunk {official.__version__} cannot open repositories of spec 2")
    # The official package opens the repository after every step, which takes longer than all the rest.
    fewer = settings(max_examples=amount(20, 1000), stateful_step_count=20)
    run_state_machine_as_test(machine_of(spec_version, official), settings=fewer)


def test_the_official_package_goes_on_where_we_stopped(official: ModuleType, tmp_path: Path) -> None:
    """And we go on where it stopped: changes of both, in turns, on one repository."""
    if int(official.__version__.split(".")[0]) < 2:
        pytest.skip(f"icechunk {official.__version__} cannot open repositories of spec 2")
    context = make_context(
        ObjectStore.local(str(tmp_path / "repo"), durable=False), clock=system_clock, use_object_metadata=False
    )
    ours = create(context, None)
    assert isinstance(ours, HistoryV2)
    theirs = official.Repository.open(official.local_filesystem_storage(str(tmp_path / "repo")))
    for turn in range(4):
        ours.create_branch(f"ours-{turn}", INITIAL_SNAPSHOT_ID)
        theirs.create_branch(f"theirs-{turn}", format_id(INITIAL_SNAPSHOT_ID))
        tip = theirs.writable_session("main").commit(f"turn {turn}", {"turn": turn}, allow_empty=True)
        assert format_id(ours.branch_tip("main")) == tip
        ours.create_tag(f"t{turn}", ours.branch_tip("main"))
        theirs.set_metadata({"turn": turn})
        assert ours.metadata() == {"turn": turn}
    expected = {"main", *(f"ours-{turn}" for turn in range(4)), *(f"theirs-{turn}" for turn in range(4))}
    assert ours.branch_names() == theirs.list_branches() == expected
    assert len(list(ours.ops_log())) == len(list(theirs.ops_log())) == 1 + 5 * 4
    assert [update.updated_at for update in ours.ops_log()] == [update.updated_at for update in theirs.ops_log()]


def test_metadata_that_is_nested_200_deep_goes_both_ways(official: ModuleType, tmp_path: Path) -> None:
    deep: Any = 1
    for number in range(200):
        deep = [deep] if number % 2 else {"k": deep}
    theirs = official.Repository.create(official.local_filesystem_storage(str(tmp_path)))
    session = theirs.writable_session("main")
    zarr.create_group(session.store)
    session.commit("theirs", {"deep": deep})
    ours = Repository.open(local_filesystem_storage(str(tmp_path)))
    session = ours.writable_session("main")
    zarr.open_group(session.store, mode="r+").attrs["x"] = 1
    session.commit("ours", {"deep": deep})
    for repo in (ours, official.Repository.open(official.local_filesystem_storage(str(tmp_path)))):
        newest, before, _ = repo.ancestry(branch="main")
        assert newest.metadata["deep"] == before.metadata["deep"] == deep
