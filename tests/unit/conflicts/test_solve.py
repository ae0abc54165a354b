import pytest

from frazil._core import ChunkRef, CoordSet
from frazil.changes.change_set import ChangeSet
from frazil.conflicts.detect import Clash
from frazil.conflicts.kinds import ConflictType as Kind
from frazil.conflicts.solve import solve
from frazil.conflicts.solvers import BasicConflictSolver, ConflictDetector, VersionSelection
from frazil.format.ids import NodeId
from frazil.format.node_path import NodePath
from frazil.format.records import ArrayData, NodeRecord

NODE = NodeRecord(NodeId(b"array id"), NodePath("/a"), b"{}", ArrayData(((4, 4),), None))
OURS = {index: ChunkRef.inline(bytes([index])) for index in range(4)}

DOUBLE = Clash(Kind.ChunkDoubleUpdate, "/a", NODE.id, CoordSet([(1,), (2,)]))
DELETED_ARRAY = Clash(Kind.DeleteOfUpdatedArray, "/a", NODE.id)
DELETED_GROUP = Clash(Kind.DeleteOfUpdatedGroup, "/g", NODE.id)
UNSOLVABLE = [
    Clash(kind, "/a", NODE.id)
    for kind in Kind
    if kind not in (Kind.ChunkDoubleUpdate, Kind.DeleteOfUpdatedArray, Kind.DeleteOfUpdatedGroup)
]


def our_changes() -> ChangeSet:
    changes = ChangeSet()
    for index, ref in OURS.items():
        changes.table(NODE).set((index,), ref)
    return changes


def set_chunks(changes: ChangeSet) -> list[tuple[int, ...]]:
    return list(changes.chunks[NODE.id].set_coords())


def test_no_conflict_is_settled_by_any_solver():
    changes = our_changes()
    assert solve(ConflictDetector(), changes, []) is changes


@pytest.mark.parametrize(
    "clash", [DOUBLE, DELETED_ARRAY, DELETED_GROUP, *UNSOLVABLE], ids=lambda clash: clash.kind.name
)
def test_the_detector_settles_nothing(clash):
    assert solve(ConflictDetector(), our_changes(), [clash]) is None


@pytest.mark.parametrize("selection", VersionSelection)
@pytest.mark.parametrize("clash", UNSOLVABLE, ids=lambda clash: clash.kind.name)
def test_the_basic_solver_cannot_settle_anything_but_chunks_and_deletions(clash, selection):
    assert solve(BasicConflictSolver(on_chunk_conflict=selection), our_changes(), [clash]) is None


def test_use_ours_keeps_our_chunks():
    settled = solve(BasicConflictSolver(on_chunk_conflict=VersionSelection.UseOurs), our_changes(), [DOUBLE])
    assert settled is not None
    assert set_chunks(settled) == [(0,), (1,), (2,), (3,)]


def test_use_theirs_drops_our_chunks_from_a_copy():
    changes = our_changes()
    settled = solve(BasicConflictSolver(on_chunk_conflict=VersionSelection.UseTheirs), changes, [DOUBLE])
    assert settled is not None
    assert set_chunks(settled) == [(0,), (3,)]
    assert set_chunks(changes) == [(0,), (1,), (2,), (3,)]


def test_changes_that_gave_way_entirely_still_make_a_commit():
    all_of_them = Clash(Kind.ChunkDoubleUpdate, "/a", NODE.id, CoordSet([(index,) for index in OURS]))
    settled = solve(BasicConflictSolver(on_chunk_conflict=VersionSelection.UseTheirs), our_changes(), [all_of_them])
    assert settled is not None
    assert not settled.changed_coords()
    assert not settled.is_empty()


def test_fail_leaves_double_updates_unsettled():
    assert solve(BasicConflictSolver(on_chunk_conflict=VersionSelection.Fail), our_changes(), [DOUBLE]) is None


@pytest.mark.parametrize("array_flag", [False, True])
@pytest.mark.parametrize("group_flag", [False, True])
def test_deletions_stand_unless_the_flag_for_their_kind_is_set(array_flag, group_flag):
    solver = BasicConflictSolver(fail_on_delete_of_updated_array=array_flag, fail_on_delete_of_updated_group=group_flag)
    changes = our_changes()
    assert solve(solver, changes, [DELETED_ARRAY]) is (None if array_flag else changes)
    assert solve(solver, changes, [DELETED_GROUP]) is (None if group_flag else changes)


def test_one_unsolvable_conflict_leaves_the_solvable_ones_unpatched():
    changes = our_changes()
    solver = BasicConflictSolver(on_chunk_conflict=VersionSelection.UseTheirs)
    assert solve(solver, changes, [DOUBLE, UNSOLVABLE[0]]) is None
    assert set_chunks(changes) == [(0,), (1,), (2,), (3,)]
