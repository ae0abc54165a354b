"""A rebase gives what doing both sides' changes one after the other gives, or it reports a conflict.

The model replays our net changes on their result node by node: what we deleted is what we saw, so a node that they put
in the place of a deleted one is not ours to delete.
"""

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

import frazil
from frazil import BasicConflictSolver, ConflictDetector, RebaseFailedError, VersionSelection
from frazil._core import ChunkRef
from frazil.format.node_path import NodePath, ancestors, is_same_or_below
from frazil.working_tree import WorkingTree

PATHS = ["/a", "/b", "/g", "/g/x", "/g/y"]
CHUNKS = 4


def group_document(version: int) -> bytes:
    return json.dumps({"zarr_format": 3, "node_type": "group", "attributes": {"version": version}}).encode()


def array_document(version: int, size: int = CHUNKS) -> bytes:
    return json.dumps(
        {
            "zarr_format": 3,
            "node_type": "array",
            "shape": [size],
            "data_type": "uint8",
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [1]}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": 0,
            "codecs": [{"name": "bytes"}],
            "attributes": {"version": version},
        }
    ).encode()


@dataclass
class Node:
    """``token`` stands for the node id: a node that is made anew at a path is another one."""

    token: int
    document: bytes
    size: int | None
    """Number of chunks, None for a group."""
    chunks: dict[int, bytes] = field(default_factory=dict)


World = dict[str, Node]


@dataclass
class Writer:
    """A session and the model of what it sees; an edit that does not apply is skipped in both."""

    world: World
    tree: WorkingTree
    first_token: int
    updated: set[int] = field(default_factory=set)
    """Tokens of nodes whose metadata was changed."""
    written: dict[int, dict[int, bytes | None]] = field(default_factory=dict)
    """By token what was done to which chunk; None is a deletion."""

    def create(self, path: str, version: int, *, is_array: bool) -> None:
        if path in self.world:
            return
        document = array_document(version) if is_array else group_document(version)
        self.world[path] = Node(self.first_token, document, CHUNKS if is_array else None)
        self.first_token += 1
        self.tree.set_metadata(NodePath(path), document)

    def update(self, path: str, version: int, size: int) -> None:
        node = self.world.get(path)
        if node is None:
            return
        document = group_document(version) if node.size is None else array_document(version, size)
        self.tree.set_metadata(NodePath(path), document)
        if document != node.document:
            node.document, node.size = document, None if node.size is None else size
            self.updated.add(node.token)

    def delete(self, path: str) -> None:
        if path not in self.world:
            return
        self.tree.delete_node(NodePath(path))
        is_group = self.world[path].size is None
        for there in list(self.world):
            if there == path or (is_group and is_same_or_below(NodePath(there), NodePath(path))):
                self.written.pop(self.world.pop(there).token, None)

    def write(self, path: str, index: int, value: bytes | None) -> None:
        node = self.world.get(path)
        if node is None or node.size is None or index >= node.size:
            return
        record = self.tree.existing_array(NodePath(path))
        if value is None:
            self.tree.delete_chunk(record, (index,))
            node.chunks.pop(index, None)
        else:
            self.tree.set_chunk(record, (index,), ChunkRef.inline(value))
            node.chunks[index] = value
        self.written.setdefault(node.token, {})[index] = value


Edit = Callable[[Writer], None]


@st.composite
def an_edit(draw: st.DrawFn) -> Edit:
    path = draw(st.sampled_from(PATHS))
    version = draw(st.integers(0, 3))
    kind = draw(st.sampled_from(["create group", "create array", "update", "delete", "write", "write", "erase"]))
    index = draw(st.integers(0, CHUNKS - 1))
    size = draw(st.sampled_from([CHUNKS, CHUNKS, 2]))
    edits: dict[str, Edit] = {
        "create group": lambda writer: writer.create(path, version, is_array=False),
        "create array": lambda writer: writer.create(path, version, is_array=True),
        "update": lambda writer: writer.update(path, version, size),
        "delete": lambda writer: writer.delete(path),
        "write": lambda writer: writer.write(path, index, bytes([version])),
        "erase": lambda writer: writer.write(path, index, None),
    }
    return edits[kind]


some_edits = st.lists(an_edit(), max_size=6)


def committed(world: World) -> World:
    """Chunks outside the grid do not reach a snapshot."""
    world = deepcopy(world)
    for node in world.values():
        node.chunks = {
            index: data for index, data in node.chunks.items() if node.size is not None and index < node.size
        }
    return world


def replayed(
    base: World, ours: Writer, theirs: World, their_chunks: dict[int, set[int]], *, theirs_wins: bool
) -> World:
    """Our net changes on top of what they made; ``KeyError`` if that cannot be."""
    world = deepcopy(theirs)
    kept = {node.token for node in ours.world.values()}
    before = {node.token for node in base.values()}
    for path, node in list(world.items()):
        if node.token in before - kept:
            del world[path]
    paths = {node.token: path for path, node in world.items()}
    for path, node in ours.world.items():
        if node.token not in before:
            if path in world:
                raise KeyError(path)
            world[path] = deepcopy(node)
            continue
        if node.token in ours.updated:
            there = world[paths[node.token]]
            there.document, there.size = node.document, node.size
        for index, value in ours.written.get(node.token, {}).items():
            if theirs_wins and index in their_chunks.get(node.token, set()):
                continue
            there = world[paths[node.token]]
            there.chunks.pop(index, None)
            if value is not None:
                there.chunks[index] = value
    return committed(world)


def must_fail(base: World, ours: Writer, theirs: Writer, *, detector: bool) -> bool:
    """Whether one commit of theirs is in the way of our changes, by the rules of the format."""
    before = {node.token for node in base.values()}
    our_tokens = {node.token for node in ours.world.values()}
    their_tokens = {node.token for node in theirs.world.values()}
    gone, deleted = before - their_tokens, before - our_tokens
    their_updates = theirs.updated & before & their_tokens
    new_arrays = {p for p, n in theirs.world.items() if n.token not in before and n.size is not None}
    for path, node in ours.world.items():
        if node.token not in before:
            if path in theirs.world and theirs.world[path].token not in deleted:
                return True
            if any(above in new_arrays for above in ancestors(NodePath(path))):
                return True
            continue
        touched = set(ours.written.get(node.token, {}))
        if (node.token in ours.updated or touched) and node.token in gone:
            return True
        if (node.token in ours.updated or touched) and node.token in their_updates:
            return True
        if detector and touched & set(theirs.written.get(node.token, {})):
            return True
    if not detector:
        return False
    changed = their_updates | {token for token, chunks in theirs.written.items() if chunks}
    deleted_paths = {path for path, node in base.items() if node.token in deleted}
    return any(
        path in theirs.world
        and theirs.world[path].token in changed
        and (theirs.world[path].size is None) == (base[path].size is None)
        for path in deleted_paths
    )


def a_base(spec_version: int = 2) -> tuple[frazil.Repository, World]:
    repo = frazil.Repository.create(frazil.in_memory_storage(), spec_version=spec_version)
    session = repo.writable_session("main")
    writer = Writer({}, session._session.tree, 0)
    writer.create("/a", 0, is_array=True)
    writer.create("/g", 0, is_array=False)
    writer.create("/g/x", 0, is_array=True)
    for index in range(CHUNKS):
        writer.write("/a", index, b"base")
        writer.write("/g/x", index, b"base")
    session.commit("base")
    return repo, writer.world


def seen(repo: frazil.Repository) -> dict[str, tuple[bytes, dict[int, bytes]]]:
    tree = repo.readonly_session("main")._session.tree
    found = {}
    for node in tree.nodes():
        chunks = {}
        if node.array is not None:
            reader = tree.chunk_reader(node)
            for index in range(CHUNKS):
                ref = reader.lookup((index,))
                if ref is not None and ref.data is not None:
                    chunks[index] = bytes(ref.data)
        found[str(node.path)] = (node.user_data, chunks)
    return found


def shown(world: World) -> dict[str, tuple[bytes, dict[int, bytes]]]:
    return {path: (node.document, node.chunks) for path, node in world.items()}


SOLVERS = {
    "detector": ConflictDetector(),
    "ours": BasicConflictSolver(),
    "theirs": BasicConflictSolver(on_chunk_conflict=VersionSelection.UseTheirs),
}


@given(
    some_edits, st.lists(some_edits, min_size=1, max_size=3), st.sampled_from(sorted(SOLVERS)), st.sampled_from([1, 2])
)
def test_a_rebase_is_serial_or_a_conflict(our_edits, their_commits, solver_name, spec_version):
    repo, base = a_base(spec_version)
    session = repo.writable_session("main")
    ours = Writer(deepcopy(base), session._session.tree, 1000)
    for edit in our_edits:
        edit(ours)

    world, in_the_way = base, False
    their_chunks: dict[int, set[int]] = {}
    for number, edits in enumerate(their_commits):
        other = repo.writable_session("main")
        theirs = Writer(deepcopy(world), other._session.tree, 2000 + 100 * number)
        for edit in edits:
            edit(theirs)
        other.commit("theirs", allow_empty=True)
        world = committed(theirs.world)
        for token, chunks in theirs.written.items():
            their_chunks.setdefault(token, set()).update(chunks)
        if number == 0:
            in_the_way = must_fail(base, ours, theirs, detector=solver_name == "detector")

    try:
        session.rebase(SOLVERS[solver_name])
    except RebaseFailedError:
        assert in_the_way or len(their_commits) > 1
        return
    assert not in_the_way
    expected = replayed(base, ours, world, their_chunks, theirs_wins=solver_name == "theirs")
    session.commit("ours", allow_empty=True)
    assert seen(repo) == shown(expected)


@given(some_edits, some_edits, some_edits, st.sampled_from(sorted(SOLVERS)), st.booleans())
def test_a_rebase_onto_another_history_is_serial_or_a_conflict(
    first_edits, our_edits, their_edits, solver_name, amends
):
    """Our session stands on a commit that an amendment or a reset then takes out of the branch."""
    repo, base = a_base()
    start = repo.lookup_branch("main")
    first = repo.writable_session("main")
    undone = Writer(deepcopy(base), first._session.tree, 100)
    for edit in first_edits:
        edit(undone)
    first.commit("first", allow_empty=True)
    before = committed(undone.world)

    session = repo.writable_session("main")
    ours = Writer(deepcopy(before), session._session.tree, 1000)
    for edit in our_edits:
        edit(ours)

    if not amends:
        repo.reset_branch("main", start)
    other = repo.writable_session("main")
    theirs = Writer(deepcopy(before if amends else base), other._session.tree, 2000)
    for edit in their_edits:
        edit(theirs)
    publish = other.amend if amends else other.commit
    publish("theirs", allow_empty=True)
    world = committed(theirs.world)

    try:
        session.rebase(SOLVERS[solver_name])
    except RebaseFailedError:
        return
    old, new = ({node.token: node.chunks for node in w.values()} for w in (before, world))
    their_chunks = {
        token: {index for index in range(CHUNKS) if old[token].get(index) != new[token].get(index)}
        for token in old.keys() & new.keys()
    }
    expected = replayed(before, ours, world, their_chunks, theirs_wins=solver_name == "theirs")
    session.commit("ours", allow_empty=True)
    assert seen(repo) == shown(expected)
