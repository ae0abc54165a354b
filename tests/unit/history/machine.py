"""Random ref operations on a repository of either spec, held against dictionaries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from frazil._core import ObjectStore
from frazil.config import RepositoryConfig
from frazil.errors import IcechunkError
from frazil.format.ids import INITIAL_SNAPSHOT_ID, SnapshotId
from frazil.format.records import SnapshotEntry
from frazil.history.base import History
from frazil.history.repo_object import ops_log
from frazil.history.repo_object.change import UpdateTag
from frazil.history.start.creating import create, put_snapshot
from frazil.history.start.opening import find, history_of
from frazil.history.v2 import HistoryV2
from tests.unit.history.contexts import StepClock, make_context, new_entry

UNKNOWN = SnapshotId(b"\xff" * 12)
NAMES = st.sampled_from(["main", "a", "b", "Z", "é", "日本", "with space", "a.b", "%"])
NUMBERS = st.integers(0, 30)
KEYS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=3)
"""FlexBuffers end the keys of an object with a NUL."""
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
METADATA = st.dictionaries(st.text(max_size=4), VALUES, max_size=3)


class HistoryMachine(RuleBasedStateMachine):
    """One repository, two histories of it that take turns, and what they must say."""

    spec_version: ClassVar[int]
    updates_per_file: ClassVar[int] = 3

    # ---- to be varied by subclasses -------------------------------------------------------------------------------

    def new_store(self) -> ObjectStore:
        return ObjectStore.memory()

    def check_outside(self) -> None:
        """Called after each step; the history is ``self.one``, the files are in the store."""

    # ---- the model ------------------------------------------------------------------------------------------------

    @initialize()
    def start(self) -> None:
        self.objects = self.new_store()
        self.clock = StepClock()
        config = RepositoryConfig(num_updates_per_repo_info_file=self.updates_per_file)
        contexts = [
            make_context(
                self.objects,
                spec_version=self.spec_version,
                clock=self.clock,
                config=config,
                use_object_metadata=False,
            )
            for _ in range(2)
        ]
        self.one: History = create(contexts[0], None)
        self.two: History = history_of(contexts[1], find(self.objects, 0))
        self.branches: dict[str, SnapshotId] = {"main": INITIAL_SNAPSHOT_ID}
        self.tags: dict[str, SnapshotId] = {}
        self.deleted: set[str] = set()
        self.flags: dict[str, bool] = {}
        self.metadata: dict[str, Any] = {}
        self.entries: dict[SnapshotId, SnapshotEntry] = {
            INITIAL_SNAPSHOT_ID: self.one.entry(INITIAL_SNAPSHOT_ID),
        }
        self.log: list[tuple[UpdateTag, tuple[object, ...]]] = [(UpdateTag.REPO_INITIALIZED, ())]

    @property
    def is_v2(self) -> bool:
        return self.spec_version == 2

    @property
    def v2(self) -> HistoryV2:
        assert isinstance(self.one, HistoryV2)
        return self.one

    def snapshot(self, number: int) -> SnapshotId:
        """One that is known or, seldom, one that is not."""
        known = list(self.entries)
        return UNKNOWN if number == 30 else known[number % len(known)]

    def expect(self, refusal: str | None, act: Callable[[], object]) -> bool:
        """Whether the step went through, which it must if there is no ``refusal`` (the kind of the error)."""
        self.one, self.two = self.two, self.one
        if refusal is None:
            act()
            return True
        with pytest.raises(IcechunkError) as raised:
            act()
        assert raised.value.kind == refusal
        return False

    def done(self, tag: UpdateTag, *fields: object) -> None:
        self.log.insert(0, (tag, fields))

    def unknown(self, target: SnapshotId) -> str | None:
        if target != UNKNOWN:
            return None
        return "snapshot-not-found" if self.is_v2 else "object-not-found"

    def disabled(self, flag: str) -> str | None:
        return None if self.flags.get(flag, True) else "feature-flag-disabled"

    # ---- branches and tags -----------------------------------------------------------------------------------------

    @rule(name=NAMES, number=NUMBERS)
    def create_branch(self, name: str, number: int) -> None:
        target = self.snapshot(number)
        taken = "branch-already-exists" if self.is_v2 else "branch-update-conflict"
        refusal = self.unknown(target) or (taken if name in self.branches else None)
        if self.expect(refusal, lambda: self.one.create_branch(name, target)):
            self.branches[name] = target
            self.done(UpdateTag.BRANCH_CREATED, name)

    @rule(name=NAMES, number=NUMBERS, expected=st.none() | NUMBERS)
    def reset_branch(self, name: str, number: int, expected: int | None) -> None:
        target = self.snapshot(number)
        tip = None if expected is None else self.snapshot(expected)
        refusal = self.unknown(target)
        if refusal is None and name not in self.branches:
            refusal = "ref-not-found"
        elif refusal is None and tip is not None and tip != self.branches[name]:
            refusal = "branch-update-conflict"
        if self.expect(refusal, lambda: self.one.reset_branch(name, target, expected=tip)):
            self.done(UpdateTag.BRANCH_RESET, name, self.branches[name])
            self.branches[name] = target

    @rule(name=NAMES)
    def delete_branch(self, name: str) -> None:
        refusal = "cannot-delete-main" if name == "main" else None if name in self.branches else "ref-not-found"
        if self.expect(refusal, lambda: self.one.delete_branch(name)):
            self.done(UpdateTag.BRANCH_DELETED, name, self.branches.pop(name))

    @rule(name=NAMES, number=NUMBERS)
    def create_tag(self, name: str, number: int) -> None:
        target = self.snapshot(number)
        refusal = self.unknown(target) or self.disabled("create_tag")
        if refusal is None and name in self.tags:
            refusal = "tag-already-exists"
        elif refusal is None and name in self.deleted:
            refusal = "tag-previously-deleted" if self.is_v2 else "tag-already-exists"
        if self.expect(refusal, lambda: self.one.create_tag(name, target)):
            self.tags[name] = target
            self.done(UpdateTag.TAG_CREATED, name)

    @rule(name=NAMES)
    def delete_tag(self, name: str) -> None:
        refusal = self.disabled("delete_tag") or (None if name in self.tags else "ref-not-found")
        if self.expect(refusal, lambda: self.one.delete_tag(name)):
            self.deleted.add(name)
            self.done(UpdateTag.TAG_DELETED, name, self.tags.pop(name))

    # ---- snapshots -------------------------------------------------------------------------------------------------

    @rule(name=NAMES, metadata=METADATA, stale=st.none() | NUMBERS)
    def commit(self, name: str, metadata: dict[str, Any], stale: int | None) -> None:
        """On the tip or, with ``stale``, on some snapshot that may not be the tip any more."""
        base = self.snapshot(stale) if stale is not None else self.branches.get(name, INITIAL_SNAPSHOT_ID)
        entry = new_entry(self.one.context, base, f"commit on {name}", **metadata)  # type: ignore[attr-defined]
        put_snapshot(self.one.context, entry)  # type: ignore[attr-defined]
        refusal = None
        if name not in self.branches:
            refusal = "branch-not-found" if self.is_v2 else "commit-conflict"
        elif self.branches[name] != base:
            refusal = "commit-conflict"
        if self.expect(refusal, lambda: self.one.publish_commit(entry, branch=name, expected=base)):
            self.entries[entry.id] = entry
            self.branches[name] = entry.id
            self.done(UpdateTag.NEW_COMMIT, name, entry.id)

    @precondition(lambda self: self.is_v2)
    @rule(name=NAMES, metadata=METADATA)
    def amend(self, name: str, metadata: dict[str, Any]) -> None:
        base = self.branches.get(name, INITIAL_SNAPSHOT_ID)
        entry = new_entry(self.v2.context, base, f"amended on {name}", **metadata)
        put_snapshot(self.v2.context, entry)
        parent = self.entries[base].parent_id
        refusal = None
        if name not in self.branches:
            refusal = "branch-not-found"
        elif parent is None:
            refusal = "no-amend-for-initial-commit"
        if self.expect(refusal, lambda: self.v2.publish_amend(entry, branch=name, expected=base)):
            self.entries[entry.id] = SnapshotEntry(entry.id, parent, entry.flushed_at, entry.message, entry.metadata)
            self.branches[name] = entry.id
            self.done(UpdateTag.COMMIT_AMENDED, name, base, entry.id)

    @rule(number=NUMBERS)
    def flush(self, number: int) -> None:
        base = self.snapshot(number)
        entry = new_entry(self.one.context, base, "detached")  # type: ignore[attr-defined]
        put_snapshot(self.one.context, entry)  # type: ignore[attr-defined]
        refusal = self.unknown(base) if self.is_v2 else None
        if self.expect(refusal, lambda: self.one.publish_detached(entry)) and base != UNKNOWN:
            self.entries[entry.id] = entry
            self.done(UpdateTag.NEW_DETACHED_SNAPSHOT, entry.id)

    # ---- the repository --------------------------------------------------------------------------------------------

    @precondition(lambda self: self.is_v2)
    @rule(metadata=METADATA, replace=st.booleans())
    def change_metadata(self, metadata: dict[str, Any], replace: bool) -> None:
        act = self.v2.set_metadata if replace else self.v2.update_metadata
        self.expect(None, lambda: act(metadata))
        self.metadata = metadata if replace else {**self.metadata, **metadata}
        self.done(UpdateTag.METADATA_CHANGED)

    @precondition(lambda self: self.is_v2)
    @rule(name=st.sampled_from(["move_node", "create_tag", "delete_tag"]), setting=st.none() | st.booleans())
    def set_flag(self, name: str, setting: bool | None) -> None:
        self.expect(None, lambda: self.v2.set_feature_flag(name, setting))
        self.flags.pop(name, None)
        if setting is not None:
            self.flags[name] = setting
        number = {"move_node": 3, "create_tag": 4, "delete_tag": 5}[name]
        self.done(UpdateTag.FEATURE_FLAG_CHANGED, number, bool(setting), setting is not None)

    @rule(threshold=st.integers(0, 1000))
    def save_config(self, threshold: int) -> None:
        saved = RepositoryConfig(inline_chunk_threshold_bytes=threshold)
        fresh = history_of(self.one.context, find(self.objects, 0))  # type: ignore[attr-defined]
        self.expect(None, lambda: fresh.save_config(saved))
        assert self.one.load_config() == saved
        self.done(UpdateTag.CONFIG_CHANGED)

    # ---- what must hold --------------------------------------------------------------------------------------------

    @invariant()
    def both_histories_say_what_the_model_says(self) -> None:
        for history in (self.one, self.two):
            assert history.branches() == self.branches
            assert history.tags() == self.tags
            assert (history.branch_names(), history.tag_names()) == (set(self.branches), set(self.tags))
        for snapshot_id, entry in self.entries.items():
            assert self.one.entry(snapshot_id) == entry
        for tip in self.branches.values():
            expected = []
            current: SnapshotId | None = tip
            while current is not None:
                expected.append(self.entries[current])
                current = self.entries[current].parent_id
            assert list(self.two.ancestry(tip)) == expected

    @precondition(lambda self: self.is_v2)
    @invariant()
    def the_repo_object_says_what_the_model_says(self) -> None:
        info = self.v2.read()
        assert info.deleted_tags() == sorted(self.deleted, key=str.encode)
        assert self.v2.metadata() == self.metadata
        assert {flag.name: flag.setting for flag in self.v2.feature_flags() if flag.setting is not None} == self.flags
        log = list(ops_log.read(info, self.objects))
        assert [(tag, fields) for tag, fields, _, _ in log] == self.log
        times = [time for _, _, time, _ in log]
        assert times == sorted(set(times), reverse=True)

    @invariant()
    def outside(self) -> None:
        self.check_outside()
