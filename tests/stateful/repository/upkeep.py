"""Steps of upkeep, and differences between snapshots."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

import frazil
from frazil import UpdateType as Did
from frazil.clock import from_datetime
from frazil.maintenance.reachability.listing import is_older
from tests.stateful import views
from tests.stateful.repository.base import FUTURE, Base, Open
from tests.stateful.trees import (
    Draft,
    Log,
)
from tests.stateful.world import INITIAL


class Upkeep(Base):
    """Rewriting, expiration, collection, migration."""

    @rule(data=st.data(), amend=st.booleans())
    def rewrite_manifests(self, data: st.DataObject, amend: bool) -> None:
        branch = data.draw(st.sampled_from(sorted(self.world.branches)))
        tip = self.world.branches[branch]
        refusal = None
        if amend and not self.is_v2:
            refusal = "unsupported-operation-for-version"
        elif amend and tip == INITIAL:
            refusal = "no-amend-for-initial-commit"
        method: Any = "amend" if amend else "new_commit"
        made = self.expect(refusal, lambda: self.repo.rewrite_manifests("anew", branch=branch, commit_method=method))
        if refusal is None:
            tree = self.world.commits[tip].tree
            session = self.repo.readonly_session(snapshot_id=made)
            opened = Open(session, "readonly", branch, tip, Draft(tree))
            self.settle(opened, "amend" if amend else "commit", made, "anew", {}, Log())

    def a_moment(self, data: st.DataObject) -> datetime:
        """Before everything, after everything, or just after one of the snapshots that are known."""
        times = sorted({commit.written_at for commit in self.world.commits.values()})
        moments = [times[0], *(time + timedelta(microseconds=1) for time in times), FUTURE]
        return data.draw(st.sampled_from(moments[::-1]))

    @rule(data=st.data(), branches=st.booleans(), tags=st.booleans())
    def expire(self, data: st.DataObject, branches: bool, tags: bool) -> None:
        older_than = self.a_moment(data)
        released = self.repo.expire_snapshots(older_than, delete_expired_branches=branches, delete_expired_tags=tags)
        assert released == self.world.expire(older_than, branches=branches, tags=tags)
        self.note(Did.ExpirationRan())
        if not self.is_v2:
            # Expiration writes snapshots of spec 1 anew, which the other handle may have read before.
            self.repos[1] = self.reopened()
        self.check_everything()

    @rule(data=st.data())
    def collect(self, data: st.DataObject) -> None:
        """Sessions that are older than the files that go are closed first, as everybody has to."""
        number = data.draw(st.integers(0, len(self.moments)))
        older_than = FUTURE if number == 0 else self.moments[-number]
        self.open = [opened for opened in self.open if number and opened.opened > len(self.moments) - number]
        files = {info.key: info.created_at for info in self.storage.list_objects_metadata(prefix="snapshots")}
        told = self.repo.garbage_collect(older_than, dry_run=True)
        assert self.repo.garbage_collect(older_than) == told
        # Times of files lag behind, and one in whole milliseconds stands for all of it.
        cut_off = from_datetime(older_than) - self.repo._repository.context.objects.time_lag
        old = is_older(np.array([from_datetime(created) for created in files.values()], np.int64), cut_off)
        self.world.collect({key for key, is_old in zip(files, old, strict=True) if is_old})
        self.open = [opened for opened in self.open if opened.base in self.world.commits]
        self.note(Did.GCRan())
        if older_than == FUTURE:
            snapshots = {key for key, _ in self.storage.list_objects(prefix="snapshots")}
            assert snapshots == set(self.world.commits)
            stored = sum(size for _, size in self.storage.list_objects(prefix="chunks"))
            assert stored == self.repo.chunk_storage_stats().native_bytes
        self.check_everything()

    @precondition(lambda self: not self.is_v2)
    @rule(dry_run=st.sampled_from([True, True, False]))
    def upgrade(self, dry_run: bool) -> None:
        repo = self.reopened()
        upgraded = frazil.upgrade_icechunk_repository(repo, dry_run=dry_run)
        if dry_run:
            return
        with pytest.raises(RuntimeError, match="invalidated"):
            repo.list_branches()
        world = self.world
        tips = (*world.branches.values(), *world.tags.values())
        reachable = {commit.id: commit for tip in tips for commit in world.ancestry(tip)}
        world.spec, world.commits, self.open = 2, reachable, []
        self.repos = [upgraded, self.reopened()]
        world.operations = [update.kind for update in upgraded.ops_log()]
        assert world.operations[0] == Did.RepoMigrated(1, 2)
        self.check_everything()

    @rule(data=st.data())
    def diff(self, data: st.DataObject) -> None:
        end = self.some_commit(data)
        start = data.draw(st.sampled_from([self.some_commit(data), *(c.id for c in self.world.ancestry(end))][::-1]))
        log = self.world.diff(start, end)
        if log is None:
            refusal = "bad-snapshot-chain-for-diff"
            self.expect(refusal, lambda: self.repo.diff(from_snapshot_id=start, to_snapshot_id=end))
            return
        found = self.repo.diff(from_snapshot_id=start, to_snapshot_id=end)
        trees = self.world.commits[start].tree, self.world.commits[end].tree
        assert views.shown(found) == views.expected_diff(log, *trees)
