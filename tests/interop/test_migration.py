"""Migrations by both packages of copies of one repository: the same result."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from frazil._core import ObjectStore
from frazil.clock import system_clock
from frazil.history.start.opening import find, history_of
from frazil.history.v1.history import HistoryV1
from frazil.migrations.v1_to_v2 import migrate
from tests.unit.history.contexts import make_context

pytestmark = pytest.mark.interop

GOLDEN = Path(__file__).parents[1] / "golden"
INITIAL = "1CECHNKREP0F1RSTCMT0"


@pytest.fixture(scope="module")
def official() -> ModuleType:
    module = pytest.importorskip("icechunk", reason="the official package is not installed")
    if int(module.__version__.split(".")[0]) < 2:
        pytest.skip(f"icechunk {module.__version__} cannot migrate")
    return module


def many_refs(official: ModuleType, path: Path) -> None:
    """Branches from branches, tags everywhere, deleted tags of live and of unreachable snapshots, a reset branch."""
    repo = official.Repository.create(official.local_filesystem_storage(str(path)), spec_version=1)

    def commit(branch: str) -> str:
        made: str = repo.writable_session(branch).commit(f"on {branch}", {"branch": branch}, allow_empty=True)
        return made

    first = commit("main")
    for name in ("zz", "bb", "old", "gone"):
        repo.create_branch(name, first)
    on_zz, on_bb = commit("zz"), commit("bb")
    for tag, target in (("t1", on_zz), ("t2", on_zz), ("t3", first), ("root", INITIAL)):
        repo.create_tag(tag, target)
    repo.delete_tag("t2")
    repo.create_branch("bc", on_bb)
    commit("bb"), commit("bc")
    repo.create_branch("at-root", INITIAL)
    unreachable = commit("gone")
    repo.create_tag("lost", unreachable)
    repo.delete_tag("lost")
    repo.delete_branch("gone")
    commit("main"), commit("main")
    repo.reset_branch("main", first)
    commit("main")
    time.sleep(0.01)  # the official package refuses to migrate what is younger than the times that it makes up


def golden(_: ModuleType, path: Path) -> None:
    shutil.copytree(GOLDEN / "v1" / "repo", path)


def description(official: ModuleType, path: Path) -> dict[str, Any]:
    """What the official package sees, without the time of the migration."""
    repo = official.Repository.open(official.local_filesystem_storage(str(path)))
    branches = {name: repo.lookup_branch(name) for name in repo.list_branches()}
    tags = {name: repo.lookup_tag(name) for name in repo.list_tags()}
    migrated, *log = repo.ops_log()
    assert repr(migrated.kind).endswith("RepoMigrated(from_version=1, to_version=2)")
    return {
        "spec version": int(repo.spec_version),
        "branches": branches,
        "tags": tags,
        "log": [(repr(update.kind), update.updated_at, update.backup_path) for update in log],
        "ancestry": {
            tip: [(entry.id, entry.parent_id, entry.message, entry.written_at, entry.metadata) for entry in chain]
            for tip in {*branches.values(), *tags.values()}
            for chain in [list(repo.ancestry(snapshot_id=tip))]
        },
        "metadata": repo.get_metadata(),
        "status": repr(repo.get_status()),
        "files": {str(file.relative_to(path)) for file in path.rglob("*") if file.is_file() and file.name[0] != "."},
    }


@pytest.mark.parametrize("make", [many_refs, golden])
@pytest.mark.parametrize("delete", [True, False])
def test_both_migrations_have_the_same_result(
    official: ModuleType, tmp_path: Path, make: Callable[[ModuleType, Path], None], delete: bool
) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    make(official, ours)
    shutil.copytree(ours, theirs)
    objects = ObjectStore.local(str(ours), durable=False)
    context = make_context(objects, spec_version=1, clock=system_clock, use_object_metadata=False)
    history = history_of(context, find(objects, 0))
    assert isinstance(history, HistoryV1)
    migrate(context, history, dry_run=False, delete_unused_v1_files=delete)
    repo = official.Repository.open(official.local_filesystem_storage(str(theirs)))
    official.upgrade_icechunk_repository(repo, dry_run=False, delete_unused_v1_files=delete)
    assert description(official, ours) == description(official, theirs)


def test_the_official_package_goes_on_after_our_migration(official: ModuleType, tmp_path: Path) -> None:
    many_refs(official, tmp_path)
    objects = ObjectStore.local(str(tmp_path), durable=False)
    context = make_context(objects, spec_version=1, clock=system_clock, use_object_metadata=False)
    migrate(context, HistoryV1(context), dry_run=False)
    time.sleep(0.01)
    repo = official.Repository.open(official.local_filesystem_storage(str(tmp_path)))
    before = [entry.id for entry in repo.ancestry(branch="main")]
    new = repo.writable_session("main").commit("after", allow_empty=True)
    assert [entry.id for entry in repo.ancestry(branch="main")] == [new, *before]
    with pytest.raises(official.IcechunkError, match="already deleted"):
        repo.create_tag("t2", new)
