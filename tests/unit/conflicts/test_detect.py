"""Every pair of concurrent changes, ours and theirs, and the conflicts that it must give (format section 12.3)."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from frazil._core import ChunkRef
from frazil.changes import to_log
from frazil.changes.change_set import ChangeSet
from frazil.conflicts.detect import Clash, Encounter, detect
from frazil.conflicts.kinds import ConflictType as Kind
from frazil.format.ids import NodeId
from frazil.format.node_path import NodePath
from frazil.format.records import ArrayData, Move, NodeRecord

ARRAY = ArrayData(((4, 4),), None)


def a_node(number: int, path: str, *, is_array: bool) -> NodeRecord:
    return NodeRecord(NodeId(number.to_bytes(8, "big")), NodePath(path), b"{}", ARRAY if is_array else None)


BASE = {
    node.path: node
    for node in (
        a_node(1, "/", is_array=False),
        a_node(2, "/a", is_array=True),
        a_node(3, "/g", is_array=False),
        a_node(4, "/g/x", is_array=True),
    )
}


class Side:
    """One of two writers: applies edits to the nodes of the base and notes them in a change set."""

    def __init__(self, first_new_id: int) -> None:
        self.nodes = dict(BASE)
        self.changes = ChangeSet()
        self._next = first_new_id

    def create(self, path: str, *, is_array: bool = False) -> None:
        node = a_node(self._next, path, is_array=is_array)
        self._next += 1
        self.nodes[node.path] = node
        self.changes.create(node)

    def update(self, path: str) -> None:
        node = replace(self.nodes[NodePath(path)], user_data=b'{"changed": true}')
        self.nodes[node.path] = node
        self.changes.update(node)

    def write(self, path: str, *coords: int) -> None:
        for index in coords:
            self.changes.table(self.nodes[NodePath(path)]).set((index,), ChunkRef.inline(b"x"))

    def erase(self, path: str, index: int) -> None:
        self.changes.table(self.nodes[NodePath(path)]).delete((index,))

    def delete(self, path: str) -> None:
        for below in [p for p in self.nodes if p.startswith(f"{path}/")]:
            self.changes.delete(self.nodes.pop(below))
        self.changes.delete(self.nodes.pop(NodePath(path)))

    def node(self, path: NodePath) -> NodeRecord | None:
        return self.nodes.get(path)


def replace_with_array(side: Side, path: str) -> None:
    side.delete(path)
    side.create(path, is_array=True)


def replace_and_write(side: Side) -> None:
    replace_with_array(side, "/a")
    side.write("/a", 0)


def replace_group_and_write(side: Side) -> None:
    replace_with_array(side, "/g")
    side.write("/g", 0)


def write_new_array(side: Side) -> None:
    side.create("/n", is_array=True)
    side.write("/n", 0, 1)


Edit = Callable[[Side], object]

EDITS: dict[str, Edit] = {
    "nothing": lambda side: None,
    "create group /n": lambda side: side.create("/n"),
    "create array /n and write it": write_new_array,
    "create group /g/n": lambda side: side.create("/g/n"),
    "create group /a/n": lambda side: side.create("/a/n"),
    "update array /a": lambda side: side.update("/a"),
    "update group /g": lambda side: side.update("/g"),
    "update group /": lambda side: side.update("/"),
    "write chunk 0 of /a": lambda side: side.write("/a", 0),
    "write chunks 0 and 1 of /a": lambda side: side.write("/a", 0, 1),
    "delete chunk 0 of /a": lambda side: side.erase("/a", 0),
    "write chunk 3 of /a": lambda side: side.write("/a", 3),
    "write chunk 0 of /g/x": lambda side: side.write("/g/x", 0),
    "delete array /a": lambda side: side.delete("/a"),
    "delete array /g/x": lambda side: side.delete("/g/x"),
    "delete group /g": lambda side: side.delete("/g"),
    "replace array /a": lambda side: replace_with_array(side, "/a"),
    "replace array /a and write it": replace_and_write,
    "replace group /g by an array": lambda side: replace_with_array(side, "/g"),
    "replace group /g by an array and write it": replace_group_and_write,
}


def expected(ours: str, theirs: str) -> list[tuple[Kind, str, list[list[int]] | None]]:
    """The table: what each of our edits meets."""
    found: list[tuple[Kind, str, list[list[int]] | None]] = []
    they_replace_a = theirs.startswith("replace array /a")
    they_delete_a = theirs == "delete array /a" or they_replace_a
    they_replace_g = theirs.startswith("replace group /g")
    they_delete_g = theirs == "delete group /g" or they_replace_g
    they_delete_x = they_delete_g or theirs == "delete array /g/x"
    their_chunks_of_a = {
        "write chunk 0 of /a": [0],
        "write chunks 0 and 1 of /a": [0, 1],
        "delete chunk 0 of /a": [0],
        "write chunk 3 of /a": [3],
    }.get(theirs, [])
    our_chunks_of_a = {
        "write chunk 0 of /a": [0],
        "write chunks 0 and 1 of /a": [0, 1],
        "delete chunk 0 of /a": [0],
        "write chunk 3 of /a": [3],
    }.get(ours, [])

    if ours in ("create group /n", "create array /n and write it") and theirs in (
        "create group /n",
        "create array /n and write it",
    ):
        found.append((Kind.NewNodeConflictsWithExistingNode, "/n", None))
    if ours == "create group /g/n" and theirs == "create group /g/n":
        found.append((Kind.NewNodeConflictsWithExistingNode, "/g/n", None))
    if ours == "create group /a/n" and theirs == "create group /a/n":
        found.append((Kind.NewNodeConflictsWithExistingNode, "/a/n", None))
    if ours.startswith("replace array /a") and they_replace_a:
        found.append((Kind.NewNodeConflictsWithExistingNode, "/a", None))
    if ours.startswith("replace group /g") and they_replace_g:
        found.append((Kind.NewNodeConflictsWithExistingNode, "/g", None))
    if ours == "create group /g/n" and they_replace_g:
        found.append((Kind.NewNodeInInvalidGroup, "/g", None))
    if ours == "create group /a/n" and they_replace_a:
        found.append((Kind.NewNodeInInvalidGroup, "/a", None))
    if ours == theirs and ours.startswith("update"):
        found.append((Kind.ZarrMetadataDoubleUpdate, ours.split()[2], None))
    if ours == "update array /a" and they_delete_a:
        found.append((Kind.ZarrMetadataUpdateOfDeletedArray, "/a", None))
    if ours == "update group /g" and they_delete_g:
        found.append((Kind.ZarrMetadataUpdateOfDeletedGroup, "/g", None))
    if our_chunks_of_a and they_delete_a:
        found.append((Kind.ChunksUpdatedInDeletedArray, "/a", None))
    if ours == "write chunk 0 of /g/x" and they_delete_x:
        found.append((Kind.ChunksUpdatedInDeletedArray, "/g/x", None))
    if our_chunks_of_a and theirs == "update array /a":
        found.append((Kind.ChunksUpdatedInUpdatedArray, "/a", None))
    both = [[index] for index in our_chunks_of_a if index in their_chunks_of_a]
    if both:
        found.append((Kind.ChunkDoubleUpdate, "/a", both))
    if ours == theirs == "write chunk 0 of /g/x":
        found.append((Kind.ChunkDoubleUpdate, "/g/x", [[0]]))
    we_delete_a = ours == "delete array /a" or ours.startswith("replace array /a")
    if we_delete_a and (their_chunks_of_a or theirs in ("update array /a", "replace array /a and write it")):
        found.append((Kind.DeleteOfUpdatedArray, "/a", None))
    we_delete_g = ours == "delete group /g" or ours.startswith("replace group /g")
    we_delete_x = ours == "delete array /g/x" or we_delete_g
    if we_delete_x and theirs == "write chunk 0 of /g/x":
        found.append((Kind.DeleteOfUpdatedArray, "/g/x", None))
    if we_delete_g and theirs == "update group /g":
        found.append((Kind.DeleteOfUpdatedGroup, "/g", None))
    return found


def meet(ours: Side, theirs: Side) -> list[Clash]:
    paths = {node.id: node.path for node in BASE.values()}
    return detect(Encounter(ours.changes, to_log.from_changes(theirs.changes), theirs, paths.__getitem__))


@pytest.mark.parametrize("theirs", EDITS)
@pytest.mark.parametrize("ours", EDITS)
def test_every_pair_of_edits_gives_exactly_the_conflicts_of_the_table(ours, theirs):
    we, they = Side(100), Side(200)
    EDITS[ours](we)
    EDITS[theirs](they)

    conflicts = [clash.to_conflict() for clash in meet(we, they)]

    assert [(c.conflict_type, c.path, c.conflicted_chunks) for c in conflicts] == expected(ours, theirs)


def test_conflicts_come_in_the_order_of_kinds_and_then_of_paths():
    we, they = Side(100), Side(200)
    we.create("/z")
    we.create("/n")
    we.update("/g")
    we.write("/a", 1, 2)
    we.delete("/g/x")
    they.write("/g/x", 0)
    they.update("/g")
    they.write("/a", 2, 3)
    they.create("/n")
    they.create("/z")

    assert [(clash.kind, clash.path) for clash in meet(we, they)] == [
        (Kind.NewNodeConflictsWithExistingNode, "/n"),
        (Kind.NewNodeConflictsWithExistingNode, "/z"),
        (Kind.ZarrMetadataDoubleUpdate, "/g"),
        (Kind.ChunkDoubleUpdate, "/a"),
        (Kind.DeleteOfUpdatedArray, "/g/x"),
    ]


def test_each_new_node_below_an_array_is_a_conflict_that_names_the_array():
    we, they = Side(100), Side(200)
    we.create("/g/n")
    we.create("/g/n/m")
    replace_with_array(they, "/g")

    clashes = meet(we, they)

    assert [(clash.kind, clash.path) for clash in clashes] == [(Kind.NewNodeInInvalidGroup, "/g")] * 2


def test_our_move_of_what_they_only_edited_is_no_conflict():
    we, they = Side(100), Side(200)
    we.changes.moves.add(NodePath("/g"), NodePath("/h"))
    they.update("/g")
    they.write("/g/x", 0)
    they.create("/g/new")

    assert meet(we, they) == []


@dataclass(frozen=True)
class MoveCase:
    moves: list[tuple[str, str]]
    theirs: Edit
    failing: list[str]


@pytest.mark.parametrize(
    "case",
    [
        MoveCase([("/a", "/b")], lambda they: they.delete("/a"), ["/a"]),
        MoveCase([("/a", "/n")], lambda they: they.create("/n"), ["/a"]),
        MoveCase([("/a", "/g/a")], lambda they: they.delete("/g"), ["/a"]),
        MoveCase([("/a", "/g/a")], lambda they: replace_with_array(they, "/g"), ["/a"]),
        MoveCase([("/g", "/h"), ("/a", "/h/a")], lambda they: they.delete("/g"), ["/g", "/a"]),
        MoveCase([("/a", "/t"), ("/g", "/a"), ("/t", "/g")], lambda they: they.create("/other"), []),
    ],
    ids=["source gone", "target taken", "parent gone", "parent an array", "chain broken", "swap untouched"],
)
def test_our_move_that_does_not_fit_their_tree_is_a_conflict(case):
    we, they = Side(100), Side(200)
    for source, target in case.moves:
        we.changes.moves.add(NodePath(source), NodePath(target))
    case.theirs(they)

    clashes = meet(we, they)

    assert {(clash.kind, clash.path) for clash in clashes} == {
        (Kind.MoveOperationCannotBeRebased, source) for source in case.failing
    }


@pytest.mark.parametrize("ours", EDITS)
def test_nothing_can_be_rebased_over_their_moves(ours):
    we, they = Side(100), Side(200)
    EDITS[ours](we)
    log = replace(
        to_log.from_changes(they.changes),
        moves=(Move(NodePath("/a"), NodePath("/b"), BASE[NodePath("/a")].id, is_array=True),),
    )

    clashes = detect(Encounter(we.changes, log, they, lambda _: NodePath("/")))

    assert [(clash.kind, clash.path) for clash in clashes] == [(Kind.MoveOperationCannotBeRebased, "")]


def test_a_log_that_cannot_conflict_does_not_load_their_tree():
    we, they = Side(100), Side(200)
    we.create("/n")
    we.delete("/g")
    we.update("/")
    they.write("/a", 0)

    class Unloaded:
        def node(self, path: NodePath) -> NodeRecord | None:
            raise AssertionError(f"asked for {path}")

    assert detect(Encounter(we.changes, to_log.from_changes(they.changes), Unloaded(), lambda _: NodePath("/"))) == []
