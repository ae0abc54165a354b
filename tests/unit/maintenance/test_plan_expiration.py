"""Which snapshots and refs an expiration takes (format section 13.1)."""

from dataclasses import dataclass, field

import pytest

from frazil.format.ids import INITIAL_SNAPSHOT_ID, SnapshotId
from frazil.maintenance.expire import Expiration, plan_expiration
from frazil.maintenance.reachability.links import Link


def an_id(number: int) -> SnapshotId:
    return INITIAL_SNAPSHOT_ID if number == 0 else SnapshotId(number.to_bytes(12, "big"))


def numbers(ids: frozenset[SnapshotId]) -> set[int]:
    return {0 if known == INITIAL_SNAPSHOT_ID else int.from_bytes(known, "big") for known in ids}


@dataclass
class History:
    """Snapshot n was flushed at time n; ``parents`` gives its parent."""

    parents: dict[int, int]
    branches: dict[str, int]
    tags: dict[str, int] = field(default_factory=dict)

    def expire(self, older_than: int, *, branches: bool = False, tags: bool = False) -> Expiration:
        links = {an_id(0): Link(an_id(0), None, 0)}
        links |= {an_id(child): Link(an_id(child), an_id(parent), child) for child, parent in self.parents.items()}
        return plan_expiration(
            links,
            branches={name: an_id(tip) for name, tip in self.branches.items()},
            tags={name: an_id(target) for name, target in self.tags.items()},
            older_than=older_than,
            delete_expired_branches=branches,
            delete_expired_tags=tags,
        )


LINE = {1: 0, 2: 1, 3: 2, 4: 3, 5: 4}


def test_what_is_strictly_older_is_released_and_the_rest_linked_to_the_root():
    plan = History(LINE, {"main": 5}).expire(4)
    assert numbers(plan.released) == {1, 2, 3}
    (mended,) = plan.mended
    assert (mended.id, mended.parent_id) == (an_id(4), INITIAL_SNAPSHOT_ID)


@pytest.mark.parametrize("older_than", [0, 1])
def test_the_root_is_never_released(older_than):
    assert History(LINE, {"main": 5}).expire(older_than) == Expiration(frozenset(), ())


def test_the_tip_of_main_is_never_released():
    plan = History(LINE, {"main": 5}).expire(100, branches=True)
    assert numbers(plan.released) == {1, 2, 3, 4}
    assert plan.branches == ()


def test_tips_protect_themselves_and_not_their_ancestors():
    plan = History(LINE, {"main": 5, "old": 3}, {"v1": 2}).expire(5)
    assert numbers(plan.released) == {1, 4}
    assert (plan.branches, plan.tags) == ((), ())


def test_expired_refs_go_when_that_is_asked_for():
    plan = History(LINE, {"main": 5, "old": 3, "fresh": 5}, {"v1": 2, "v2": 5}).expire(5, branches=True, tags=True)
    assert numbers(plan.released) == {1, 2, 3, 4}
    assert (plan.branches, plan.tags) == (("old",), ("v1",))


def test_refs_at_the_root_stay():
    plan = History(LINE, {"main": 5, "empty": 0}, {"start": 0}).expire(100, branches=True, tags=True)
    assert (plan.branches, plan.tags) == ((), ())


def test_a_branch_goes_while_a_tag_that_stays_keeps_its_tip():
    plan = History(LINE, {"main": 5, "old": 3}, {"v1": 3}).expire(5, branches=True)
    assert plan.branches == ("old",)
    assert numbers(plan.released) == {1, 2, 4}


def test_detached_snapshots_are_released_too():
    plan = History({**LINE, 6: 2}, {"main": 5}).expire(100)
    assert numbers(plan.released) == {1, 2, 3, 4, 6}
