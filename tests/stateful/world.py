"""The model of a repository: what its snapshots hold, what leads to them, and what was ever done to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from tests.stateful.trees import Draft, Log, Policy, Tree, between, conflicts

INITIAL = "1CECHNKREP0F1RSTCMT0"
"""The snapshot that every repository begins with."""


@dataclass(frozen=True)
class Commit:
    id: str
    parent: str | None
    message: str
    metadata: dict[str, Any]
    written_at: datetime
    tree: Tree
    log: Log
    pruned: tuple[str, ...] = ()
    """Spec 2: ancestors that are gone, oldest first, whose logs still lead here."""


@dataclass
class World:
    spec: int
    commits: dict[str, Commit] = field(default_factory=dict)
    """Those that can be opened: in spec 2 the listed ones, in spec 1 those whose files exist."""
    logs: dict[str, Log] = field(default_factory=dict)
    """Of all commits that ever were."""
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    deleted_tags: set[str] = field(default_factory=set)
    flags: dict[str, bool] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    operations: list[Any] = field(default_factory=list)
    """What the operations log says, newest first."""

    def note(self, operation: Any) -> None:
        self.operations.insert(0, operation)

    def add(self, commit: Commit) -> None:
        self.commits[commit.id] = commit
        self.logs[commit.id] = commit.log

    def ancestry(self, tip: str) -> Iterator[Commit]:
        here: str | None = tip
        while here is not None:
            yield self.commits[here]
            here = self.commits[here].parent

    # ---- differences -----------------------------------------------------------------------------------------------

    def diff(self, start: str, end: str) -> Log | None:
        """The union of what the commits after ``start`` up to ``end`` did; None if ``start`` is no proper ancestor."""
        chain = []
        for commit in self.ancestry(end):
            if commit.id == start:
                break
            chain.append(commit)
        else:
            return None
        if not chain:
            return None
        union = Log()
        for commit in chain:
            for log_id in (*commit.pruned, commit.id):
                union |= self.logs[log_id]
        return union

    # ---- rebase ----------------------------------------------------------------------------------------------------

    def missed(self, base: str, tip: str) -> list[tuple[Commit, list[Log]]] | None:
        """Commits after ``base`` with the logs that lead to each; None if ``base`` is not in the history."""
        found: list[tuple[Commit, list[Log]]] = []
        for commit in self.ancestry(tip):
            if commit.id == base:
                return found[::-1]
            pruned = commit.pruned
            if base in pruned:
                pruned = pruned[pruned.index(base) + 1 :]
                return [*found, (commit, [self.logs[log_id] for log_id in (*pruned, commit.id)])][::-1]
            found.append((commit, [self.logs[log_id] for log_id in (*pruned, commit.id)]))
        return None

    def rebase(self, draft: Draft, base: str, tip: str, policy: Policy) -> tuple[str, bool]:
        """Put a draft on the tip, or as close to it as the policy takes it.

        Returns where it stands then, and whether something was in the way.
        """
        steps = self.missed(base, tip)
        if steps is None:
            steps = [(self.commits[tip], [between(draft.base, self.commits[tip].tree)])]
        if not draft.has_changes():
            draft.base = self.commits[tip].tree
            draft.discard()
            return tip, False
        for commit, logs in steps:
            dropped: dict[int, set[tuple[int, ...]]] = {}
            for log in logs:
                clashes = conflicts(draft, log, commit.tree)
                if not policy.settles(clashes):
                    return base, True
                for token, coords in policy.drops(draft, log).items():
                    dropped.setdefault(token, set()).update(coords)
            draft.onto(commit.tree, dropped)
            base = commit.id
        return base, False

    # ---- upkeep ----------------------------------------------------------------------------------------------------

    def expire(self, older_than: datetime, *, branches: bool, tags: bool) -> set[str]:
        return (self._expire_v1 if self.spec == 1 else self._expire_v2)(older_than, branches=branches, tags=tags)

    def _expire_v2(self, older_than: datetime, *, branches: bool, tags: bool) -> set[str]:
        """Format section 13.1."""
        expired = {c.id for c in self.commits.values() if c.parent is not None and c.written_at < older_than}
        if branches:
            self.branches = {n: tip for n, tip in self.branches.items() if n == "main" or tip not in expired}
        if tags:
            self.deleted_tags |= {name for name, target in self.tags.items() if target in expired}
            self.tags = {name: target for name, target in self.tags.items() if target not in expired}
        released = expired - set(self.branches.values()) - set(self.tags.values())
        self._drop(released, to_root=True)
        return released

    def _drop(self, gone: set[str], *, to_root: bool) -> None:
        """Take commits out; what stood on them stands on the root then, or on the nearest that stays."""
        before = dict(self.commits)
        for commit in before.values():
            if commit.id in gone or commit.parent is None or commit.parent not in gone:
                continue
            skipped: list[str] = []
            here: str = commit.parent
            while here in before and before[here].parent is not None and (to_root or here in gone):
                skipped = [*before[here].pruned, here, *skipped]
                here = before[here].parent or INITIAL
            self.commits[commit.id] = replace(commit, parent=here, pruned=(*skipped, *commit.pruned))
        for commit_id in gone:
            del self.commits[commit_id]

    def _expire_v1(self, older_than: datetime, *, branches: bool, tags: bool) -> set[str]:
        """Format section 13.2: files stay, the oldest commit that stays in a history gets the root as its parent."""
        released: set[str] = set()
        for refs, also_refs in ((self.tags, tags), (self.branches, branches)):
            for name, tip in sorted(refs.items()):
                chain = list(self.ancestry(tip))
                young = [number for number, commit in enumerate(chain) if commit.written_at >= older_than]
                edge = max(young, default=0)
                if chain[edge + 1 : -1]:
                    self.commits[chain[edge].id] = replace(chain[edge], parent=chain[-1].id)
                    released |= {commit.id for commit in chain[:-1] if commit.written_at < older_than}
                if also_refs and name != "main" and chain[0].written_at < older_than:
                    del refs[name]
                    if refs is self.tags:
                        self.deleted_tags.add(name)
        return released

    def collect(self, old: set[str]) -> None:
        """Format section 13.3, where the files of ``old`` are old enough to be deleted."""
        kept: set[str] = set()
        for tip in (*self.branches.values(), *self.tags.values()):
            kept |= {commit.id for commit in self.ancestry(tip)}
        if self.spec == 1:
            # Young files that no ref leads to stay too, but what they stand on may be gone.
            self.commits = {commit_id: commit for commit_id, commit in self.commits.items() if commit_id in kept}
            return
        kept |= self.commits.keys() - old
        self._drop(self.commits.keys() - kept, to_root=False)
