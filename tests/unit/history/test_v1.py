"""Refs, snapshots, publishing and configuration of repositories of spec 1."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from frazil._core import ObjectStore, PutMode
from frazil.config import RepositoryConfig
from frazil.errors import (
    AlreadyExistsError,
    ConflictError,
    FormatError,
    InvalidInputError,
    RefNotFoundError,
    SessionStateError,
    StorageError,
)
from frazil.format import keys
from frazil.format.ids import INITIAL_SNAPSHOT_ID, SnapshotId, format_id
from frazil.format.records import SnapshotEntry
from frazil.history.start.creating import create, put_snapshot
from frazil.history.start.opening import find, history_of
from frazil.history.v1.history import HistoryV1
from frazil.history.v2 import require_v2
from tests.unit.history.contexts import make_context, new_entry

UNKNOWN = SnapshotId(b"\xff" * 12)


@pytest.fixture(params=["memory", "local"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    return ObjectStore.memory() if request.param == "memory" else ObjectStore.local(str(tmp_path), durable=False)


@pytest.fixture
def history(objects: ObjectStore) -> HistoryV1:
    context = make_context(objects, spec_version=1)
    made = create(context, None)
    assert isinstance(made, HistoryV1)
    return made


def commit(history: HistoryV1, branch: str = "main", message: str = "") -> SnapshotEntry:
    tip = history.branch_tip(branch)
    entry = new_entry(history.context, tip, message)
    put_snapshot(history.context, entry)
    history.publish_commit(entry, branch=branch, expected=tip)
    return entry


def ref_body(objects: ObjectStore, key: str) -> bytes:
    found = objects.get(key)
    assert found is not None
    return bytes(found)


# ---- branches --------------------------------------------------------------------------------------------------------


def test_a_new_repository(history: HistoryV1, objects: ObjectStore) -> None:
    assert {meta.key for meta in objects.list()} == {"refs/branch.main/ref.json", "snapshots/1CECHNKREP0F1RSTCMT0"}
    assert ref_body(objects, "refs/branch.main/ref.json") == b'{"snapshot":"1CECHNKREP0F1RSTCMT0"}'
    assert history.branches() == {"main": INITIAL_SNAPSHOT_ID}
    assert history.tags() == {}
    assert [entry.message for entry in history.ancestry(INITIAL_SNAPSHOT_ID)] == ["Repository initialized"]


@pytest.mark.parametrize(
    "name", ["b", "", ".", "..", "é", "日本", "a b", "a%b", "x#?*~y", "tab\there", "branch.x", "a:b!"]
)
def test_names_come_back_as_they_were_given(history: HistoryV1, name: str) -> None:
    history.create_branch(name, INITIAL_SNAPSHOT_ID)
    history.create_tag(name, INITIAL_SNAPSHOT_ID)
    assert history.branch_names() == {name, "main"}
    assert history.branches() == {name: INITIAL_SNAPSHOT_ID, "main": INITIAL_SNAPSHOT_ID}
    assert history.tag_names() == {name}
    assert history.tags() == {name: INITIAL_SNAPSHOT_ID}
    assert history.branch_tip(name) == history.tag_target(name) == INITIAL_SNAPSHOT_ID
    history.delete_tag(name)
    history.delete_branch(name)
    assert (history.branch_names(), history.tag_names()) == ({"main"}, set())


def test_special_characters_are_encoded_in_file_names(tmp_path: Path) -> None:
    context = make_context(ObjectStore.local(str(tmp_path), durable=False), spec_version=1)
    create(context, None).create_branch("é%", INITIAL_SNAPSHOT_ID)
    assert (tmp_path / "refs" / "branch.%C3%A9%25" / "ref.json").exists()


def test_slashes_are_refused(history: HistoryV1) -> None:
    for act in (
        lambda: history.create_branch("a/b", INITIAL_SNAPSHOT_ID),
        lambda: history.create_tag("a/b", INITIAL_SNAPSHOT_ID),
        lambda: history.branch_tip("a/b"),
        lambda: history.tag_target("a/b"),
    ):
        with pytest.raises(InvalidInputError, match="invalid ref name `a/b`") as raised:
            act()
        assert raised.value.kind == "invalid-ref-name"


def test_create_branch_refuses_taken_names_and_unknown_snapshots(history: HistoryV1) -> None:
    with pytest.raises(ConflictError) as raised:
        history.create_branch("main", INITIAL_SNAPSHOT_ID)
    assert raised.value.kind == "branch-update-conflict"
    assert raised.value.message == "branch update conflict: `(None) != (Some(1CECHNKREP0F1RSTCMT0))`"
    with pytest.raises(StorageError, match="object not found") as missing:
        history.create_branch("b", UNKNOWN)
    assert missing.value.kind == "object-not-found"


def test_reset_branch(history: HistoryV1) -> None:
    first, second = commit(history), commit(history)
    history.reset_branch("main", first.id)
    assert history.branch_tip("main") == first.id
    with pytest.raises(ConflictError) as raised:
        history.reset_branch("main", second.id, expected=second.id)
    assert raised.value.kind == "branch-update-conflict"
    history.reset_branch("main", second.id, expected=first.id)
    assert history.branch_tip("main") == second.id
    for expected in (None, first.id):
        with pytest.raises(RefNotFoundError, match="ref not found `nope`"):
            history.reset_branch("nope", first.id, expected=expected)
    with pytest.raises(StorageError):
        history.reset_branch("main", UNKNOWN)


def test_delete_branch(history: HistoryV1) -> None:
    history.create_branch("b", INITIAL_SNAPSHOT_ID)
    history.delete_branch("b")
    with pytest.raises(RefNotFoundError, match="ref not found `b`"):
        history.delete_branch("b")
    with pytest.raises(SessionStateError, match="main branch cannot be deleted"):
        history.delete_branch("main")


# ---- tags ------------------------------------------------------------------------------------------------------------


def test_a_tag_is_made_once(history: HistoryV1, objects: ObjectStore) -> None:
    history.create_tag("t", INITIAL_SNAPSHOT_ID)
    for _ in range(2):
        with pytest.raises(AlreadyExistsError, match="tag already exists, tags are immutable: `t`") as raised:
            history.create_tag("t", INITIAL_SNAPSHOT_ID)
        assert raised.value.kind == "tag-already-exists"
    history.delete_tag("t")
    assert ref_body(objects, "refs/tag.t/ref.json.deleted") == b""
    assert ref_body(objects, "refs/tag.t/ref.json") == b'{"snapshot":"1CECHNKREP0F1RSTCMT0"}'
    with pytest.raises(AlreadyExistsError):
        history.create_tag("t", INITIAL_SNAPSHOT_ID)
    for act in (history.tag_target, history.delete_tag):
        with pytest.raises(RefNotFoundError, match="ref not found `t`"):
            act("t")
    assert history.refs.names().deleted_tags == {"t"}
    assert history.refs.read_tags(["t"]) == {"t": INITIAL_SNAPSHOT_ID}


# ---- files that others left -----------------------------------------------------------------------------------------


def test_refs_are_read_leniently_and_listed_without_being_read(history: HistoryV1, objects: ObjectStore) -> None:
    objects.put("refs/branch.b/ref.json", b' {"x": 1, "snapshot": "1cechnkrepofirstcmto"}\n')
    assert history.branch_tip("b") == INITIAL_SNAPSHOT_ID
    objects.put("refs/branch.c/ref.json", b"junk")
    assert history.branch_names() == {"main", "b", "c"}
    for junk in (b"junk", b"[]", b"{}", b'{"snapshot": "short"}', b'{"snapshot": 5}'):
        objects.put("refs/branch.c/ref.json", junk)
        with pytest.raises(FormatError, match=r"refs/branch\.c/ref\.json") as raised:
            history.branch_tip("c")
        assert raised.value.kind == "serialization"


@pytest.mark.parametrize("key", ["refs/junk", "refs/foo/ref.json", "refs/other.x/ref.json"])
def test_what_is_no_ref_is_an_error(history: HistoryV1, objects: ObjectStore, key: str) -> None:
    objects.put(key, b"")
    for act in (history.branch_names, history.tag_names):
        with pytest.raises(InvalidInputError, match="invalid ref type") as raised:
            act()
        assert raised.value.kind == "invalid-ref-type"


# ---- publishing and ancestry ----------------------------------------------------------------------------------------


def test_commits_and_ancestry(history: HistoryV1) -> None:
    first = commit(history, message="first")
    second = commit(history, message="second")
    assert [entry.message for entry in history.ancestry(second.id)] == ["second", "first", "Repository initialized"]
    assert history.entry(second.id) == second
    assert next(iter(history.ancestry(first.id))) == first
    with pytest.raises(StorageError, match="object not found"):
        history.ancestry(UNKNOWN)


def test_metadata_comes_back(history: HistoryV1) -> None:
    tip = history.branch_tip("main")
    entry = new_entry(history.context, tip, "m", a={"x": [1, -2, 2.5, None, "é"]}, b=True)
    put_snapshot(history.context, entry)
    assert history.entry(entry.id) == entry


def test_a_commit_on_a_branch_that_moved_is_a_conflict(history: HistoryV1) -> None:
    tip = history.branch_tip("main")
    first = commit(history)
    late = new_entry(history.context, tip)
    with pytest.raises(ConflictError) as raised:
        history.publish_commit(late, branch="main", expected=tip)
    assert raised.value.kind == "commit-conflict"
    assert (raised.value.expected_parent, raised.value.actual_parent) == (format_id(tip), format_id(first.id))
    with pytest.raises(ConflictError) as gone:
        history.publish_commit(late, branch="gone", expected=tip)
    assert gone.value.actual_parent is None


def test_a_circular_history_ends_in_an_error(history: HistoryV1) -> None:
    context = history.context
    first = new_entry(context, INITIAL_SNAPSHOT_ID)
    second = replace(new_entry(context, first.id), parent_id=first.id)
    put_snapshot(context, second)
    put_snapshot(context, replace(first, parent_id=second.id))
    with pytest.raises(FormatError, match="circular"):
        list(history.ancestry(second.id))


# ---- configuration --------------------------------------------------------------------------------------------------


def backups(objects: ObjectStore) -> list[str]:
    return [meta.key for meta in objects.list(keys.OVERWRITTEN)]


def test_configuration_is_saved_and_backed_up(history: HistoryV1, objects: ObjectStore) -> None:
    assert history.load_config() is None
    history.save_config(RepositoryConfig(inline_chunk_threshold_bytes=7))
    assert history.load_config() == RepositoryConfig(inline_chunk_threshold_bytes=7)
    assert backups(objects) == []
    first = ref_body(objects, keys.CONFIG)
    history.save_config(RepositoryConfig(inline_chunk_threshold_bytes=8))
    assert history.load_config() == RepositoryConfig(inline_chunk_threshold_bytes=8)
    [backup] = backups(objects)
    assert backup.startswith("overwritten/config.yaml.")
    assert ref_body(objects, backup) == first


def test_two_who_save_the_configuration(history: HistoryV1, objects: ObjectStore) -> None:
    """Each must have seen what it replaces; whoever opened the repository before does not win."""
    other = history_of(make_context(objects, spec_version=1), find(objects, 0))
    history.save_config(RepositoryConfig(inline_chunk_threshold_bytes=7))
    with pytest.raises(ConflictError, match="config was updated by other session") as raised:
        other.save_config(RepositoryConfig(inline_chunk_threshold_bytes=8))
    assert raised.value.kind == "config-updated"
    again = history_of(make_context(objects, spec_version=1), find(objects, 0))
    again.save_config(RepositoryConfig(inline_chunk_threshold_bytes=9))
    with pytest.raises(ConflictError):
        history.save_config(RepositoryConfig(inline_chunk_threshold_bytes=10))
    unaware = history_of(make_context(objects, spec_version=1))
    unaware.save_config(RepositoryConfig(inline_chunk_threshold_bytes=11))
    assert unaware.load_config() == RepositoryConfig(inline_chunk_threshold_bytes=11)


def test_a_broken_configuration_says_so(history: HistoryV1, objects: ObjectStore) -> None:
    objects.put(keys.CONFIG, b"{unbalanced: [", PutMode.OVERWRITE)
    with pytest.raises(FormatError) as raised:
        history.load_config()
    assert raised.value.kind == "config-deserialization"


def test_what_spec_1_cannot_do(history: HistoryV1) -> None:
    with pytest.raises(FormatError, match="please upgrade your on-disk format") as raised:
        require_v2(history, "amend")
    assert raised.value.kind == "unsupported-spec-version"
    history.ensure_writable()
    assert history.writable_tip("main") == INITIAL_SNAPSHOT_ID
    history.publish_detached(new_entry(history.context, INITIAL_SNAPSHOT_ID))
