"""Every kind of change, by each package, as the other one sees it; and the other one goes on from there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import zarr

import frazil
from tests.interop.actor import Actor, view
from tests.interop.edits import CODECS, SHAPES, TYPES, Edit, make, make_external, values

pytestmark = pytest.mark.interop

FUTURE = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def official() -> ModuleType:
    return pytest.importorskip("icechunk", reason="the official package is not installed")


@pytest.fixture(params=[1, 2], ids=["v1", "v2"])
def spec(request: pytest.FixtureRequest, official: ModuleType) -> int:
    if request.param == 2 and int(official.__version__.partition(".")[0]) < 2:
        pytest.skip(f"icechunk {official.__version__} cannot open repositories of spec 2")
    version: int = request.param
    return version


@pytest.fixture(params=["from Frazil", "to Frazil"])
def pair(request: pytest.FixtureRequest, official: ModuleType, tmp_path: Path) -> tuple[Actor, Actor]:
    """(writer, reader)"""
    make_external(tmp_path / "external")
    packages = (frazil, official) if request.param == "from Frazil" else (official, frazil)
    writer, reader = (Actor(package, tmp_path / "external") for package in packages)
    return writer, reader


def both_see_the_same(one: Actor, other: Actor, place: Path, known: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Snapshots that are ``known`` to either were compared before."""
    detailed = not (one.is_old or other.is_old)
    ours, theirs = (
        view(actor, place, seen, detailed=detailed) for actor, seen in zip((one, other), known, strict=True)
    )
    for what in ours.keys() | theirs.keys():
        assert ours[what] == theirs[what], what


def commit(actor: Actor, place: Path, *edits: Edit, branch: str = "main", **config: Any) -> str:
    session = actor.open(place, actor.config(**config) if config else None).writable_session(branch)
    for edit in edits:
        make(edit, session, actor.external)
    made: str = session.commit("a change", {"of": [edit.kind for edit in edits]})
    return made


# ---- data ------------------------------------------------------------------------------------------------------------


def test_every_type_rank_and_codec(pair: tuple[Actor, Actor], spec: int, tmp_path: Path) -> None:
    writer, reader = pair
    place = tmp_path / "repo"
    session = writer.create(place, spec, writer.config(threshold=32)).writable_session("main")
    made = [
        Edit(
            "array", f"{dtype.strip('<>')}/{layout}", 2 + layout, dtype, layout, CODECS[(number + layout) % len(CODECS)]
        )
        for number, dtype in enumerate(TYPES)
        for layout in range(len(SHAPES))
    ]
    for edit in made:
        make(edit, session, writer.external)
    session.commit("everything")
    root = zarr.open_group(reader.open(place).readonly_session("main").store, mode="r")
    for edit in made:
        array = root[edit.path]
        assert isinstance(array, zarr.Array)
        np.testing.assert_array_equal(np.asarray(array[...]), values(edit.seed, array))
    both_see_the_same(writer, reader, place, ({}, {}))


# ---- changes ---------------------------------------------------------------------------------------------------------

Change = Callable[[Actor, Path], object]


def amend(actor: Actor, place: Path) -> None:
    session = actor.open(place).writable_session("main")
    make(Edit("write", "a", 8), session, actor.external)
    make(Edit("array", "amended", 3), session, actor.external)
    session.amend("amended", metadata={"again": True})


def move(actor: Actor, place: Path) -> None:
    session = actor.open(place).rearrange_session("main")
    session.move("/g", "/moved")
    session.move("/moved/b", "/b")
    session.move("/a", "/moved/a")
    session.commit("moved")


def move_and_back(actor: Actor, place: Path) -> None:
    session = actor.open(place).rearrange_session("main")
    session.move("/a", "/b")
    session.move("/b", "/a")
    session.commit("moved there and back")


def flush(actor: Actor, place: Path) -> None:
    repo = actor.open(place)
    session = repo.writable_session("main")
    make(Edit("write", "a", 8), session, actor.external)
    repo.create_branch("flushed", session.flush("flushed"))


def branches(actor: Actor, place: Path) -> None:
    repo = actor.open(place)
    tip, parent = [info.id for info in repo.ancestry(branch="main")][:2]
    for name in ("one", "two", "three"):
        repo.create_branch(name, tip)
    repo.reset_branch("two", parent)
    repo.delete_branch("three")


def tags(actor: Actor, place: Path) -> None:
    repo = actor.open(place)
    for name in ("one", "two"):
        repo.create_tag(name, repo.lookup_branch("main"))
    repo.delete_tag("two")


def expire(actor: Actor, place: Path, **flags: bool) -> None:
    repo = actor.open(place)
    repo.create_branch("old", [info.id for info in repo.ancestry(branch="main")][2])
    repo.create_tag("old", [info.id for info in repo.ancestry(branch="main")][1])
    when = repo.lookup_snapshot(repo.lookup_branch("main")).written_at - timedelta(microseconds=1)
    repo.expire_snapshots(when, **flags)


def collect(actor: Actor, place: Path) -> None:
    expire(actor, place)
    actor.open(place).garbage_collect(FUTURE)


def metadata(actor: Actor, place: Path) -> None:
    repo = actor.open(place)
    repo.set_metadata({"gone": 1})
    repo.set_metadata({"a": [1, 2.5, None, "é", {"deep": True}], "b": 2**60, "c": -1})
    repo.update_metadata({"b": "updated"})


def flags(actor: Actor, place: Path) -> None:
    repo = actor.open(place)
    for name, setting in (("move_node", False), ("create_tag", True), ("delete_tag", False), ("delete_tag", None)):
        repo.set_feature_flag(name, setting)


def status(actor: Actor, place: Path) -> None:
    package, repo = actor.package, actor.open(place)
    for availability, reason in (
        (package.RepoAvailability.read_only, "because"),
        (package.RepoAvailability.online, None),
    ):
        repo.set_status(package.RepoStatus(availability, limited_availability_reason=reason))


def operations(actor: Actor, place: Path) -> None:
    """More than some pages of the log."""
    repo = actor.open(place)
    for number in range(7):
        repo.create_branch(f"b{number}", repo.lookup_branch("main"))


def configuration(actor: Actor, place: Path) -> None:
    actor.open(place, actor.config(threshold=77, split=3, page=4)).save_config()


def rewrite(actor: Actor, place: Path, **options: Any) -> None:
    actor.open(place, actor.config(split=1)).rewrite_manifests("anew", branch="main", **options)


def shift(actor: Actor, place: Path) -> None:
    session = actor.open(place).writable_session("main")
    session.shift_array("/a", (1,))
    session.reindex_array("/long", lambda index: [11 - index[0]])
    session.commit("shifted")


def edits(*made: Edit, **config: Any) -> Change:
    return lambda actor, place: commit(actor, place, *made, **config)


CHANGES: dict[str, Change] = {
    "create": edits(Edit("group", "new"), Edit("array", "new/array", 4), Edit("array", "new/empty", 0)),
    "create in one session and delete again": edits(Edit("array", "n", 4), Edit("delete", "n"), Edit("group", "kept")),
    "delete": edits(Edit("delete", "a"), Edit("delete", "g")),
    "replace": edits(Edit("array", "a", 5, "float64", 3), Edit("array", "g", 6)),
    "attributes": edits(Edit("attributes", "a", 7), Edit("attributes", "g", 7)),
    "write": edits(Edit("write", "a", 7), Edit("write", "g/b", 8)),
    "erase": edits(Edit("empty", "a")),
    "grow": edits(Edit("resize", "long", 6)),
    "shrink": edits(Edit("resize", "long", 0), Edit("resize", "g/b", 1)),
    "grow, write and shrink": edits(Edit("resize", "a", 6), Edit("write", "a", 7), Edit("resize", "a", 0)),
    "virtual": edits(Edit("virtual", "virtual", 3), Edit("virtual", "a", 4)),
    "inline": edits(Edit("write", "long", 5), threshold=512),
    "native": edits(Edit("write", "long", 5), threshold=0),
    "split finer": edits(Edit("write", "long", 5), split=3),
    "split coarser": edits(Edit("write", "long", 8), Edit("resize", "long", 6), split=25),
    "flush": flush,
    "branches": branches,
    "tags": tags,
    "expiration": expire,
    "expiration of branches and tags": lambda actor, place: expire(
        actor, place, delete_expired_branches=True, delete_expired_tags=True
    ),
    "collection": collect,
    "rewritten manifests": rewrite,
    "configuration": configuration,
}
NEEDS_2: dict[str, Change] = {
    "amend": amend,
    "amend by rewriting manifests": lambda actor, place: rewrite(actor, place, commit_method="amend"),
    "move": move,
    "move there and back": move_and_back,
    "metadata": metadata,
    "flags": flags,
    "status": status,
    "operations": operations,
}
NEEDS_NEW_PACKAGE: dict[str, Change] = {"shift and reindex": shift}


@pytest.mark.parametrize("change", [*CHANGES, *NEEDS_2, *NEEDS_NEW_PACKAGE])
def test_every_kind_of_change(pair: tuple[Actor, Actor], spec: int, tmp_path: Path, change: str) -> None:
    writer, reader = pair
    if change in NEEDS_2 and spec == 1:
        pytest.skip("spec 1 has no such thing")
    if change in NEEDS_NEW_PACKAGE and (writer.is_old or reader.is_old):
        pytest.skip("1.x cannot do that")
    place = tmp_path / "repo"
    writer.create(place, spec, writer.config(threshold=16, split=10, page=2))
    base = [Edit("array", "a", 3), Edit("array", "g/b", 4, layout=3), Edit("array", "long", 5, layout=2)]
    commit(writer, place, *base)
    commit(reader, place, Edit("write", "a", 4))
    commit(writer, place, Edit("write", "long", 4), Edit("array", "h", 4, "bool"))

    {**CHANGES, **NEEDS_2, **NEEDS_NEW_PACKAGE}[change](writer, place)
    known: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    both_see_the_same(writer, reader, place, known)

    late = writer.open(place).writable_session("main")
    make(Edit("array", "late", 5), late, writer.external)
    commit(reader, place, Edit("array", "after", 5), Edit("write", "long", 6), Edit("write", "moved/a", 6))
    late.commit("late", rebase_with=writer.package.ConflictDetector())
    both_see_the_same(writer, reader, place, known)
