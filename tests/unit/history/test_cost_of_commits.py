"""What a commit costs in a repository of few commits, and of many: counted, not timed."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from types import FrameType

import pytest

import frazil
from frazil import Repository
from frazil._core import RepoInfo
from frazil.history.v2 import HistoryV2


def calls_of(work: Callable[[], object]) -> Counter[str]:
    """How often which function of Python, or of C, is called by ``work``."""
    seen: Counter[str] = Counter()

    def note(frame: FrameType, event: str, what: object) -> None:
        if event == "call":
            seen[frame.f_code.co_qualname] += 1
        elif event == "c_call":
            seen[getattr(what, "__qualname__", repr(what))] += 1

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return seen


def commit(repo: Repository, number: int) -> None:
    repo.writable_session("main").commit(f"commit {number}", allow_empty=True)


@pytest.mark.parametrize("spec_version", [1, 2])
def test_python_does_as_much_for_the_last_commit_as_for_an_early_one(spec_version: int) -> None:
    repo = Repository.create(frazil.in_memory_storage(), spec_version=spec_version)
    for number in range(20):
        commit(repo, number)
    early = calls_of(lambda: commit(repo, 20))
    for number in range(21, 300):
        commit(repo, number)
    late = calls_of(lambda: commit(repo, 300))
    # Locks and the cache of snapshots may take a call more or less.
    assert late.total() <= early.total() + 20, late - early


def test_a_commit_writes_two_files_and_moves_one(tmp_path) -> None:
    repo = Repository.create(frazil.local_filesystem_storage(str(tmp_path)))

    def files() -> set[str]:
        return {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}

    for number in range(5):
        before = files()
        commit(repo, number)
        new = sorted(name.split("/")[0] for name in files() - before)
        assert new[-3:] == ["overwritten", "snapshots", "transactions"]


def test_the_entries_of_a_walk_are_made_when_they_are_reached() -> None:
    repo = Repository.create(frazil.in_memory_storage())
    for number in range(50):
        commit(repo, number)
    whole = calls_of(lambda: list(repo.ancestry(branch="main")))
    first = calls_of(lambda: next(iter(repo.ancestry(branch="main"))))
    # Listing is one walk inside the extension: no function of Python is called for a commit.
    assert whole.total() <= first.total() + 5, whole - first


def test_changing_a_ref_leaves_the_history_alone() -> None:
    repo = Repository.create(frazil.in_memory_storage())
    commit(repo, 0)
    history = repo._history
    assert isinstance(history, HistoryV2)
    before: RepoInfo = history.read()
    repo.create_branch("side", repo.lookup_branch("main"))
    after = history.read()
    assert after.snapshots() == before.snapshots()
    assert list(after.commits(after.branch("side") or b"")) == list(before.commits(before.branch("main") or b""))
