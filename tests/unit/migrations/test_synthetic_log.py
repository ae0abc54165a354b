"""The operations log that a migration makes up, compared with those that the official package made."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frazil.errors import FormatError
from frazil.format.ids import SnapshotId
from frazil.format.records import SnapshotEntry
from frazil.history.repo_object.change import UpdateTag as U
from frazil.migrations.synthetic_log import synthetic_log

MS = 1_000


def snapshot_id(number: int) -> SnapshotId:
    return SnapshotId(bytes([number]) + bytes(11))


def history(*commits: tuple[int | None, int]) -> dict[SnapshotId, SnapshotEntry]:
    """Snapshots 0, 1, ... given by (parent, time)."""
    return {
        snapshot_id(number): SnapshotEntry(
            snapshot_id(number), None if parent is None else snapshot_id(parent), time, str(number)
        )
        for number, (parent, time) in enumerate(commits)
    }


def refs(**targets: int) -> dict[str, SnapshotId]:
    return {name: snapshot_id(target) for name, target in targets.items()}


def log_of(
    entries: Mapping[SnapshotId, SnapshotEntry],
    *,
    branches: dict[str, SnapshotId],
    tags: dict[str, SnapshotId] | None = None,
    deleted: dict[str, SnapshotId] | None = None,
    now: int = 10**15,
) -> list[tuple[int, int, tuple[object, ...]]]:
    """(time, tag, fields), oldest first."""
    log = synthetic_log(branches=branches, tags=tags or {}, deleted_tags=deleted or {}, entries=entries, now=now)
    assert all(backup is None for _, _, _, backup in log)
    return [(time, tag, fields) for tag, fields, time, _ in reversed(log)]


def test_branches_and_tags_come_a_millisecond_after_their_snapshot() -> None:
    entries = history((None, 100_000), (0, 200_000), (1, 300_000), (1, 400_000))
    assert log_of(entries, branches=refs(main=2, dev=3, old=1), tags=refs(v1=1), deleted=refs(doomed=0)) == [
        (100_000, U.REPO_INITIALIZED, ()),
        (100_000 + MS, U.TAG_CREATED, ("doomed",)),
        (100_000 + 2 * MS, U.TAG_DELETED, ("doomed", snapshot_id(0))),
        (200_000, U.NEW_COMMIT, ("main", snapshot_id(1))),
        (200_000 + MS, U.BRANCH_CREATED, ("old",)),
        (200_000 + MS + 1, U.TAG_CREATED, ("v1",)),
        (300_000, U.NEW_COMMIT, ("main", snapshot_id(2))),
        (400_000, U.NEW_COMMIT, ("dev", snapshot_id(3))),
        (400_000 + MS, U.BRANCH_CREATED, ("dev",)),
        (10**15, U.REPO_MIGRATED, (1, 2)),
    ]


def test_a_commit_belongs_to_main_or_else_to_the_first_branch_by_name() -> None:
    entries = history((None, 10_000), (0, 20_000), (1, 30_000), (2, 40_000))
    log = log_of(entries, branches=refs(main=1, bb=2, bc=3))
    assert [fields for _, tag, fields in log if tag == U.NEW_COMMIT] == [
        ("main", snapshot_id(1)),
        ("bb", snapshot_id(2)),
        ("bc", snapshot_id(3)),
    ]


def test_a_deleted_tag_of_a_snapshot_that_no_ref_leads_to_is_as_old_as_the_repository() -> None:
    entries = history((None, 10_000), (0, 20_000))
    assert log_of(entries, branches=refs(main=1), deleted=refs(lost=9)) == [
        (10_000, U.REPO_INITIALIZED, ()),
        (10_000 + MS, U.TAG_CREATED, ("lost",)),
        (10_000 + 2 * MS, U.TAG_DELETED, ("lost", snapshot_id(9))),
        (20_000, U.NEW_COMMIT, ("main", snapshot_id(1))),
        (10**15, U.REPO_MIGRATED, (1, 2)),
    ]


@given(
    times=st.lists(st.integers(1, 5_000), min_size=1, max_size=8),
    parents=st.lists(st.integers(0, 7), min_size=8, max_size=8),
    branches=st.dictionaries(st.sampled_from("abcd"), st.integers(0, 7)),
    tags=st.dictionaries(st.sampled_from("tuvw"), st.integers(0, 7)),
    now=st.integers(0, 10_000),
)
def test_times_strictly_increase_and_every_commit_is_told_once(
    times: list[int], parents: list[int], branches: dict[str, int], tags: dict[str, int], now: int
) -> None:
    entries = history(*((parents[n] % n if n else None, time) for n, time in enumerate(times)))
    last = len(times) - 1
    tips = {name: snapshot_id(min(target, last)) for name, target in {**branches, "main": last}.items()}
    log = log_of(entries, branches=tips, tags={name: snapshot_id(min(n, last)) for name, n in tags.items()}, now=now)
    moments = [time for time, _, _ in log]
    assert moments == sorted(set(moments))
    assert log[-1][1:] == (U.REPO_MIGRATED, (1, 2))
    reachable = set()
    for tip in tips.values():
        current: SnapshotId | None = tip
        while current is not None:
            reachable.add(current)
            current = entries[current].parent_id
    told = [fields[1] for _, tag, fields in log if tag == U.NEW_COMMIT]
    assert sorted(told) == sorted(reachable - {snapshot_id(0)})  # type: ignore[type-var]


def test_a_time_that_no_entry_can_have_is_a_typed_error() -> None:
    entries = history((None, 2**64 - 1))
    with pytest.raises(FormatError, match="dated beyond"):
        log_of(entries, branches=refs(main=0), tags=refs(v1=0))
