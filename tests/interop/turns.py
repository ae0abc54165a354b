"""Both packages take turns on one repository on the local disk: after each turn both must see the same."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

import frazil
from tests.interop.actor import Actor, view
from tests.interop.edits import PATHS, Edit, edits, make, make_external, seen
from tests.stateful.solvers import solver
from tests.stateful.trees import POLICIES, Policy
from tests.stateful.views import contents

WHO = st.sampled_from([0, 1])
BRANCHES = ["main", "dev"]
SMALL_EDITS = st.lists(edits(), min_size=1, max_size=4)
METADATA = st.dictionaries(
    st.sampled_from(["a", "b"]), st.none() | st.integers(-5, 5) | st.text(max_size=3), max_size=2
)
FUTURE = datetime(2100, 1, 1, tzinfo=UTC)


class TurnsMachine(RuleBasedStateMachine):
    """Whose turn it is, and what it does, is drawn."""

    official: ClassVar[ModuleType]
    spec: ClassVar[int]
    counts: ClassVar[Counter[tuple[str, str]]]
    """(who, what) of all turns, for the report."""

    @initialize(who=WHO, threshold=st.sampled_from([None, 0, 16]), split=st.sampled_from([None, 1, 2]))
    def begin(self, who: int, threshold: int | None, split: int | None) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.place = self.folder / "repo"
        make_external(self.folder / "external")
        self.actors = [Actor(package, self.folder / "external") for package in (frazil, self.official)]
        self.known: list[dict[str, Any]] = [{}, {}]
        self.actor(who).create(self.place, self.spec, self.actor(who).config(threshold=threshold, split=split, page=2))
        self.commit(
            who, "main", "begin", [Edit("group", "g"), Edit("array", "a", 3), Edit("array", "g/a", 4, layout=3)]
        )
        self.same()

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)

    def actor(self, who: int) -> Actor:
        return self.actors[who]

    def count(self, who: int, what: str) -> None:
        self.counts[("Frazil" if self.actor(who).is_frazil else "official", what)] += 1

    def commit(
        self, who: int, branch: str, message: str, drawn: list[Edit], metadata: Any = None, **config: Any
    ) -> None:
        actor = self.actor(who)
        session = actor.open(self.place, actor.config(**config) if config else None).writable_session(branch)
        for edit in drawn:
            self.count(who, f"edit: {edit.kind}")
            make(edit, session, actor.external)
        if session.has_uncommitted_changes:
            uncommitted = contents(session)
            commit_id = session.commit(message, metadata)
            assert contents(actor.open(self.place).readonly_session(snapshot_id=commit_id)) == uncommitted

    def same(self) -> None:
        """Both packages see the same."""
        detailed = not self.actors[1].is_old
        ours, theirs = (
            view(actor, self.place, known, detailed=detailed)
            for actor, known in zip(self.actors, self.known, strict=True)
        )
        for what in ours.keys() & theirs.keys():
            assert ours[what] == theirs[what], what

    @property
    def is_v2(self) -> bool:
        return self.spec == 2

    def branch(self, who: int, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(sorted(self.actor(who).open(self.place).list_branches(), reverse=True)))

    # ---- data ------------------------------------------------------------------------------------------------------

    @rule(
        who=WHO,
        data=st.data(),
        drawn=SMALL_EDITS,
        metadata=METADATA,
        threshold=st.sampled_from([None, 0, 16, 512]),
        split=st.sampled_from([None, 1, 3]),
    )
    def edit(
        self, who: int, data: st.DataObject, drawn: list[Edit], metadata: dict[str, Any], threshold: Any, split: Any
    ) -> None:
        self.count(who, "commit")
        if split is not None:
            self.count(who, "commit with another splitting")
        self.commit(who, self.branch(who, data), "a turn", drawn, metadata, threshold=threshold, split=split)
        self.same()

    @precondition(lambda self: self.is_v2)
    @rule(who=WHO, data=st.data(), drawn=SMALL_EDITS)
    def amend(self, who: int, data: st.DataObject, drawn: list[Edit]) -> None:
        actor = self.actor(who)
        repo = actor.open(self.place)
        branch = self.branch(who, data)
        session = repo.writable_session(branch)
        tip = session.snapshot_id
        (parent,) = [info.parent_id for info in repo.ancestry(branch=branch) if info.id == tip]
        if parent is None or repo.diff(from_snapshot_id=parent, to_snapshot_id=tip).moved_nodes:
            return
        for edit in drawn:
            make(edit, session, actor.external)
        if session.has_uncommitted_changes:
            session.amend("amended")
            self.count(who, "amend")
            self.same()

    @precondition(lambda self: self.is_v2)
    @rule(who=WHO, data=st.data(), to=st.sampled_from([*PATHS, "moved", "g/moved"]))
    def move(self, who: int, data: st.DataObject, to: str) -> None:
        actor = self.actor(who)
        repo = actor.open(self.place)
        branch = self.branch(who, data)
        if not {flag.name: flag.enabled for flag in repo.feature_flags()}["move_node"]:
            return
        session = repo.rearrange_session(branch)
        nodes = sorted({"/" + key.rpartition("/")[0] for key in contents(session) if key.endswith("zarr.json")} - {"/"})
        if not nodes:
            return
        try:
            session.move(data.draw(st.sampled_from(nodes)), f"/{to}")
        except actor.package.IcechunkError:
            self.count(who, "move that is refused")
            return
        session.commit("moved")
        self.count(who, "move")
        self.same()

    @rule(who=WHO, data=st.data(), drawn=SMALL_EDITS)
    def flush(self, who: int, data: st.DataObject, drawn: list[Edit]) -> None:
        """A detached snapshot, which a new branch then leads to."""
        actor = self.actor(who)
        repo = actor.open(self.place)
        session = repo.writable_session(self.branch(who, data))
        for edit in drawn:
            make(edit, session, actor.external)
        if not session.has_uncommitted_changes:
            # 1.x has nothing to flush then.
            return
        flushed = session.flush("flushed")
        self.count(who, "flush")
        if "dev" not in repo.list_branches():
            repo.create_branch("dev", flushed)
            self.count(who, "branch: create")
        self.same()

    @precondition(lambda self: not self.actors[1].is_old)
    @rule(who=WHO, data=st.data(), by=st.integers(-2, 2))
    def shift(self, who: int, data: st.DataObject, by: int) -> None:
        session = self.actor(who).open(self.place).writable_session(self.branch(who, data))
        found = [
            key.removesuffix("/zarr.json")
            for key, document in contents(session).items()
            if key.endswith("/zarr.json") and b'"array"' in document
        ]
        if found:
            path = data.draw(st.sampled_from(sorted(found)))
            rank = len(json.loads(contents(session)[f"{path}/zarr.json"])["shape"])
            session.shift_array(f"/{path}", (by,) * rank)
            if session.has_uncommitted_changes:
                session.commit("shifted")
            self.count(who, "shift")
            self.same()

    # ---- refs ------------------------------------------------------------------------------------------------------

    @rule(
        who=WHO,
        data=st.data(),
        what=st.sampled_from(["create", "reset", "delete", "tag", "untag"]),
        name=st.integers(0, 2),
    )
    def change_refs(self, who: int, data: st.DataObject, what: str, name: int) -> None:
        repo = self.actor(who).open(self.place)
        chain = [info.id for info in repo.ancestry(branch=self.branch(who, data))]
        target = data.draw(st.sampled_from(chain))
        branches, tags, tag = repo.list_branches(), repo.list_tags(), f"t{name}"
        acts: dict[str, tuple[bool, Callable[[], Any]]] = {
            "create": ("dev" not in branches, lambda: repo.create_branch("dev", target)),
            "reset": ("dev" in branches, lambda: repo.reset_branch("dev", target)),
            "delete": ("dev" in branches, lambda: repo.delete_branch("dev")),
            "tag": (True, lambda: repo.create_tag(tag, target)),
            "untag": (tag in tags, lambda: repo.delete_tag(tag)),
        }
        fits, act = acts[what]
        if fits:
            try:
                act()
            except self.actor(who).package.IcechunkError:
                # A tag that is there or was there, or a feature that is turned off.
                self.count(who, f"ref that is refused: {what}")
                assert what in ("tag", "untag")
            else:
                self.count(who, f"ref: {what}")
        self.same()

    # ---- the repository --------------------------------------------------------------------------------------------

    @rule(who=WHO, threshold=st.sampled_from([0, 16, 512]), split=st.integers(1, 4), page=st.integers(1, 4))
    def save_config(self, who: int, threshold: int, split: int, page: int) -> None:
        actor = self.actor(who)
        actor.open(self.place, actor.config(threshold=threshold, split=split, page=page)).save_config()
        self.count(who, "configuration")
        self.same()

    @precondition(lambda self: self.is_v2)
    @rule(who=WHO, metadata=METADATA, replace=st.booleans())
    def change_metadata(self, who: int, metadata: dict[str, Any], replace: bool) -> None:
        repo = self.actor(who).open(self.place)
        (repo.set_metadata if replace else repo.update_metadata)(metadata)
        self.count(who, "metadata")
        self.same()

    @precondition(lambda self: self.is_v2)
    @rule(
        who=WHO,
        name=st.sampled_from(["move_node", "create_tag", "delete_tag"]),
        setting=st.sampled_from([None, None, True, False]),
    )
    def set_flag(self, who: int, name: str, setting: bool | None) -> None:
        self.actor(who).open(self.place).set_feature_flag(name, setting)
        self.count(who, "flag")
        self.same()

    @precondition(lambda self: self.is_v2)
    @rule(who=WHO, other=WHO, reason=st.none() | st.text(max_size=3))
    def set_status(self, who: int, other: int, reason: str | None) -> None:
        for setter, name in ((who, "read_only"), (other, "online")):
            package = self.actor(setter).package
            availability = getattr(package.RepoAvailability, name)
            status = package.RepoStatus(availability, limited_availability_reason=reason)
            self.actor(setter).open(self.place).set_status(status)
            self.count(setter, "status")
            self.same()

    # ---- upkeep ----------------------------------------------------------------------------------------------------

    @rule(who=WHO, data=st.data(), branches=st.booleans(), tags=st.booleans())
    def expire(self, who: int, data: st.DataObject, branches: bool, tags: bool) -> None:
        repo = self.actor(who).open(self.place)
        times = sorted({info.written_at for name in repo.list_branches() for info in repo.ancestry(branch=name)})
        when = data.draw(st.sampled_from(times)) + timedelta(microseconds=1)
        repo.expire_snapshots(when, delete_expired_branches=branches, delete_expired_tags=tags)
        self.count(who, "expiration")
        self.known = [{}, {}]
        self.same()

    @rule(who=WHO)
    def collect(self, who: int) -> None:
        self.actor(who).open(self.place).garbage_collect(FUTURE)
        self.count(who, "garbage collection")
        left = [actor.open(self.place).garbage_collect(FUTURE, dry_run=True) for actor in self.actors]
        for summary in left:
            assert summary.chunks_deleted == summary.manifests_deleted == summary.snapshots_deleted == 0
        self.known = [{}, {}]
        self.same()

    @rule(who=WHO, data=st.data(), split=st.sampled_from([None, 1, 2, 5]))
    def rewrite_manifests(self, who: int, data: st.DataObject, split: int | None) -> None:
        actor = self.actor(who)
        actor.open(self.place, actor.config(split=split)).rewrite_manifests("anew", branch=self.branch(who, data))
        self.count(who, "rewritten manifests")
        self.same()

    # ---- conflicts -------------------------------------------------------------------------------------------------

    @rule(
        who=WHO,
        ours=st.lists(edits(paths=["a", "g", "g/a"]), min_size=1, max_size=3),
        theirs=st.lists(edits(paths=["a", "g", "g/a"]), min_size=1, max_size=3),
        policy=st.sampled_from(POLICIES),
        go_on_with=WHO,
    )
    def rebase(self, who: int, ours: list[Edit], theirs: list[Edit], policy: Policy, go_on_with: int) -> None:
        """The same edits rebased over the same commit by both packages, each on a copy."""
        outcomes: list[tuple[list[Any], list[str], dict[str, Any]]] = []
        for number, actor in enumerate(self.actors):
            copy = self.folder / f"copy {number}"
            shutil.copytree(self.place, copy)
            session = actor.open(copy).writable_session("main")
            for edit in ours:
                make(edit, session, actor.external)
            rival = self.actor(who).open(copy).writable_session("main")
            for edit in theirs:
                make(edit, rival, actor.external)
            both_replaced = bool(replaced(session) & replaced(rival))
            if rival.has_uncommitted_changes:
                rival.commit("theirs")
            if both_replaced and not actor.is_frazil:
                # Both put a new node in the place of the same old one.  To us what was deleted is the old one, so that
                # the new ones are in each other's way; the official package drops theirs without a word.
                assert outcomes[0][0]
                break
            outcomes.append(rebased(actor, session, policy))
            if session.has_uncommitted_changes and not outcomes[-1][0]:
                session.commit("ours")
            what = "rebase of nodes that both replaced" if both_replaced else "rebase"
            self.count(number, f"{what}, conflicts" if outcomes[-1][0] else what)
        assert all(outcome == outcomes[0] for outcome in outcomes)
        shutil.rmtree(self.place)
        (self.folder / f"copy {min(go_on_with, len(outcomes) - 1)}").rename(self.place)
        shutil.rmtree(self.folder / "copy 0", ignore_errors=True)
        shutil.rmtree(self.folder / "copy 1", ignore_errors=True)
        event(f"rebase: {len(outcomes[0][0])} conflicts")
        self.same()


def replaced(session: Any) -> set[str]:
    """Paths of nodes that were deleted and made anew."""
    status = session.status()
    return (status.deleted_arrays | status.deleted_groups) & (status.new_arrays | status.new_groups)


def rebased(actor: Actor, session: Any, policy: Policy) -> tuple[list[Any], list[str], dict[str, Any]]:
    """The conflicts, and what the session shows afterwards (not as bytes, because gzip puts the time in them)."""
    conflicts = []
    try:
        session.rebase(solver(actor.package, policy))
    except actor.package.RebaseFailedError as failure:
        conflicts = sorted(
            (str(found.conflict_type), found.path, sorted(map(list, found.conflicted_chunks or ())))
            for found in failure.conflicts
        )
    return conflicts, sorted(contents(session)), seen(session)
