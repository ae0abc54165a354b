"""The conflicts that a failed rebase reports."""

import pickle

import pytest

from frazil import Conflict, ConflictType, RebaseFailedError

SENTENCES = {
    1: "New node conflicts with existing node",
    2: "New node in invalid group",
    3: "Zarr metadata double update",
    4: "Zarr metadata update of deleted array",
    5: "Zarr metadata update of deleted group",
    6: "Chunk double update",
    7: "Chunks updated in deleted array",
    8: "Chunks updated in updated array",
    9: "Delete of updated array",
    10: "Delete of updated group",
    11: "Move operation cannot be rebased",
}


def test_types_have_numbers_names_and_sentences() -> None:
    assert {int(kind): str(kind) for kind in ConflictType} == SENTENCES
    assert repr(ConflictType(6)) == "ChunkDoubleUpdate"
    with pytest.raises(ValueError, match="Invalid ConflictType value: 0"):
        ConflictType(0)


def test_conflicts_are_values() -> None:
    one = Conflict(ConflictType.ChunkDoubleUpdate, "/a", [[3, 4], [1, 2]])
    assert one.conflicted_chunks == [[1, 2], [3, 4]]
    assert one == Conflict(ConflictType.ChunkDoubleUpdate, "/a", [(1, 2), (3, 4)])
    assert one != Conflict(ConflictType.ChunkDoubleUpdate, "/a")
    assert pickle.loads(pickle.dumps(one)) == one
    assert len({one, Conflict(ConflictType.ChunkDoubleUpdate, "/a", [[1, 2], [3, 4]])}) == 1
    assert (
        str(one)
        == repr(one)
        == (
            "<frazil.conflicts.Conflict>\nconflict_type: ChunkDoubleUpdate\npath: /a\nconflicted_chunks: [[1, 2], [3, 4]]\n"
        )
    )


def test_errors_carry_them() -> None:
    conflicts = [
        Conflict(ConflictType.DeleteOfUpdatedArray, "/a"),
        Conflict(ConflictType.ChunkDoubleUpdate, "/b", [[0]]),
    ]
    raised = RebaseFailedError("SNAP", conflicts)
    copy = pickle.loads(pickle.dumps(raised))
    assert copy.conflicts == raised.conflicts == conflicts
    lines = str(raised).splitlines()
    assert lines[:3] == [
        "Rebase failed on snapshot SNAP: 2 conflicts found",
        "  /a: delete of updated array",
        "  /b: chunk double update, chunks [0]",
    ]
    assert "session.rebase(solver)" in lines[3]
    assert "rebase_with=solver" in lines[3]
    assert str(copy) == str(raised)
    assert "BasicConflictSolver" in raised.__notes__[0]
    assert repr(raised) == (
        'frazil.RebaseFailedError(snapshot="SNAP", conflicts=[DeleteOfUpdatedArray("/a"), ChunkDoubleUpdate("/b")])'
    )


def test_only_the_first_ones_are_named() -> None:
    many = [[chunk] for chunk in range(1000)]
    raised = RebaseFailedError(
        "SNAP", [Conflict(ConflictType.ChunkDoubleUpdate, f"/{number}", many) for number in range(12)]
    )
    lines = str(raised).splitlines()
    assert lines[1] == "  /0: chunk double update, chunks [0], [1], [2], [3], [4], and 995 more"
    assert [line.split(":")[0] for line in lines[1:7]] == ["  /0", "  /1", "  /2", "  /3", "  /4", "  and 7 more"]
    assert repr(raised).endswith('ChunkDoubleUpdate("/4"), and 7 more])')
    assert len(raised.conflicts) == 12
    shown = raised._repr_html_()
    assert "/4" in shown
    assert "/5" not in shown
    assert "and 7 more" in shown
    nowhere = RebaseFailedError("SNAP", [Conflict(ConflictType.MoveOperationCannotBeRebased, "")])
    assert "  (no single node): move operation cannot be rebased" in str(nowhere)
