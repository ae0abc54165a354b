"""The repository object built, edited, written and read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from frazil._core import RepoInfo
from frazil.errors import FormatError, IcechunkError, InvalidInputError

GOLDEN = Path(__file__).parents[2] / "golden"
PARTS = ("status", "metadata", "config", "enabled_flags", "disabled_flags", "repo_before_updates", "num_snapshots")
LISTS = ("branches", "tags", "deleted_tags", "snapshots", "updates")


def number(n: int) -> bytes:
    return n.to_bytes(12, "big")


def entry(n: int, parent: int | None, *, pruned: Sequence[int] = ()) -> Any:
    parent_id = None if parent is None else number(parent)
    return (number(n), parent_id, n * 10, f"commit {n}", [("k", b"\x05\x08\x01")], [number(p) for p in pruned])


def build(**parts: Any) -> RepoInfo:
    """Three commits on main, in no order."""
    start: dict[str, Any] = {
        "snapshots": [entry(2, 5), entry(5, None), entry(1, 2)],
        "branches": [("main", number(1)), ("dev", number(5))],
        "tags": [("v1", number(2))],
        "deleted_tags": ["old"],
        "status": (0, 7, None),
        "metadata": [],
        "config": b"\x00\x00\x01",
        "updates": [(1, (), 3, None)],
    }
    return RepoInfo.build(**{**start, **parts})


def everything(repo: RepoInfo) -> dict[str, Any]:
    return {name: getattr(repo, name) for name in PARTS} | {name: getattr(repo, name)() for name in LISTS}


def again(repo: RepoInfo) -> RepoInfo:
    read = RepoInfo.decode(repo.encode(writer="frazil-test", level=3))
    assert read.writer == "frazil-test"
    assert everything(read) == everything(repo)
    return read


def test_a_repository_gives_back_what_it_was_built_of():
    repo = again(build())
    assert repo.spec_version == 2
    assert repo.branches() == [("dev", number(5)), ("main", number(1))]
    assert (repo.branch("main"), repo.branch("other")) == (number(1), None)
    assert (repo.tag("v1"), repo.tag("old")) == (number(2), None)
    assert repo.snapshot_ids() == [number(1), number(2), number(5)]
    assert repo.snapshot(number(2)) == entry(2, 5)
    assert repo.snapshot(number(9)) is None
    assert [found[0] for found in repo.ancestry(number(1))] == [number(1), number(2), number(5)]
    assert repo.ancestry(number(1), 2) == [entry(1, 2), entry(2, 5)]
    assert (repo.enabled_flags, repo.repo_before_updates) == (None, None)


OPERATIONS: list[tuple[int, tuple[Any, ...]]] = [
    (1, ()),
    (2, (1, 2)),
    (3, ()),
    (4, ()),
    (5, ("tag",)),
    (6, ("tag", number(1))),
    (7, ("branch",)),
    (8, ("branch", number(1))),
    (9, ("branch", number(1))),
    (10, ("branch", number(1))),
    (11, ("branch", number(1), number(2))),
    (12, (number(1),)),
    (13, ()),
    (14, ()),
    (15, (5, True, False)),
    (16, ((1, 99, "why"),)),
]


def test_every_operation_can_be_written():
    updates = [(tag, fields, 100 - tag, f"repo.{tag}" if tag % 2 else None) for tag, fields in OPERATIONS]
    repo = again(build(updates=updates))
    assert repo.updates() == updates
    assert not repo.has_unknown_updates


def test_fields_that_an_operation_does_not_have():
    for tag, fields in [(1, (1,)), (5, ()), (5, (1,)), (6, ("tag", b"short")), (16, (1,))]:
        with pytest.raises((ValueError, TypeError, IcechunkError)):
            build(updates=[(tag, fields, 0, None)])


def test_an_edit_changes_what_it_names_and_nothing_else():
    repo = build()
    before = everything(repo)
    assert everything(repo.edit()) == before
    edited = again(
        repo.edit(
            insert=[entry(3, 1)],
            branches={"main": number(3), "dev": None, "new": number(2)},
            tags={"v1": None},
            deleted_tags=["v1", "old"],
            updates=[(10, ("main", number(3)), 4, None), (1, (), 3, "repo.backup")],
        )
    )
    assert everything(repo) == before
    assert edited.branches() == [("main", number(3)), ("new", number(2))]
    assert (edited.tags(), edited.deleted_tags()) == ([], ["old", "v1"])
    assert edited.snapshot_ids() == [number(n) for n in (1, 2, 3, 5)]
    assert edited.updates()[1] == (1, (), 3, "repo.backup")
    unchanged = set(PARTS) - {"num_snapshots"}
    assert {name: everything(edited)[name] for name in unchanged} == {name: before[name] for name in unchanged}


def test_settings_are_edited():
    repo = build().edit(
        status=(1, 8, "because"),
        metadata=[("z", b"1"), ("a", b"2")],
        config=b"new",
        flags=([], [9, 5]),
        repo_before_updates="repo.x",
    )
    repo = RepoInfo.decode(repo.encode(writer="w", level=1))
    assert repo.status == (1, 8, "because")
    assert repo.metadata == [("a", b"2"), ("z", b"1")]
    assert (repo.config, repo.repo_before_updates) == (b"new", "repo.x")
    assert (repo.enabled_flags, repo.disabled_flags) == (None, [5, 9])


def test_history_is_collapsed():
    repo = build().edit(replace=[entry(1, 5, pruned=[2])], drop=[number(2)], tags={"v1": None})
    assert again(repo).ancestry(number(1)) == [entry(1, 5, pruned=[2]), entry(5, None)]


def test_what_does_not_fit_is_refused():
    repo = build()
    for edit in (
        {"insert": [entry(1, None)]},
        {"insert": [entry(7, 8)]},
        {"replace": [entry(7, None)]},
        {"drop": [number(5)]},
        {"branches": {"main": number(7)}},
        {"tags": {"x": number(7)}},
    ):
        with pytest.raises(InvalidInputError):
            repo.edit(**edit)
    lost = repo.edit(drop=[number(1)])
    with pytest.raises(InvalidInputError, match="main"):
        lost.encode(writer="w", level=1)


def test_broken_histories():
    circular = again(build(snapshots=[entry(1, 2), entry(2, 1), entry(5, None)]))
    with pytest.raises(FormatError, match="its own ancestor"):
        circular.ancestry(number(1))
    assert len(circular.ancestry(number(1), 2)) == 2
    with pytest.raises(IcechunkError) as caught:
        circular.ancestry(number(9))
    assert caught.value.kind == "snapshot-not-found"


def test_an_operation_of_the_future():
    repo = build(updates=[(99, (), 5, None)])
    assert repo.has_unknown_updates
    with pytest.raises(IcechunkError, match="upgrade") as caught:
        repo.encode(writer="w", level=1)
    assert caught.value.kind == "unsupported-operation-for-version"


def test_golden_objects():
    root = GOLDEN / "v2" / "repo"
    for path in [root / "repo", *root.joinpath("overwritten").glob("repo.*")]:
        repo = RepoInfo.decode(path.read_bytes())
        again(repo)
        assert repo.writer == "ic-2.3.0"
