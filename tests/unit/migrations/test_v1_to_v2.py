"""Migrating repositories of spec 1: what becomes of them, and of a migration that is interrupted."""

from __future__ import annotations

from typing import Any

import pytest

from frazil._core import ObjectStore
from frazil.config import RepositoryConfig
from frazil.errors import ConflictError, SessionStateError, StorageError, error
from frazil.format import keys
from frazil.format.ids import INITIAL_SNAPSHOT_ID
from frazil.format.records import SnapshotEntry
from frazil.history.repo_object import ops_log
from frazil.history.repo_object.change import UpdateTag
from frazil.history.start.creating import create, put_snapshot
from frazil.history.start.opening import find
from frazil.history.v1.history import HistoryV1
from frazil.history.v2 import HistoryV2
from frazil.migrations.v1_to_v2 import migrate
from frazil.open_repository.context import RepositoryContext
from tests.unit.history.contexts import Counting, make_context, new_entry


class Old:
    """A repository of spec 1 with a bit of everything."""

    def __init__(self, objects: ObjectStore | None = None) -> None:
        self.objects = ObjectStore.memory() if objects is None else objects
        self.context: RepositoryContext = make_context(self.objects, spec_version=1)
        history = create(self.context, RepositoryConfig(inline_chunk_threshold_bytes=7))
        assert isinstance(history, HistoryV1)
        self.history = history
        self.first = self.commit("main", "first", a={"x": [1, None]})
        history.create_branch("dev", self.first.id)
        self.dev = self.commit("dev", "on dev")
        self.second = self.commit("main", "second")
        history.create_tag("v1", self.first.id)
        history.create_tag("gone", self.dev.id)
        history.delete_tag("gone")
        self.dangling = new_entry(self.context, self.first.id, "flushed")
        put_snapshot(self.context, self.dangling)

    def commit(self, branch: str, message: str, **metadata: Any) -> SnapshotEntry:
        tip = self.history.branch_tip(branch)
        entry = new_entry(self.context, tip, message, **metadata)
        put_snapshot(self.context, entry)
        self.history.publish_commit(entry, branch=branch, expected=tip)
        return entry

    def keys(self) -> set[str]:
        return {meta.key for meta in self.objects.list()}


def migrated(old: Old) -> HistoryV2:
    found = find(old.objects, 0)
    assert found.spec_version == 2
    assert found.config == RepositoryConfig(inline_chunk_threshold_bytes=7)
    return HistoryV2(make_context(old.objects, clock=old.context.clock), found.repo)


def test_everything_that_refs_lead_to_survives() -> None:
    old = Old()
    before = {entry.id: entry for tip in old.history.branches().values() for entry in old.history.ancestry(tip)}
    migrate(old.context, old.history, dry_run=False)
    history = migrated(old)
    assert history.branches() == {"main": old.second.id, "dev": old.dev.id}
    assert history.tags() == {"v1": old.first.id}
    assert history.read().deleted_tags() == ["gone"]
    assert {entry.id: entry for tip in history.branches().values() for entry in history.ancestry(tip)} == before
    assert history.read().snapshot(old.dangling.id) is None
    assert history.metadata() == {}
    assert history.read().status == (0, before[INITIAL_SNAPSHOT_ID].flushed_at, None)
    log = list(ops_log.read(history.read(), old.objects))
    assert [entry[:2] for entry in log][:1] == [(UpdateTag.REPO_MIGRATED, (1, 2))]
    assert {entry[0] for entry in log[1:]} == {
        UpdateTag.REPO_INITIALIZED,
        UpdateTag.NEW_COMMIT,
        UpdateTag.BRANCH_CREATED,
        UpdateTag.TAG_CREATED,
        UpdateTag.TAG_DELETED,
    }


def test_the_migrated_repository_goes_on() -> None:
    old = Old()
    migrate(old.context, old.history, dry_run=False)
    history = migrated(old)
    entry = new_entry(history.context, old.second.id, "third")
    history.publish_commit(entry, branch="main", expected=old.second.id)
    assert [found.message for found in history.ancestry(entry.id)][:2] == ["third", "second"]
    with pytest.raises(Exception, match="tag was already deleted `gone`"):
        history.create_tag("gone", entry.id)


def test_only_the_files_that_nobody_reads_any_more_are_deleted() -> None:
    old = Old()
    before = old.keys()
    migrate(old.context, old.history, dry_run=False)
    unused = {key for key in before if key.startswith("refs/")} | {keys.CONFIG}
    assert old.keys() == before - unused | {keys.REPO}


def test_they_may_be_kept() -> None:
    old = Old()
    before = old.keys()
    migrate(old.context, old.history, dry_run=False, delete_unused_v1_files=False)
    assert old.keys() == before | {keys.REPO}
    assert migrated(old).branches()["main"] == old.second.id


def test_a_dry_run_writes_nothing() -> None:
    old = Old()
    before = old.keys()
    info = migrate(old.context, old.history, dry_run=True)
    assert old.keys() == before
    assert find(old.objects, 0).spec_version == 1
    assert len(info.snapshots()) == 4


def test_the_attributes_say_spec_2() -> None:
    old = Old()
    migrate(old.context, old.history, dry_run=False)
    meta = old.objects.head(keys.REPO)
    assert meta is not None
    assert (meta.attributes["icspecver"], meta.attributes["icfiletype"]) == ("2", "repo-info")


def test_foreign_and_damaged_files_among_the_snapshots_are_passed_over() -> None:
    old = Old()
    old.objects.put("snapshots/README", b"hello")
    old.objects.put(keys.snapshot(old.context.ids.snapshot_id()), b"damaged")
    migrate(old.context, old.history, dry_run=False, prefetch_concurrency=1)
    assert migrated(old).branches()["main"] == old.second.id


def test_a_missing_snapshot_is_noticed_before_anything_is_written() -> None:
    old = Old()
    old.objects.delete_many([keys.snapshot(old.first.id)])
    old.context.assets.clear()
    before = old.keys()
    with pytest.raises(StorageError, match="object not found"):
        migrate(old.context, old.history, dry_run=False)
    assert old.keys() == before


def test_a_writer_of_spec_1_that_is_still_around_undoes_the_migration() -> None:
    memory = ObjectStore.memory()
    old = Old(memory)
    racing = Counting(memory)
    context = make_context(racing, spec_version=1)
    racing.before["put"] = lambda: old.commit("main", "meanwhile")
    with pytest.raises(ConflictError, match="changed during the migration") as raised:
        migrate(context, HistoryV1(context), dry_run=False)
    assert raised.value.kind == "repo-info-updated"
    assert find(memory, 0).spec_version == 1
    assert old.history.entry(old.history.branch_tip("main")).message == "meanwhile"
    migrate(old.context, old.history, dry_run=False)
    assert migrated(old).entry(migrated(old).branch_tip("main")).message == "meanwhile"


@pytest.mark.parametrize("call", ["get_versioned", "delete_many"])
def test_a_migration_that_others_have_built_on_is_not_undone(call: str) -> None:
    """Right after ``repo`` was written a writer of spec 2 commits, and then the migration fails."""
    memory = ObjectStore.memory()
    old = Old(memory)
    racing = Counting(memory)
    context = make_context(racing, spec_version=1)

    def build_on_it() -> None:
        if "put" not in racing.calls or "t" in migrated(old).tags():
            return
        migrated(old).create_tag("t", old.second.id)
        if call == "delete_many":
            raise error("object-store", "no deletions today")
        old.history.refs.move_branch("main", old.first.id)

    racing.before[call] = build_on_it
    with pytest.raises(SessionStateError, match="was changed since, so that this failure cannot be undone") as raised:
        migrate(context, HistoryV1(context), dry_run=False)
    assert raised.value.kind == "invalid-repository-migration"
    assert migrated(old).tags()["t"] == old.second.id


def test_of_two_migrations_one_wins() -> None:
    old = Old()
    migrate(old.context, old.history, dry_run=False, delete_unused_v1_files=False)
    with pytest.raises(SessionStateError, match="somebody else migrated") as raised:
        migrate(old.context, old.history, dry_run=False)
    assert raised.value.kind == "invalid-repository-migration"
    assert migrated(old).branches()["main"] == old.second.id


class CrashError(Exception):
    """The process dies here."""


@pytest.mark.parametrize("last", range(30))
def test_wherever_it_is_interrupted_there_is_a_whole_repository(last: int) -> None:
    """After any number of requests that went through, the repository is of spec 1 or of spec 2, with all its data."""
    old = Old()
    crashing = Counting(old.objects)
    context = make_context(crashing, spec_version=1)

    def crash() -> None:
        if len(crashing.calls) > last:
            raise CrashError

    crashing.before = dict.fromkeys(("put", "get", "get_many", "get_versioned", "list", "delete_many", "head"), crash)
    try:
        migrate(context, HistoryV1(context), dry_run=False, prefetch_concurrency=1)
    except CrashError:
        pass
    else:
        assert last > 10, "this test stops the migration nowhere"
    found = find(old.objects, 0)
    if found.spec_version == 1:
        assert old.history.branches() == {"main": old.second.id, "dev": old.dev.id}
        migrate(old.context, old.history, dry_run=False)
    history = migrated(old)
    assert history.branches() == {"main": old.second.id, "dev": old.dev.id}
    assert history.tags() == {"v1": old.first.id}
