"""Steps that open sessions, and publish what was changed in them."""

from __future__ import annotations

import pickle
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

import frazil
from tests.stateful import views
from tests.stateful.repository.base import METADATA, Base, Open
from tests.stateful.solvers import solver
from tests.stateful.trees import (
    POLICIES,
    Draft,
    Policy,
    zarr_keys,
)


class SessionSteps(Base):
    """To write and to read; commits, amendments, flushes and rebases."""

    @rule(data=st.data(), mode=st.sampled_from(["writable", "writable", "rearrange"]))
    def open_to_write(self, data: st.DataObject, mode: str) -> None:
        branch = data.draw(st.sampled_from([*sorted(self.world.branches), "absent"]))
        if branch == "absent":
            self.expect("ref-not-found", lambda: self.repo.writable_session(branch))
        elif mode == "rearrange" and not self.is_v2:
            self.expect("unsupported-spec-version", lambda: self.repo.rearrange_session(branch))
        elif mode == "rearrange" and not self.world.flags.get("move_node", True):
            self.expect("feature-flag-disabled", lambda: self.repo.rearrange_session(branch))
        else:
            self.open_session(branch, mode)

    @rule(data=st.data(), how=st.sampled_from(["branch", "tag", "snapshot", "as_of"]))
    def open_to_read(self, data: st.DataObject, how: str) -> None:
        if how == "snapshot":
            commit_id = self.some_commit(data)
            session = self.repo.readonly_session(snapshot_id=commit_id)
        elif how == "tag" and self.world.tags:
            tag = data.draw(st.sampled_from(sorted(self.world.tags)))
            commit_id = self.world.tags[tag]
            session = self.repo.readonly_session(tag=tag)
        elif how == "as_of":
            branch = data.draw(st.sampled_from(sorted(self.world.branches)))
            when = self.world.commits[self.some_commit(data)].written_at
            chain = list(self.world.ancestry(self.world.branches[branch]))
            young = [commit.id for commit in chain if commit.written_at <= when]
            if not young:
                self.expect("no-snapshot-at-time", lambda: self.repo.readonly_session(branch, as_of=when))
                return
            commit_id = young[0]
            session = self.repo.readonly_session(branch, as_of=when)
        else:
            branch = data.draw(st.sampled_from(sorted(self.world.branches)))
            commit_id = self.world.branches[branch]
            session = self.repo.readonly_session(branch)
        tree = self.world.commits[commit_id].tree
        assert (session.snapshot_id, session.branch, session.read_only) == (commit_id, None, True)
        views.check_with_zarr(session, tree)
        if self.pickles:
            session = pickle.loads(pickle.dumps(session))
        assert views.contents(session) == zarr_keys(tree)
        self.expect("read-only-session", session.discard_changes)
        self.open = [*self.open[-2:], Open(session, "readonly", "", commit_id, Draft(tree))]

    @precondition(lambda self: any(o.mode != "readonly" for o in self.open))
    @rule(data=st.data())
    def discard(self, data: st.DataObject) -> None:
        opened = self.drawn(data, "writable", "rearrange")
        assert opened is not None
        opened.session.discard_changes()
        opened.draft.discard()

    @precondition(lambda self: any(o.mode != "readonly" for o in self.open))
    @rule(data=st.data(), metadata=METADATA, allow_empty=st.booleans())
    def commit(self, data: st.DataObject, metadata: dict[str, Any], allow_empty: bool) -> None:
        opened = self.drawn(data, "writable", "rearrange")
        assert opened is not None
        self.publish(opened, "commit", "a commit", metadata, allow_empty=allow_empty)

    @precondition(lambda self: any(o.mode != "readonly" for o in self.open))
    @rule(data=st.data(), metadata=METADATA, allow_empty=st.booleans())
    def amend(self, data: st.DataObject, metadata: dict[str, Any], allow_empty: bool) -> None:
        opened = self.drawn(data, "writable", "rearrange")
        assert opened is not None
        self.publish(opened, "amend", "an amendment", metadata, allow_empty=allow_empty)

    @precondition(lambda self: any(o.mode != "readonly" for o in self.open))
    @rule(data=st.data(), metadata=METADATA)
    def flush(self, data: st.DataObject, metadata: dict[str, Any]) -> None:
        opened = self.drawn(data, "writable", "rearrange")
        assert opened is not None
        self.publish(opened, "flush", "flushed", metadata)

    @precondition(lambda self: any(o.mode != "readonly" for o in self.open))
    @rule(data=st.data(), policy=st.sampled_from(POLICIES), then_commit=st.booleans())
    def rebase(self, data: st.DataObject, policy: Policy, then_commit: bool) -> None:
        opened = self.drawn(data, "writable", "rearrange")
        assert opened is not None
        tip = self.world.branches.get(opened.branch, opened.base)
        before = opened.base
        opened.base, in_the_way = self.world.rebase(opened.draft, before, tip, policy)
        if in_the_way:
            error = self.expect("rebase-failed", lambda: opened.session.rebase(solver(frazil, policy)))
            assert error.conflicts
        else:
            opened.session.rebase(solver(frazil, policy))
        assert opened.session.snapshot_id == opened.base
        if then_commit:
            self.publish(opened, "commit", "after a rebase", {})
