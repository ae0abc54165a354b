"""Two writers on one branch at the same time: what was reported as committed is there, as if done one after the other.

Real threads and slow requests make the interleavings, so a failure may not come again; it prints what both sides did.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest
from hypothesis import Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

import frazil
from frazil import RebaseFailedError
from frazil.testing import LatencyStorage
from tests.stateful import views
from tests.stateful.solvers import solver
from tests.stateful.transactions import Transaction, make, transactions, tree_of
from tests.stateful.trees import Draft, Log, Node, conflicts, group_document, zarr_keys
from tests.stateful.world import INITIAL, Commit, World

ABOUT_A_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Outcome:
    """What became of a transaction."""

    transaction: Transaction
    first_number: int
    base: str
    committed: str | None = None
    """The id that was reported."""
    failure: RebaseFailedError | None = None


class WritersMachine(RuleBasedStateMachine):
    """Rounds of two writers with some transactions each, on one branch."""

    spec: ClassVar[int]
    on_disk: ClassVar[bool]

    @initialize()
    def begin(self) -> None:
        self.directory = tempfile.mkdtemp() if self.on_disk else ""
        inner = frazil.local_filesystem_storage(self.directory) if self.on_disk else frazil.in_memory_storage()
        self.storage = LatencyStorage(inner)
        config = frazil.RepositoryConfig(inline_chunk_threshold_bytes=16)
        # As other processes have it: each writer with an open repository of its own.
        frazil.Repository.create(self.storage, config, spec_version=self.spec)
        self.repos = [frazil.Repository.open(self.storage) for _ in range(2)]
        self.world = World(self.spec, branches={"main": INITIAL})
        info = self.repos[0].lookup_snapshot(INITIAL)
        self.world.add(Commit(INITIAL, None, info.message, {}, info.written_at, {}, Log()))
        self.numbers = itertools.count(1000, 1000)
        session = self.repos[0].writable_session("main")
        draft = Draft({})
        draft.create("/", Node(1, group_document(0), None))
        views.put(session, "zarr.json", group_document(0))
        self.settle(session.commit("root"), INITIAL, draft)

    def teardown(self) -> None:
        if getattr(self, "directory", ""):
            shutil.rmtree(self.directory, ignore_errors=True)

    @rule(data=st.data(), reading=st.integers(0, 2), writing=st.integers(0, 3), collects=st.booleans())
    def race(self, data: st.DataObject, reading: int, writing: int, collects: bool) -> None:
        drawn = st.lists(transactions(with_moves=self.spec == 2), min_size=1, max_size=3)
        sides = [data.draw(drawn, label=f"writer {number}") for number in range(2)]
        self.storage.read_latency_ms, self.storage.write_latency_ms = reading, writing
        start = threading.Barrier(2 + collects)
        with ThreadPoolExecutor(3) as threads:
            running = [
                threads.submit(self.write, repo, side, [next(self.numbers) for _ in side], start)
                for repo, side in zip(self.repos, sides, strict=True)
            ]
            beside = threads.submit(self.collect, start) if collects else None
            outcomes = [outcome for future in running for outcome in future.result()]
            if beside is not None:
                beside.result()
        self.storage.read_latency_ms = self.storage.write_latency_ms = 0
        for outcome in outcomes:
            note(f"{outcome.committed or outcome.failure} on {outcome.base}: {outcome.transaction}")
        self.compare(outcomes)

    def write(
        self, repo: frazil.Repository, side: list[Transaction], numbers: list[int], start: threading.Barrier
    ) -> list[Outcome]:
        outcomes = []
        start.wait()
        for transaction, number in zip(side, numbers, strict=True):
            open_ = repo.rearrange_session if transaction.rearranges else repo.writable_session
            session = open_("main")
            outcome = Outcome(transaction, number, session.snapshot_id)
            make(transaction, Draft(tree_of(views.contents(session))), itertools.count(number), session)
            try:
                committed = session.commit(
                    f"{number}", rebase_with=solver(frazil, transaction.policy), allow_empty=True
                )
                outcomes.append(Outcome(transaction, number, outcome.base, committed=committed))
            except RebaseFailedError as failure:
                outcomes.append(Outcome(transaction, number, outcome.base, failure=failure))
        return outcomes

    def collect(self, start: threading.Barrier) -> None:
        """Garbage that is older than the race; files of a race that is over may be younger, which does no harm."""
        start.wait()
        frazil.Repository.open(self.storage).garbage_collect(datetime.now(UTC) - ABOUT_A_MINUTE)

    # ---- one after the other ---------------------------------------------------------------------------------------

    def compare(self, outcomes: list[Outcome]) -> None:
        tip = self.repos[0].lookup_branch("main")
        assert tip == self.repos[1].lookup_branch("main")
        chain = [info.id for info in self.repos[0].ancestry(branch="main")][::-1]
        new = chain[len(list(self.world.ancestry(self.world.branches["main"]))) :]
        by_id = {outcome.committed: outcome for outcome in outcomes if outcome.committed is not None}
        assert set(new) == set(by_id), "what was reported as committed is what is there"
        for commit_id in new:
            outcome = by_id[commit_id]
            draft = self.again(outcome)
            base, in_the_way = self.world.rebase(
                draft, outcome.base, self.world.branches["main"], outcome.transaction.policy
            )
            assert not in_the_way, "a conflict went unnoticed"
            self.settle(commit_id, base, draft)
        for outcome in outcomes:
            if outcome.failure is not None:
                self.check_failure(outcome, outcome.failure)

    def again(self, outcome: Outcome) -> Draft:
        """The same edits in the model, on what their session was based on."""
        draft = Draft(self.world.commits[outcome.base].tree)
        make(outcome.transaction, draft, itertools.count(outcome.first_number))
        return draft

    def settle(self, commit_id: str, base: str, draft: Draft) -> None:
        info = self.repos[0].lookup_snapshot(commit_id)
        assert info.parent_id == base == self.world.branches["main"]
        self.world.add(Commit(commit_id, base, info.message, {}, info.written_at, draft.tree, draft.log()))
        self.world.branches["main"] = commit_id
        for repo in self.repos:
            session = repo.readonly_session(snapshot_id=commit_id)
            assert views.contents(session) == zarr_keys(draft.tree)
        found = self.repos[0].diff(from_snapshot_id=base, to_snapshot_id=commit_id)
        assert views.shown(found) == views.expected_diff(draft.log(), draft.base, draft.tree)

    def check_failure(self, outcome: Outcome, failure: RebaseFailedError) -> None:
        """The commit that it names is indeed in the way, with the conflicts that it names."""
        draft, stop = self.again(outcome), self.world.commits[failure.snapshot]
        assert stop.parent is not None
        _, earlier = self.world.rebase(draft, outcome.base, stop.parent, outcome.transaction.policy)
        assert not earlier
        clashes = conflicts(draft, stop.log, stop.tree)
        assert {(str(found.conflict_type.name), found.path) for found in failure.conflicts} == clashes
        assert not outcome.transaction.policy.settles(clashes)


@pytest.mark.parametrize("spec", [1, 2])
@pytest.mark.parametrize("on_disk", [False, True], ids=["memory", "disk"])
def test_two_writers_are_as_good_as_one_after_the_other(spec, on_disk, amount):
    chosen = type("WritersMachine", (WritersMachine,), {"spec": spec, "on_disk": on_disk})
    counts = settings(max_examples=amount(6, 600), stateful_step_count=amount(5, 12))
    # Shrinking is of no use where the next run goes another way.
    run_state_machine_as_test(chosen, settings=settings(counts, phases=[Phase.generate]))
