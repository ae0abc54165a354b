"""The operations log: prepending with overflow, reading across backups."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frazil._core import ObjectStore, RepoInfo
from frazil.config import RepositoryConfig
from frazil.format import keys
from frazil.format.ids import INITIAL_SNAPSHOT_ID
from frazil.history.repo_object import ops_log
from frazil.history.repo_object.change import UpdateTag
from frazil.history.start.creating import create
from frazil.history.v2 import HistoryV2
from tests.unit.history.contexts import make_context

NEW = (int(UpdateTag.GC_RAN), (), 1_000, None)


def old(number: int, backup: str | None) -> tuple[int, tuple[()], int, str | None]:
    return (int(UpdateTag.GC_RAN), (), 1_000 - number, backup)


Entry = tuple[int, tuple[()], int, str | None]


def prepended(log: list[Entry], *, backup: str, limit: int) -> tuple[list[Entry], str | None]:
    """The log with ``NEW`` on top, as it is read again, and where the rest of it is."""
    info = RepoInfo.build(
        snapshots=[(INITIAL_SNAPSHOT_ID, None, 1, "", [], [])],
        branches=[("main", INITIAL_SNAPSHOT_ID)],
        tags=[],
        deleted_tags=[],
        status=(0, 1, None),
        metadata=[],
        config=None,
        updates=log,
    )
    edited = RepoInfo.decode(info.edit(log=(NEW, backup, limit)).encode(writer="test", level=1))
    assert edited.updated_at == NEW[2]
    return edited.updates(), edited.repo_before_updates  # type: ignore[return-value]


def test_the_previous_entry_gets_the_backup() -> None:
    kept, rest = prepended([old(1, None), old(2, "two")], backup="one", limit=10)
    assert kept == [NEW, old(1, "one"), old(2, "two")]
    assert rest is None


def test_beyond_the_limit_entries_are_left_to_the_backup_of_the_first() -> None:
    kept, rest = prepended([old(1, None), old(2, "two"), old(3, "three")], backup="one", limit=2)
    assert kept == [NEW, old(1, "one")]
    assert rest == "two"


def test_entries_without_backup_stay_beyond_the_limit() -> None:
    log = [old(1, None), old(2, None), old(3, None)]
    kept, rest = prepended(log, backup="one", limit=2)
    assert kept == [NEW, old(1, "one"), old(2, None), old(3, None)]
    assert rest is None


def test_a_limit_of_one_keeps_the_new_entry_alone() -> None:
    assert prepended([old(1, None)], backup="one", limit=1) == ([NEW], "one")


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
def test_the_whole_log_is_read_across_backups(limit: int) -> None:
    objects = ObjectStore.memory()
    context = make_context(objects, config=RepositoryConfig(num_updates_per_repo_info_file=limit))
    create(context, None)
    history = HistoryV2(context)
    for number in range(9):
        history.create_branch(f"b{number}", INITIAL_SNAPSHOT_ID)
    entries = list(ops_log.read(history.read(), objects))
    assert [fields for _, fields, _, _ in entries] == [(f"b{number}",) for number in reversed(range(9))] + [()]
    assert entries[-1][0] == UpdateTag.REPO_INITIALIZED
    assert len(history.read().updates()) == min(limit, 10)
    # Every older entry names the backup of the state in which it was the newest; nothing else is in overwritten/.
    assert entries[0][3] is None
    names = [backup for _, _, _, backup in entries[1:] if backup is not None]
    assert sorted(keys.backup(name) for name in names) == sorted(meta.key for meta in objects.list(keys.OVERWRITTEN))
    assert names == sorted(names)


def test_a_missing_backup_ends_the_log() -> None:
    objects = ObjectStore.memory()
    context = make_context(objects, config=RepositoryConfig(num_updates_per_repo_info_file=2))
    create(context, None)
    history = HistoryV2(context)
    for number in range(5):
        history.create_branch(f"b{number}", INITIAL_SNAPSHOT_ID)
    objects.delete_many([keys.backup(history.read().repo_before_updates or "")])
    assert [fields for _, fields, _, _ in ops_log.read(history.read(), objects)] == [("b4",), ("b3",)]


def test_a_log_without_entries_gets_its_first() -> None:
    assert prepended([], backup="one", limit=3) == ([NEW], None)


@given(limit=st.integers(1, 6), backups=st.lists(st.booleans(), min_size=1, max_size=12))
def test_nothing_is_dropped_but_from_a_backup_downwards(limit: int, backups: list[bool]) -> None:
    log = [old(number, f"b{number}" if has and number else None) for number, has in enumerate(backups)]
    kept, rest = prepended(log, backup="new", limit=limit)
    whole = [NEW, (*log[0][:3], "new"), *log[1:]]
    assert kept == whole[: len(kept)]
    assert len(kept) >= min(limit, len(whole))
    if rest is None:
        assert kept == whole
    else:
        assert whole[len(kept)][3] == rest
