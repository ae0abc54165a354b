"""What all steps share: the repository, its sessions, the model, and the comparison of both."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition

import frazil
from frazil import IcechunkError
from frazil import UpdateType as Did
from tests.stateful import views
from tests.stateful.trees import (
    Draft,
    Log,
    Node,
    group_document,
    zarr_keys,
)
from tests.stateful.world import INITIAL, Commit, World

METADATA = st.dictionaries(st.sampled_from(["a", "b"]), st.none() | st.integers(0, 9) | st.text(max_size=3), max_size=2)
FUTURE = datetime(2100, 1, 1, tzinfo=UTC)
UNKNOWN = "ZZZZZZZZZZZZZZZZZZZ0"


@dataclass
class Open:
    """A session and what it must show."""

    session: frazil.Session
    mode: str
    branch: str
    base: str
    draft: Draft
    opened: int = 0
    """How many snapshots there had been before."""


class Base(RuleBasedStateMachine):
    """Two handles of one repository, which take turns, its sessions, the model, and what must hold after every step."""

    spec: ClassVar[int]

    # ---- to be varied by subclasses -------------------------------------------------------------------------------

    def new_storage(self) -> frazil.Storage:
        return frazil.in_memory_storage()

    file_clock: ClassVar[float] = 0.0
    """Seconds between two ticks of the clock that files get their times from."""

    pickles: ClassVar[bool] = False
    """Whether a pickled repository finds the same bytes."""

    # ---- beginning -------------------------------------------------------------------------------------------------

    @initialize(page=st.integers(1, 5), threshold=st.sampled_from([0, 16, 512]), content_ids=st.booleans())
    def begin(self, page: int, threshold: int, content_ids: bool) -> None:
        self.storage = self.new_storage()
        self.content_ids = content_ids
        self.config = {"num_updates_per_repo_info_file": page, "inline_chunk_threshold_bytes": threshold}
        made = frazil.Repository.create(
            self.storage,
            frazil.RepositoryConfig(**self.config),
            spec_version=self.spec,
            content_derived_chunk_ids=content_ids,
        )
        self.repos = [made, self.reopened()]
        self.world = World(self.spec)
        self.numbers = itertools.count(1)
        self.open: list[Open] = []
        self.moments: list[datetime] = []
        """When the file of each snapshot was written, oldest first."""
        info = made.lookup_snapshot(INITIAL)
        self.note_moment(INITIAL)
        self.world.add(Commit(INITIAL, None, info.message, info.metadata, info.written_at, {}, Log()))
        self.world.branches["main"] = INITIAL
        self.note(Did.RepoInitialized())
        opened = self.open_session("main", "writable")
        self.make_group(opened, "/", 0)
        self.publish(opened, "commit", "a root group", {})

    def note_moment(self, commit_id: str) -> None:
        """Note when a snapshot was written; what follows is written later, however coarse the clock of files is."""
        found = {info.key: info.created_at for info in self.storage.list_objects_metadata(prefix="snapshots")}
        self.moments.append(found[commit_id])
        time.sleep(self.file_clock)

    def reopened(self) -> frazil.Repository:
        return frazil.Repository.open(self.storage, content_derived_chunk_ids=self.content_ids)

    def note(self, operation: Did) -> None:
        if self.world.spec == 2:
            self.world.note(operation)

    @property
    def repo(self) -> frazil.Repository:
        """The two handles take turns, so that each has to notice what went through the other."""
        self.repos.reverse()
        return self.repos[0]

    @property
    def is_v2(self) -> bool:
        return self.world.spec == 2

    def expect(self, refusal: str | None, act: Callable[[], Any]) -> Any:
        """The result of a step that has to go through unless it is to be refused; then the error."""
        if refusal is None:
            return act()
        with pytest.raises(IcechunkError) as raised:
            act()
        assert raised.value.kind == refusal, raised.value
        return raised.value

    def some_commit(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(sorted(self.world.commits, key=lambda i: self.world.commits[i].written_at)))

    # ---- sessions -------------------------------------------------------------------------------------------------------

    def open_session(self, branch: str, mode: str) -> Open:
        repo = self.repo
        session = repo.writable_session(branch) if mode == "writable" else repo.rearrange_session(branch)
        tip = self.world.branches[branch]
        assert (session.snapshot_id, session.branch, session.read_only) == (tip, branch, False)
        opened = Open(session, mode, branch, tip, Draft(self.world.commits[tip].tree), len(self.moments))
        self.open = [*self.open[-2:], opened]
        return opened

    def drawn(self, data: st.DataObject, *modes: str) -> Open | None:
        """One of the open sessions, the newest most of the time."""
        fitting = [opened for opened in self.open if opened.mode in modes][::-1]
        return data.draw(st.sampled_from(fitting)) if fitting else None

    def make_group(self, opened: Open, path: str, version: int) -> None:
        document = group_document(version)
        views.put(opened.session, views.key_of(path), document)
        opened.draft.create(path, Node(next(self.numbers), document, None))

    # ---- publishing -----------------------------------------------------------------------------------------------------

    def publish(self, opened: Open, how: str, message: str, metadata: dict[str, Any], **options: Any) -> None:
        """Write the changes of a session as a commit, an amendment, or a detached snapshot; the model says whether."""
        world, draft = self.world, opened.draft
        refusal = self.refusal(opened, how, allow_empty=options.get("allow_empty", False))
        act = getattr(opened.session, how)
        found = self.expect(refusal, lambda: act(message, metadata=metadata, **options))
        if refusal is not None:
            if refusal == "commit-conflict":
                assert found.expected_parent == opened.base
                assert found.actual_parent == world.branches.get(opened.branch)
            return
        self.settle(opened, how, found, message, metadata, draft.log())

    def refusal(self, opened: Open, how: str, *, allow_empty: bool) -> str | None:
        world, draft = self.world, opened.draft
        tip = world.branches.get(opened.branch)
        if how == "amend" and not self.is_v2:
            return "unsupported-spec-version"
        if how == "amend" and opened.base == INITIAL:
            return "no-amend-for-initial-commit"
        if how != "flush" and not (draft.has_changes() or allow_empty):
            return "no-changes-to-commit"
        if opened.mode == "rearrange" and not world.flags.get("move_node", True):
            return "feature-flag-disabled"
        if how != "commit" and self.is_v2 and opened.base not in world.commits:
            return "snapshot-not-found"
        if how == "amend" and world.commits[opened.base].log.moves and (draft.log() != Log() or draft.moot):
            if opened.mode != "rearrange":
                return "rearrange-session-only"
        if how != "flush" and tip is None:
            return "branch-not-found" if self.is_v2 else "commit-conflict"
        if how != "flush" and tip != opened.base:
            return "commit-conflict"
        return None

    def settle(self, opened: Open, how: str, made: str, message: str, metadata: dict[str, Any], log: Log) -> None:
        """The model takes over what was published; the session shows it from now on, and cannot write any more."""
        world, session = self.world, opened.session
        assert (session.snapshot_id, session.read_only, session.branch) == (made, True, None)
        info = self.repo.lookup_snapshot(made)
        commit = Commit(made, opened.base, message, metadata, info.written_at, opened.draft.tree, log)
        if how == "amend":
            old = world.commits[opened.base]
            commit = Commit(
                made, old.parent, message, metadata, info.written_at, commit.tree, old.log.amended_by(log), old.pruned
            )
        world.add(commit)
        self.note_moment(made)
        if how == "flush":
            self.note(Did.NewDetachedSnapshot(made))
        else:
            world.branches[opened.branch] = made
            amended = how == "amend"
            self.note(
                Did.CommitAmended(opened.branch, opened.base, made) if amended else Did.NewCommit(opened.branch, made)
            )
        self.check_commit(made)
        opened.mode, opened.base, opened.draft = "readonly", made, Draft(commit.tree)

    # ---- what must hold -------------------------------------------------------------------------------------------------

    def check_commit(self, commit_id: str) -> None:
        """A snapshot is what it was made of, for whoever opens it."""
        commit, repo = self.world.commits[commit_id], self.repo
        info = repo.lookup_snapshot(commit_id)
        metadata = {key: value for key, value in info.metadata.items() if key != "__icechunk"}
        assert (info.parent_id, info.message, info.written_at) == (commit.parent, commit.message, commit.written_at)
        assert metadata == {key: value for key, value in commit.metadata.items() if key != "__icechunk"}
        session = repo.readonly_session(snapshot_id=commit_id)
        assert views.contents(session) == zarr_keys(commit.tree)

    def check_everything(self) -> None:
        for commit_id in self.world.commits:
            self.check_commit(commit_id)
        self.repos = [self.reopened(), self.repos[0]]
        for commit_id in self.world.commits:
            self.check_commit(commit_id)

    @invariant()
    def refs_are_those_of_the_model(self) -> None:
        world, repo = self.world, self.repo
        assert repo.list_branches() == set(world.branches)
        assert repo.list_tags() == set(world.tags)
        for name, tip in world.branches.items():
            assert repo.lookup_branch(name) == tip
            assert [info.id for info in repo.ancestry(branch=name)] == [commit.id for commit in world.ancestry(tip)]
        for name, target in world.tags.items():
            assert repo.lookup_tag(name) == target

    @invariant()
    def sessions_are_those_of_the_model(self) -> None:
        for opened in self.open:
            draft = opened.draft
            assert views.contents(opened.session) == zarr_keys(draft.tree)
            assert opened.session.has_uncommitted_changes == draft.has_changes()
            assert views.shown(opened.session.status()) == views.expected_diff(draft.log(), draft.base, draft.tree)
            assert (opened.session.snapshot_id, opened.session.read_only) == (opened.base, opened.mode == "readonly")

    @precondition(lambda self: self.is_v2)
    @invariant()
    def the_rest_is_that_of_the_model(self) -> None:
        world, repo = self.world, self.repo
        assert repo.metadata == world.metadata
        assert {flag.name: flag.setting for flag in repo.feature_flags() if flag.setting is not None} == world.flags
        updates = list(repo.ops_log())
        assert [update.kind for update in updates] == world.operations
        times = [update.updated_at for update in updates]
        assert times == sorted(set(times), reverse=True)
        assert updates[0].backup_path is None
        assert set(repo.inspect_repo_info()["deleted_tags"]) == world.deleted_tags
        assert {found["id"] for found in repo.inspect_repo_info()["snapshots"]} == set(world.commits)
