"""What always holds."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from frazil.format.ids import INITIAL_SNAPSHOT_ID, format_id
from frazil.integrations.optional import needs
from frazil.snapshots import SnapshotInfo
from frazil.store import IcechunkStore
from frazil.testing.models import ModelStore

with needs("hypothesis", extra="testing"):
    from hypothesis import currently_in_test_context, event


def assert_ancestry_invariants(
    ancestry: list[SnapshotInfo], known_commits: set[str] | None = None, *, must_contain_initial: bool = True
) -> None:
    """Hold one branch's history to what all histories have in common.

    Parameters
    ----------
    ancestry
        Newest first, as ``Repository.ancestry`` gives it.
    known_commits
        If given, every id has to be one of them.
    must_contain_initial
        Whether the oldest has to be the snapshot that a repository begins with.
    """
    assert ancestry, "a history has at least one snapshot"
    ids = [info.id for info in ancestry]
    assert len(set(ids)) == len(ids), f"a snapshot comes twice: {ids}"
    for newer, older in pairwise(ancestry):
        assert newer.written_at > older.written_at, f"{newer.id} is not younger than {older.id}, which it follows"
        assert newer.parent_id == older.id, f"the parent of {newer.id} is {newer.parent_id}, but {older.id} follows"
    assert ancestry[-1].parent_id is None, f"the history ends at {ids[-1]}, which has a parent"
    if must_contain_initial:
        assert ids[-1] == format_id(INITIAL_SNAPSHOT_ID), f"the history ends at {ids[-1]}, not at the first snapshot"
    if known_commits is not None:
        assert set(ids) <= known_commits, f"unknown snapshots: {set(ids) - known_commits}"
    if currently_in_test_context():
        event(f"length of the history: {_bucket(len(ids))}")


def _bucket(length: int) -> str:
    return next((f"up to {limit}" for limit in (1, 2, 5, 10, 20, 50) if length <= limit), "more than 50")


def assert_moves_sorted_by_final_path(moved_nodes: list[tuple[str, str]]) -> None:
    """Moves come in the order of where they lead, by component: ``/a`` before ``/a/b`` before ``/a-b``."""
    finals = [target.split("/") for _, target in moved_nodes]
    assert finals == sorted(finals), f"not in the order of final paths: {moved_nodes}"


def assert_list_dir_equal(path: str, expected: list[str], actual: list[str]) -> None:
    """The same names, whatever their order.

    A store may list the folder of an array's chunks (``c``) whether or not there are any.
    """
    difference = set(expected) ^ set(actual)
    assert difference <= {"c"}, f"list_dir({path!r}): expected {sorted(expected)}, got {sorted(actual)}"


async def compare_list_dir(model: ModelStore, store: IcechunkStore, paths: Iterable[str]) -> None:
    """Both stores list the same names below each path."""
    for path in paths:
        expected = [name async for name in model.list_dir(path)]
        actual = [name async for name in store.list_dir(path)]
        assert_list_dir_equal(path, expected, actual)
