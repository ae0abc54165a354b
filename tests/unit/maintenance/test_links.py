import pytest
from hypothesis import given
from hypothesis import strategies as st

from frazil.errors import FormatError
from frazil.format.ids import INITIAL_SNAPSHOT_ID, SnapshotId
from frazil.maintenance.reachability.links import Link, ancestors, mend_to_nearest, mend_to_root, reachable


def an_id(number: int) -> SnapshotId:
    return INITIAL_SNAPSHOT_ID if number == 0 else SnapshotId(number.to_bytes(12, "big"))


def number(snapshot_id: SnapshotId) -> int:
    return 0 if snapshot_id == INITIAL_SNAPSHOT_ID else int.from_bytes(snapshot_id, "big")


def a_tree(parents: list[int]) -> dict[SnapshotId, Link]:
    """Snapshot 0 is the root, snapshot n + 1 has ``parents[n]`` as its parent."""
    links = {an_id(0): Link(an_id(0), None, 0)}
    for index, parent in enumerate(parents, start=1):
        links[an_id(index)] = Link(an_id(index), an_id(parent), index)
    return links


@st.composite
def trees(draw: st.DrawFn) -> dict[SnapshotId, Link]:
    size = draw(st.integers(0, 12))
    return a_tree([draw(st.integers(0, index)) for index in range(size)])


def logs_to(links: dict[SnapshotId, Link], link: Link) -> list[int]:
    """The numbers of all transaction logs from the root to a snapshot."""
    chain = [link, *ancestors(links, link)]
    return [number(log) for here in reversed(chain) for log in (*here.pruned, here.id)]


@given(trees(), st.data())
def test_whatever_is_taken_out_the_logs_to_every_remaining_snapshot_stay_the_same(links, data):
    before = {snapshot_id: logs_to(links, link) for snapshot_id, link in links.items()}
    for mend in data.draw(st.lists(st.sampled_from([mend_to_root, mend_to_nearest]), max_size=3)):
        removable = sorted(links.keys() - {INITIAL_SNAPSHOT_ID})
        gone = data.draw(st.sets(st.sampled_from(removable))) if removable else set()
        mended = mend(links, gone, INITIAL_SNAPSHOT_ID)
        links = {known: link for known, link in links.items() if known not in gone}
        links |= {link.id: link for link in mended}

        assert all(link.parent_id is None or link.parent_id in links for link in links.values())
        assert {known: logs_to(links, link) for known, link in links.items()} == {
            known: before[known] for known in links
        }


def test_expiration_collapses_the_history_to_the_root_also_over_what_stays():
    links = a_tree([0, 1, 2, 3, 4, 5])
    gone = {an_id(1), an_id(3), an_id(4)}
    mended = {number(link.id): link for link in mend_to_root(links, gone, INITIAL_SNAPSHOT_ID)}

    assert mended.keys() == {2, 5}
    assert mended[2].parent_id == INITIAL_SNAPSHOT_ID
    assert [number(log) for log in mended[2].pruned] == [1]
    assert mended[5].parent_id == INITIAL_SNAPSHOT_ID
    assert [number(log) for log in mended[5].pruned] == [1, 2, 3, 4]


def test_garbage_collection_links_to_the_nearest_that_stays():
    links = a_tree([0, 1, 2, 3])
    (mended,) = mend_to_nearest(links, {an_id(2), an_id(3)}, INITIAL_SNAPSHOT_ID)

    assert number(mended.id) == 4
    assert mended.parent_id == an_id(1)
    assert [number(log) for log in mended.pruned] == [2, 3]


@given(trees(), st.data())
def test_reachable_is_the_starts_and_their_ancestors(links, data):
    starts = data.draw(st.sets(st.sampled_from(sorted(links))))
    expected = {above.id for start in starts for above in (links[start], *ancestors(links, links[start]))}
    assert reachable(links, [*starts, an_id(999)]) == expected


def test_a_circle_is_a_damaged_file_and_not_an_endless_walk():
    links = {an_id(1): Link(an_id(1), an_id(2), 1), an_id(2): Link(an_id(2), an_id(1), 2)}
    assert reachable(links, [an_id(1)]) == {an_id(1), an_id(2)}
    with pytest.raises(FormatError, match="own ancestors"):
        list(ancestors(links, links[an_id(1)]))
