"""Commits as people see them: made from entries of a history, or from given values."""

from __future__ import annotations

import copy
import itertools
import json
import pickle
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import frazil
from frazil._core import RepoInfo
from frazil.errors import FormatError, SnapshotNotFoundError
from frazil.format import snapshot_entry as entries
from frazil.format import values
from frazil.format.ids import INITIAL_SNAPSHOT_ID, SnapshotId
from frazil.format.records import SnapshotEntry
from frazil.history.shown.snapshot_info import SnapshotInfo, info_of

ROOT: Any = (INITIAL_SNAPSHOT_ID, None, 1, "first", [], [])
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def number(value: int) -> SnapshotId:
    return SnapshotId(value.to_bytes(12, "big"))


def history(count: int, *, metadata: dict[str, Any] | None = None, flushed_at: int = 10**15) -> RepoInfo:
    """A chain of ``count`` commits on the first snapshot."""
    items = values.encode_items(metadata or {}, entries.REPO_SPEC_VERSION)
    chain: list[Any] = [
        (number(n), number(n - 1) if n > 1 else INITIAL_SNAPSHOT_ID, flushed_at + n, f"number {n}", items, [])
        for n in range(1, count + 1)
    ]
    built = RepoInfo.build(
        snapshots=[ROOT, *chain],
        branches=[("main", number(count))],
        tags=[],
        deleted_tags=[],
        status=(0, 1, None),
        metadata=[],
        config=None,
        updates=[(1, (), 1, None)],
    )
    return RepoInfo.decode(built.encode(writer="test", level=1))


def commit(**parts: Any) -> SnapshotInfo:
    return next(iter(history(1, **parts).commits(number(1))))


def records(info: RepoInfo, tip: SnapshotId) -> Iterator[SnapshotEntry]:
    return map(entries.from_tuple, info.ancestry(tip))


@given(metadata=st.dictionaries(st.text(max_size=4), JSON, max_size=3), flushed_at=st.integers(0, 253402300799 * 10**6))
def test_a_commit_of_the_history_is_what_the_record_says(metadata, flushed_at):
    info = history(2, metadata=metadata, flushed_at=flushed_at)
    found = list(info.commits(number(2)))
    expected = [info_of(entry) for entry in records(info, number(2))]
    assert found == expected
    assert list(map(hash, found)) == list(map(hash, expected))
    assert [repr(one) for one in found] == [repr(one) for one in expected]
    # NaN cannot come up, so equality says everything; but True == 1 and 1 == 1.0.
    assert json.dumps([one.metadata for one in found]) == json.dumps([one.metadata for one in expected])
    assert all(one.written_at.tzinfo is UTC for one in found)


def test_equality_is_of_all_parts():
    one = commit(metadata={"by": "me"})
    assert one == commit(metadata={"by": "me"})
    assert one != commit(metadata={"by": "you"})
    assert one != commit(metadata={"by": "me"}, flushed_at=5)
    assert one != "something else"
    parts = ("A", None, datetime(2026, 1, 1, tzinfo=UTC), "message")
    assert SnapshotInfo(*parts) == SnapshotInfo(*parts, {})
    assert SnapshotInfo(*parts) != SnapshotInfo("B", *parts[1:])


@pytest.mark.parametrize("info", [commit(metadata={"by": "me"}), SnapshotInfo("A", None, datetime.now(UTC), "m", {})])
def test_copies_are_equal(info):
    assert pickle.loads(pickle.dumps(info)) == info
    assert copy.deepcopy(info) == info
    assert copy.copy(info) == info


def test_nothing_can_be_changed():
    info = commit(metadata={"by": "me"})
    for name in ("id", "parent_id", "written_at", "message", "metadata", "other"):
        with pytest.raises(AttributeError):
            setattr(info, name, None)
    info.metadata["by"] = "you"
    assert info.metadata == {"by": "me"}


def test_it_shows_its_parts():
    info = commit(metadata={"by": "me"})
    assert type(info).__module__ == "frazil"
    for text in (repr(info), str(info), info._repr_html_()):
        assert "SnapshotInfo" in text
        assert "number 1" in text
    match info:
        case SnapshotInfo(_, _, _, message):
            assert message == "number 1"


def test_a_time_that_python_has_no_name_for():
    info = commit(flushed_at=2**63)
    assert info.message == "number 1"
    with pytest.raises(FormatError, match="years 1 to 9999"):
        info.written_at  # noqa: B018 - the access fails


def test_a_walk_ends_at_the_root_once_and_for_all():
    commits = history(5).commits(number(5))
    assert [one.message for one in commits] == [f"number {n}" for n in (5, 4, 3, 2, 1)] + ["first"]
    assert list(commits) == []


def test_a_closed_walk_has_nothing_more():
    commits = history(5).commits(number(5))
    next(commits)
    commits.close()
    assert list(commits) == []


def test_a_circle_is_an_error():
    circle: list[Any] = [(number(1), number(2), 5, "", [], []), (number(2), number(1), 6, "", [], [])]
    info = RepoInfo.build(
        snapshots=[ROOT, *circle],
        branches=[],
        tags=[],
        deleted_tags=[],
        status=(0, 1, None),
        metadata=[],
        config=None,
        updates=[],
    )
    with pytest.raises(FormatError, match="circular"):
        list(info.commits(number(1)))
    with pytest.raises(SnapshotNotFoundError):
        info.commits(number(9))


async def test_both_ways_of_iterating_share_one_position():
    repo = frazil.Repository.create(frazil.in_memory_storage())
    for n in range(6):
        repo.writable_session("main").commit(f"{n}", allow_empty=True)
    commits = repo.async_ancestry(branch="main")
    assert [one.message for one in itertools.islice(commits, 2)] == ["5", "4"]
    assert next(commits).message == "3"
    assert (await anext(commits)).message == "2"
    assert [one.message for one in commits] == ["1", "0", "Repository initialized"]
    commits = repo.async_ancestry(branch="main")
    direct = iter(commits)
    next(direct)
    await commits.aclose()
    assert list(direct) == list(commits) == []
