"""Refs, snapshots, publishing, metadata, status and flags of repositories of spec 2."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from frazil._core import ObjectStore
from frazil.config import RepoAvailability, RepoStatus
from frazil.errors import (
    AlreadyExistsError,
    ConflictError,
    FormatError,
    IcechunkError,
    InvalidInputError,
    ReadOnlyError,
    RefNotFoundError,
    SessionStateError,
    SnapshotNotFoundError,
)
from frazil.format import snapshot_entry as entries
from frazil.format.ids import INITIAL_SNAPSHOT_ID, SnapshotId, format_id
from frazil.format.records import SnapshotEntry
from frazil.history.ancestry import as_of, between, reachable
from frazil.history.repo_object.change import Change, UpdateTag
from frazil.history.start.creating import create
from frazil.history.v2 import HistoryV2, require_v2
from tests.unit.history.contexts import make_context, new_entry

UNKNOWN = SnapshotId(b"\xff" * 12)


@pytest.fixture
def history() -> HistoryV2:
    context = make_context()
    create(context, None)
    return HistoryV2(context)


def commit(history: HistoryV2, branch: str = "main", message: str = "") -> SnapshotEntry:
    tip = history.branch_tip(branch)
    entry = new_entry(history.context, tip, message)
    history.publish_commit(entry, branch=branch, expected=tip)
    return entry


def log(history: HistoryV2) -> list[tuple[int, tuple[object, ...]]]:
    return [entry[:2] for entry in history.read().updates()]


# ---- branches --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["b", "", "a/b", "é ✓", "main "])
def test_any_name_will_do(history: HistoryV2, name: str) -> None:
    history.create_branch(name, INITIAL_SNAPSHOT_ID)
    history.create_tag(name, INITIAL_SNAPSHOT_ID)
    assert history.branches() == {name: INITIAL_SNAPSHOT_ID, "main": INITIAL_SNAPSHOT_ID}
    assert history.branch_names() == {name, "main"}
    assert history.tag_names() == {name}
    assert history.branch_tip(name) == history.tag_target(name) == INITIAL_SNAPSHOT_ID


def test_create_branch_refuses_taken_names_and_unknown_snapshots(history: HistoryV2) -> None:
    with pytest.raises(AlreadyExistsError, match="branch already exists `main -> 1CECHNKREP0F1RSTCMT0`") as raised:
        history.create_branch("main", INITIAL_SNAPSHOT_ID)
    assert raised.value.kind == "branch-already-exists"
    with pytest.raises(SnapshotNotFoundError, match="snapshot id not found `ZZZZZZZZZZZZZZZZZZZG`") as missing:
        history.create_branch("b", UNKNOWN)
    assert missing.value.kind == "snapshot-not-found"


def test_reset_branch(history: HistoryV2) -> None:
    first, second = commit(history), commit(history)
    history.reset_branch("main", first.id)
    assert history.branch_tip("main") == first.id
    assert log(history)[0] == (UpdateTag.BRANCH_RESET, ("main", second.id))
    with pytest.raises(ConflictError) as raised:
        history.reset_branch("main", second.id, expected=second.id)
    assert raised.value.kind == "branch-update-conflict"
    assert raised.value.message == (
        f"branch update conflict: `(Some({format_id(second.id)})) != (Some({format_id(first.id)}))`"
    )
    history.reset_branch("main", second.id, expected=first.id)
    assert history.branch_tip("main") == second.id
    with pytest.raises(RefNotFoundError, match="ref not found `nope`"):
        history.reset_branch("nope", first.id)
    with pytest.raises(SnapshotNotFoundError):
        history.reset_branch("main", UNKNOWN)


def test_delete_branch(history: HistoryV2) -> None:
    history.create_branch("b", INITIAL_SNAPSHOT_ID)
    history.delete_branch("b")
    assert history.branch_names() == {"main"}
    assert log(history)[0] == (UpdateTag.BRANCH_DELETED, ("b", INITIAL_SNAPSHOT_ID))
    with pytest.raises(RefNotFoundError, match="ref not found `b`"):
        history.delete_branch("b")
    with pytest.raises(SessionStateError, match="main branch cannot be deleted") as raised:
        history.delete_branch("main")
    assert raised.value.kind == "cannot-delete-main"


# ---- tags ------------------------------------------------------------------------------------------------------------


def test_a_tag_is_made_once(history: HistoryV2) -> None:
    history.create_tag("t", INITIAL_SNAPSHOT_ID)
    with pytest.raises(AlreadyExistsError, match="tag already exists, tags are immutable: `t`") as raised:
        history.create_tag("t", INITIAL_SNAPSHOT_ID)
    assert raised.value.kind == "tag-already-exists"
    history.delete_tag("t")
    assert history.tags() == {}
    assert history.read().deleted_tags() == ["t"]
    assert log(history)[0] == (UpdateTag.TAG_DELETED, ("t", INITIAL_SNAPSHOT_ID))
    with pytest.raises(AlreadyExistsError, match="tag was already deleted `t`") as again:
        history.create_tag("t", INITIAL_SNAPSHOT_ID)
    assert again.value.kind == "tag-previously-deleted"
    for act in (history.tag_target, history.delete_tag):
        with pytest.raises(RefNotFoundError, match="ref not found `t`"):
            act("t")
    with pytest.raises(SnapshotNotFoundError):
        history.create_tag("other", UNKNOWN)


def test_deleted_tags_are_kept_in_order_of_their_bytes(history: HistoryV2) -> None:
    for name in ("é", "z", "a"):
        history.create_tag(name, INITIAL_SNAPSHOT_ID)
        history.delete_tag(name)
    assert history.read().deleted_tags() == ["a", "z", "é"]


# ---- feature flags ---------------------------------------------------------------------------------------------------


def test_flags_turn_features_off_and_on(history: HistoryV2) -> None:
    assert {flag.name: (flag.id, flag.enabled, flag.setting) for flag in history.feature_flags()} == {
        "move_node": (3, True, None),
        "create_tag": (4, True, None),
        "delete_tag": (5, True, None),
    }
    history.create_tag("t", INITIAL_SNAPSHOT_ID)
    history.set_feature_flag("create_tag", False)
    history.set_feature_flag("delete_tag", False)
    for act, text in (
        (
            lambda: history.create_tag("u", INITIAL_SNAPSHOT_ID),
            r"tag creation is disabled by a feature flag \(create_tag\)",
        ),
        (lambda: history.delete_tag("t"), r"tag delete is disabled by a feature flag \(delete_tag\)"),
        (lambda: history.delete_tag("nope"), "tag delete is disabled"),
    ):
        with pytest.raises(SessionStateError, match=text) as raised:
            act()
        assert raised.value.kind == "feature-flag-disabled"
    assert history.read().disabled_flags == [4, 5]
    assert log(history)[0] == (UpdateTag.FEATURE_FLAG_CHANGED, (5, False, True))
    history.set_feature_flag("delete_tag", None)
    assert log(history)[0] == (UpdateTag.FEATURE_FLAG_CHANGED, (5, False, False))
    history.set_feature_flag("create_tag", True)
    assert (history.read().enabled_flags, history.read().disabled_flags) == ([4], [])
    history.delete_tag("t")
    history.create_tag("u", INITIAL_SNAPSHOT_ID)


def test_ensure_flag(history: HistoryV2) -> None:
    history.ensure_flag("move_node", "create rearrange session")
    history.set_feature_flag("move_node", False)
    with pytest.raises(
        SessionStateError, match=r"create rearrange session is disabled by a feature flag \(move_node\)"
    ):
        history.ensure_flag("move_node", "create rearrange session")


def test_flags_that_are_not_known_here_are_kept(history: HistoryV2) -> None:
    strange = Change({"flags": ([77], [2, 3])}, UpdateTag.FEATURE_FLAG_CHANGED, None, (77, True, True))
    history.update(lambda _: strange)
    history.set_feature_flag("move_node", True)
    assert (history.read().enabled_flags, history.read().disabled_flags) == ([3, 77], [2])


def test_an_unknown_flag_name_is_refused(history: HistoryV2) -> None:
    with pytest.raises(InvalidInputError, match="invalid feature flag name: zz") as raised:
        history.set_feature_flag("zz", True)
    assert raised.value.kind == "invalid-feature-flag"


# ---- publishing ------------------------------------------------------------------------------------------------------


def test_a_commit_moves_the_branch(history: HistoryV2) -> None:
    tip = history.branch_tip("main")
    entry = new_entry(history.context, tip, "hello", author="me", nested={"a": [1, 2.5, None]})
    history.publish_commit(entry, branch="main", expected=tip)
    assert history.branch_tip("main") == entry.id
    assert history.entry(entry.id) == entry
    assert log(history)[0] == (UpdateTag.NEW_COMMIT, ("main", entry.id))


def test_a_commit_on_a_branch_that_moved_is_a_conflict(history: HistoryV2) -> None:
    tip = history.branch_tip("main")
    first = commit(history)
    late = new_entry(history.context, tip)
    with pytest.raises(ConflictError) as raised:
        history.publish_commit(late, branch="main", expected=tip)
    assert raised.value.kind == "commit-conflict"
    assert (raised.value.expected_parent, raised.value.actual_parent) == (format_id(tip), format_id(first.id))
    history.create_branch("gone", tip)
    history.delete_branch("gone")
    with pytest.raises(RefNotFoundError, match="branch not found `gone`"):
        history.publish_commit(late, branch="gone", expected=tip)


def test_a_snapshot_id_is_used_once(history: HistoryV2) -> None:
    entry = commit(history)
    again = replace(new_entry(history.context, entry.id), id=entry.id)
    with pytest.raises(FormatError, match="duplicate snapshot id") as raised:
        history.publish_commit(again, branch="main", expected=entry.id)
    assert raised.value.kind == "duplicate-snapshot-id"


def test_a_snapshot_is_younger_than_its_parent(history: HistoryV2) -> None:
    base = commit(history)
    old = replace(new_entry(history.context, base.id), flushed_at=base.flushed_at)
    with pytest.raises(FormatError, match="snapshot timestamp is invalid") as raised:
        history.publish_commit(old, branch="main", expected=base.id)
    assert raised.value.kind == "snapshot-timestamp"


def test_an_amendment_takes_the_place_of_the_tip(history: HistoryV2) -> None:
    first, second = commit(history), commit(history, message="second")
    pruned = (SnapshotId(b"p" * 12), SnapshotId(b"a" * 12))
    rewritten = Change({"replace": [entries.to_tuple(replace(second, pruned=pruned))]}, UpdateTag.EXPIRATION_RAN, None)
    history.update(lambda _: rewritten)
    entry = new_entry(history.context, second.id, "amended")
    history.publish_amend(entry, branch="main", expected=second.id)
    assert history.entry(entry.id) == replace(entry, parent_id=first.id, pruned=pruned)
    assert [found.id for found in history.ancestry(entry.id)] == [entry.id, first.id, INITIAL_SNAPSHOT_ID]
    assert history.entry(second.id).message == "second", "the replaced snapshot stays listed"
    assert log(history)[0] == (UpdateTag.COMMIT_AMENDED, ("main", second.id, entry.id))


def test_the_initial_snapshot_cannot_be_amended(history: HistoryV2) -> None:
    with pytest.raises(SessionStateError, match="the first commit in the repository cannot be an amend") as raised:
        history.publish_amend(
            new_entry(history.context, INITIAL_SNAPSHOT_ID), branch="main", expected=INITIAL_SNAPSHOT_ID
        )
    assert raised.value.kind == "no-amend-for-initial-commit"


def test_a_detached_snapshot_is_known_and_moves_nothing(history: HistoryV2) -> None:
    entry = new_entry(history.context, INITIAL_SNAPSHOT_ID)
    history.publish_detached(entry)
    assert history.entry(entry.id) == entry
    assert history.branches() == {"main": INITIAL_SNAPSHOT_ID}
    assert log(history)[0] == (UpdateTag.NEW_DETACHED_SNAPSHOT, (entry.id,))
    with pytest.raises(SnapshotNotFoundError):
        history.publish_detached(new_entry(history.context, UNKNOWN))


# ---- ancestry --------------------------------------------------------------------------------------------------------


def test_ancestry_is_paged_without_a_seam(history: HistoryV2) -> None:
    commits = [commit(history) for _ in range(150)]
    found = list(history.ancestry(commits[-1].id))
    assert [entry.id for entry in found] == [entry.id for entry in reversed(commits)] + [INITIAL_SNAPSHOT_ID]
    assert found[-1].parent_id is None
    assert found[-1].metadata == {"__icechunk": {"is_root": True}}


def test_ancestry_of_an_unknown_snapshot_fails_at_once(history: HistoryV2) -> None:
    with pytest.raises(SnapshotNotFoundError):
        history.ancestry(UNKNOWN)
    with pytest.raises(SnapshotNotFoundError):
        history.entry(UNKNOWN)


def test_as_of(history: HistoryV2) -> None:
    first, second = commit(history), commit(history)
    assert as_of(history, "main", second.flushed_at) == second.id
    assert as_of(history, "main", second.flushed_at - 1) == first.id
    with pytest.raises(SnapshotNotFoundError, match="branch main does not have a snapshot before or at 2000") as raised:
        as_of(history, "main", 946_684_800_000_000)
    assert raised.value.kind == "no-snapshot-at-time"
    with pytest.raises(RefNotFoundError, match="branch not found `nope`") as missing:
        as_of(history, "nope", 0)
    assert missing.value.kind == "branch-not-found"


def test_between_and_reachable(history: HistoryV2) -> None:
    first, second = commit(history), commit(history)
    history.create_branch("b", first.id)
    other = commit(history, "b")
    assert [entry.id for entry in between(history, INITIAL_SNAPSHOT_ID, second.id)] == [second.id, first.id]
    assert between(history, first.id, first.id) == []
    with pytest.raises(InvalidInputError, match="doesn't include"):
        between(history, second.id, other.id)
    assert reachable(history, history.branches().values()).keys() == {
        INITIAL_SNAPSHOT_ID,
        first.id,
        second.id,
        other.id,
    }


# ---- metadata and status ---------------------------------------------------------------------------------------------


def test_repository_metadata(history: HistoryV2) -> None:
    assert history.metadata() == {}
    history.set_metadata({"b": {"x": [1, "y", None]}, "a": 1.5})
    assert history.metadata() == {"a": 1.5, "b": {"x": [1, "y", None]}}
    assert history.update_metadata({"a": 2, "c": True}) == {"a": 2, "b": {"x": [1, "y", None]}, "c": True}
    assert history.metadata() == {"a": 2, "b": {"x": [1, "y", None]}, "c": True}
    history.set_metadata({})
    assert history.metadata() == {}
    assert [tag for tag, _ in log(history)[:3]] == [UpdateTag.METADATA_CHANGED] * 3


def test_status(history: HistoryV2) -> None:
    fresh = history.status()
    assert fresh.availability == RepoAvailability.online
    assert history.read().updates()[-1][2] == history.read().status[1]
    set_at = datetime(2030, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
    closed = RepoStatus(RepoAvailability.read_only, set_at, "moving house")
    history.set_status(closed)
    assert history.status() == closed
    for act in (
        history.ensure_writable,
        lambda: history.writable_tip("main"),
        lambda: history.create_branch("b", INITIAL_SNAPSHOT_ID),
        lambda: history.set_metadata({}),
        lambda: history.set_feature_flag("move_node", True),
        lambda: history.publish_detached(new_entry(history.context, INITIAL_SNAPSHOT_ID)),
    ):
        with pytest.raises(ReadOnlyError, match=r"repository status is read-only.*2030-01-02 03:04:05.*moving house"):
            act()
    history.set_status(RepoStatus(RepoAvailability.online, set_at))
    history.create_branch("b", INITIAL_SNAPSHOT_ID)
    assert history.writable_tip("main") == INITIAL_SNAPSHOT_ID


def test_require_v2(history: HistoryV2) -> None:
    assert require_v2(history, "amend") is history


def test_two_histories_of_one_repository_see_each_other() -> None:
    objects = ObjectStore.memory()
    create(make_context(objects), None)
    one, two = HistoryV2(make_context(objects)), HistoryV2(make_context(objects))
    one.create_branch("b", INITIAL_SNAPSHOT_ID)
    assert two.branch_names() == {"b", "main"}
    with pytest.raises(IcechunkError):
        two.create_branch("b", INITIAL_SNAPSHOT_ID)
