from collections.abc import Iterator

import pytest

from frazil.format.ids import SnapshotId
from frazil.format.records import SnapshotEntry
from frazil.rebase.missed import MissedCommit, missed_commits


def an_id(number: int) -> SnapshotId:
    return SnapshotId(number.to_bytes(12, "big"))


def history(*chain: tuple[int, list[int]]) -> Iterator[SnapshotEntry]:
    """(number, pruned numbers) from the tip back."""
    for (number, pruned), after in zip(chain, [*chain[1:], None], strict=True):
        parent = an_id(after[0]) if after is not None else None
        yield SnapshotEntry(an_id(number), parent, number, "", {}, tuple(map(an_id, pruned)))


def commits(found: list[MissedCommit] | None) -> list[tuple[int, list[int]]] | None:
    def number(snapshot_id: SnapshotId) -> int:
        return int.from_bytes(snapshot_id, "big")

    return None if found is None else [(number(commit.id), list(map(number, commit.logs))) for commit in found]


def test_the_commits_after_the_base_come_oldest_first():
    chain = history((5, []), (4, []), (3, []), (0, []))
    assert commits(missed_commits(chain, an_id(3))) == [(4, [4]), (5, [5])]


def test_nothing_is_missed_at_the_tip():
    assert commits(missed_commits(history((5, []), (0, [])), an_id(5))) == []


def test_the_logs_of_pruned_ancestors_come_before_the_own_log():
    chain = history((5, []), (4, [1, 2, 3]), (0, []))
    assert commits(missed_commits(chain, an_id(0))) == [(4, [1, 2, 3, 4]), (5, [5])]


@pytest.mark.parametrize(("base", "logs"), [(1, [2, 3, 4]), (2, [3, 4]), (3, [4])])
def test_a_base_that_was_expired_is_followed_by_the_logs_after_it(base, logs):
    chain = history((5, []), (4, [1, 2, 3]), (0, []))
    assert commits(missed_commits(chain, an_id(base))) == [(4, logs), (5, [5])]


def test_a_base_outside_the_history_is_not_found():
    assert missed_commits(history((5, []), (4, [1, 2]), (0, [])), an_id(9)) is None


def test_the_history_is_read_no_further_than_to_the_base():
    chain = history((5, []), (4, []), (3, []), (0, []))
    missed_commits(chain, an_id(4))
    assert next(chain).id == an_id(3)
