"""Where expiration cuts a history of spec 1 (format section 13.2)."""

import pytest

from frazil.format.ids import SnapshotId
from frazil.format.records import SnapshotEntry
from frazil.maintenance.v1.expire import plan_cut


def an_id(number: int) -> SnapshotId:
    return SnapshotId(number.to_bytes(12, "big"))


def chain(newest: int) -> list[SnapshotEntry]:
    """Snapshots ``newest`` to 0, each flushed at the time of its number."""
    return [SnapshotEntry(an_id(n), an_id(n - 1) if n else None, n, "") for n in range(newest, -1, -1)]


@pytest.mark.parametrize(
    ("older_than", "edge", "released"),
    [(4, 4, {1, 2, 3}), (5, 5, {1, 2, 3, 4}), (2, 2, {1}), (100, 5, {1, 2, 3, 4, 5})],
)
def test_the_oldest_that_stays_is_linked_to_the_root(older_than, edge, released):
    cut = plan_cut(chain(5), older_than)
    assert cut is not None
    assert (cut.edge, cut.root) == (an_id(edge), an_id(0))
    assert cut.released == frozenset(map(an_id, released))


@pytest.mark.parametrize(("newest", "older_than"), [(5, 0), (5, 1), (0, 100), (1, 100)])
def test_nothing_is_cut_where_nothing_lies_between(newest, older_than):
    assert plan_cut(chain(newest), older_than) is None
