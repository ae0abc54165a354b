"""The model of what a session sees: plain dictionaries of nodes, and what was changed in them.

Chunks hold values that no other chunk ever held, so that equal bytes are the same chunk.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

Coords = tuple[int, ...]

CHUNK_LENGTH = 2
"""Elements of a chunk along every dimension."""


@dataclass
class Node:
    """``token`` stands for the node id: a node made anew at the same path is another one."""

    token: int
    document: bytes
    grid: Coords | None
    """Number of chunks along each dimension; None for a group."""
    chunks: dict[Coords, bytes] = field(default_factory=dict)

    @property
    def is_array(self) -> bool:
        return self.grid is not None


Tree = dict[str, Node]
"""Nodes by absolute path."""


@dataclass(frozen=True)
class Log:
    """What one commit, or several, did: tokens of nodes, and chunks by token."""

    new: frozenset[int] = frozenset()
    deleted: frozenset[int] = frozenset()
    updated: frozenset[int] = frozenset()
    chunks: dict[int, frozenset[Coords]] = field(default_factory=dict)
    moves: tuple[tuple[int, str, str], ...] = ()
    """(token, from, to), in the order of the final paths' segments."""

    def __or__(self, newer: Log) -> Log:
        """The union; moves follow each other as they are."""
        chunks = dict(self.chunks)
        for token, coords in newer.chunks.items():
            chunks[token] = chunks.get(token, frozenset()) | coords
        return Log(
            self.new | newer.new,
            self.deleted | newer.deleted,
            self.updated | newer.updated,
            chunks,
            self.moves + newer.moves,
        )

    def amended_by(self, newer: Log) -> Log:
        """The union; moves of one node become one move."""
        first = {token: source for token, source, _ in reversed(self.moves + newer.moves)}
        last = {token: target for token, _, target in self.moves + newer.moves}
        joined = [(token, first[token], last[token]) for token in last if first[token] != last[token]]
        return replace(self | newer, moves=in_log_order(joined))


def in_log_order(moves: Iterable[tuple[int, str, str]]) -> tuple[tuple[int, str, str], ...]:
    return tuple(sorted(moves, key=lambda move: move[2].split("/")))


def is_below(path: str, above: str) -> bool:
    return path != above and path.startswith(above.rstrip("/") + "/")


def parent_of(path: str) -> str:
    return path.rpartition("/")[0] or "/"


class Draft:
    """The changes of one session over the tree that it is based on."""

    def __init__(self, base: Tree) -> None:
        self.base = base
        self.discard()

    def discard(self) -> None:
        self.tree: Tree = deepcopy(self.base)
        self.updated: set[int] = set()
        self.touched: dict[int, set[Coords]] = {}
        self.moves: list[tuple[str, str]] = []
        self.moot = False
        """Whether a rebase has found that others had deleted what was deleted here: still something to commit."""

    # ---- editing ---------------------------------------------------------------------------------------------------

    def create(self, path: str, node: Node) -> None:
        self.tree[path] = node

    def update(self, path: str, document: bytes) -> None:
        node = self.tree[path]
        if node.document != document:
            node.document = document
            self.updated.add(node.token)

    def resize(self, path: str, document: bytes, grid: Coords) -> list[Coords]:
        """As zarr does it: chunks outside the new grid are deleted first; returns those."""
        node = self.tree[path]
        assert node.grid is not None
        outside = [coords for coords in all_coords(node.grid) if not inside(coords, grid)]
        for coords in outside:
            self.write(path, coords, None)
        self.update(path, document)
        node.grid = grid
        return outside

    def write(self, path: str, coords: Coords, data: bytes | None) -> None:
        """Set a chunk or, with None, delete it."""
        node = self.tree[path]
        self.touched.setdefault(node.token, set()).add(coords)
        if data is None:
            node.chunks.pop(coords, None)
        else:
            node.chunks[coords] = data

    def reindex(self, path: str, forward: Callable[[Coords], Coords | None], *, clear: bool) -> None:
        """Move chunks; with ``clear`` the places that nothing came to are left empty."""
        node = self.tree[path]
        moved = {target: data for coords, data in node.chunks.items() if (target := forward(coords)) is not None}
        for coords in [coords for coords in node.chunks if clear and coords not in moved]:
            self.write(path, coords, None)
        for coords, data in moved.items():
            self.write(path, coords, data)

    def shift(self, path: str, offset: Coords) -> None:
        grid = self.tree[path].grid
        assert grid is not None

        def forward(coords: Coords) -> Coords | None:
            target = tuple(index + by for index, by in zip(coords, offset, strict=True))
            return target if inside(target, grid) else None

        self.reindex(path, forward, clear=True)

    def delete(self, path: str) -> None:
        """A group with all below it; an array without."""
        below = [p for p in self.tree if is_below(p, path)] if not self.tree[path].is_array else []
        for gone in [path, *below]:
            token = self.tree.pop(gone).token
            self.touched.pop(token, None)
            self.updated.discard(token)

    def move(self, source: str, target: str) -> None:
        self.tree = moved(self.tree, source, target)
        self.moves.append((source, target))

    # ---- what was changed ------------------------------------------------------------------------------------------

    def created(self) -> Tree:
        known = {node.token for node in self.base.values()}
        return {path: node for path, node in self.tree.items() if node.token not in known}

    def deleted(self) -> dict[str, int]:
        kept = {node.token for node in self.tree.values()}
        return {path: node.token for path, node in self.base.items() if node.token not in kept}

    def log(self) -> Log:
        before = {node.token: path for path, node in self.base.items()}
        moves = [
            (node.token, before[node.token], path)
            for path, node in self.tree.items()
            if self.moves and before[node.token] != path
        ]
        return Log(
            frozenset(node.token for node in self.created().values()),
            frozenset(self.deleted().values()),
            frozenset(self.updated & before.keys()),
            {token: frozenset(coords) for token, coords in self.touched.items() if coords},
            in_log_order(moves),
        )

    def has_changes(self) -> bool:
        return bool(self.moves) or self.moot or self.log() != Log()

    # ---- on top of what others did ---------------------------------------------------------------------------------

    def onto(self, new_base: Tree, dropped: dict[int, set[Coords]]) -> None:
        """Replay the net changes, but for the chunks of ``dropped``, on another tree, where they are known to fit."""
        created, deleted, ours = self.created(), self.deleted(), self.tree
        tree = deepcopy(new_base)
        if self.moves:
            for source, target in self.moves:
                tree = moved(tree, source, target)
            self.base, self.tree = new_base, tree
            return
        there = {node.token for node in new_base.values()}
        self.moot = self.moot or any(token not in there for token in deleted.values())
        for path in [path for path, node in tree.items() if node.token in deleted.values()]:
            del tree[path]
        tree.update(deepcopy(created))
        paths = {node.token: path for path, node in ours.items()}
        for token in self.updated:
            tree[paths[token]].document = ours[paths[token]].document
            tree[paths[token]].grid = ours[paths[token]].grid
        for token, coords in dropped.items():
            self.touched[token] -= coords
        for token, touched in self.touched.items():
            for where in touched:
                data = ours[paths[token]].chunks.get(where)
                if data is None:
                    tree[paths[token]].chunks.pop(where, None)
                else:
                    tree[paths[token]].chunks[where] = data
        for node in tree.values():
            node.chunks = {where: data for where, data in node.chunks.items() if inside(where, node.grid or ())}
        self.base, self.tree = new_base, tree


def moved(tree: Tree, source: str, target: str) -> Tree:
    return {
        target + path.removeprefix(source) if path == source or is_below(path, source) else path: node
        for path, node in tree.items()
    }


def inside(coords: Coords, grid: Coords) -> bool:
    return all(0 <= index < count for index, count in zip(coords, grid, strict=True))


def all_coords(grid: Coords) -> list[Coords]:
    found: list[Coords] = [()]
    for count in grid:
        found = [(*coords, index) for coords in found for index in range(count)]
    return found


def between(old: Tree, new: Tree) -> Log:
    """What a log from one tree to another would say, where no commits lead there."""
    before = {node.token: (path, node) for path, node in old.items()}
    after = {node.token: (path, node) for path, node in new.items()}
    both = before.keys() & after.keys()
    chunks = {
        token: frozenset(
            coords
            for coords in before[token][1].chunks.keys() | after[token][1].chunks.keys()
            if before[token][1].chunks.get(coords) != after[token][1].chunks.get(coords)
        )
        for token in both
    }
    return Log(
        frozenset(after.keys() - both),
        frozenset(before.keys() - both),
        frozenset(token for token in both if before[token][1].document != after[token][1].document),
        {token: coords for token, coords in chunks.items() if coords},
        in_log_order(
            (token, before[token][0], after[token][0]) for token in both if before[token][0] != after[token][0]
        ),
    )


# ---- conflicts -------------------------------------------------------------------------------------------------------

Clash = tuple[str, str]
"""(kind, path) of a conflict."""

SOLVABLE = ("ChunkDoubleUpdate", "DeleteOfUpdatedArray", "DeleteOfUpdatedGroup")


def conflicts(ours: Draft, theirs: Log, there: Tree) -> set[Clash]:
    """What is in the way of ``ours`` in a commit that did ``theirs`` and left the tree ``there``."""
    if theirs.moves:
        return {("MoveOperationCannotBeRebased", "")}
    if ours.moves:
        return {("MoveOperationCannotBeRebased", source) for source in _misfits(ours.moves, there)}
    found: set[Clash] = set()
    log, deleted = ours.log(), ours.deleted()
    paths = {node.token: (path, node) for path, node in ours.tree.items()}
    for path in ours.created():
        if path in there and deleted.get(path) != there[path].token:
            found.add(("NewNodeConflictsWithExistingNode", path))
        for above in _ancestors(path):
            if above in there and there[above].is_array and there[above].token in theirs.new:
                found.add(("NewNodeInInvalidGroup", above))
    for token in log.updated:
        path, node = paths[token]
        if token in theirs.updated:
            found.add(("ZarrMetadataDoubleUpdate", path))
        if token in theirs.deleted:
            found.add((f"ZarrMetadataUpdateOfDeleted{'Array' if node.is_array else 'Group'}", path))
    for token, coords in log.chunks.items():
        path, _ = paths[token]
        if token in theirs.deleted:
            found.add(("ChunksUpdatedInDeletedArray", path))
        if token in theirs.updated:
            found.add(("ChunksUpdatedInUpdatedArray", path))
        if coords & theirs.chunks.get(token, frozenset()):
            found.add(("ChunkDoubleUpdate", path))
    for path, token in deleted.items():
        now = there.get(path)
        if now is not None and (token == now.token or token in theirs.deleted):
            of_same_kind = now.is_array == ours.base[path].is_array
            if of_same_kind and (now.token in theirs.updated or now.token in theirs.chunks):
                found.add((f"DeleteOfUpdated{'Array' if now.is_array else 'Group'}", path))
    return found


def _ancestors(path: str) -> list[str]:
    found = []
    while path != "/":
        path = parent_of(path)
        found.append(path)
    return found


def _misfits(moves: list[tuple[str, str]], tree: Tree) -> list[str]:
    """The sources of the moves that cannot be made; those after them are tried on what the moves would leave."""
    wrong = []
    for source, target in moves:
        parent = tree.get(parent_of(target))
        if source not in tree or target in tree or parent is None or parent.is_array:
            wrong.append(source)
        tree = moved(tree, source, target)
    return wrong


@dataclass(frozen=True)
class Policy:
    """What a solver settles."""

    name: str
    chunks: str = "ours"
    """Whose chunks win: ours, theirs, or nobody's (fail)."""
    keep_updated_arrays: bool = False
    keep_updated_groups: bool = False

    def settles(self, clashes: set[Clash]) -> bool:
        refused = {
            "ChunkDoubleUpdate": self.chunks == "fail",
            "DeleteOfUpdatedArray": self.keep_updated_arrays,
            "DeleteOfUpdatedGroup": self.keep_updated_groups,
        }
        return not any(refused.get(kind, True) for kind, _ in clashes)

    def drops(self, ours: Draft, theirs: Log) -> dict[int, set[Coords]]:
        if self.chunks != "theirs":
            return {}
        return {
            token: both
            for token, coords in ours.touched.items()
            if (both := coords & theirs.chunks.get(token, frozenset()))
        }


DETECTOR = Policy("detector", "fail", keep_updated_arrays=True, keep_updated_groups=True)
POLICIES = [
    DETECTOR,
    Policy("ours"),
    Policy("theirs", "theirs"),
    Policy("fail", "fail"),
    Policy("keep arrays", keep_updated_arrays=True),
    Policy("keep groups", "theirs", keep_updated_groups=True),
]


# ---- documents -------------------------------------------------------------------------------------------------------


def group_document(version: int) -> bytes:
    return json.dumps({"zarr_format": 3, "node_type": "group", "attributes": {"version": version}}).encode()


def array_document(version: int, grid: Coords) -> bytes:
    """Of int64: a chunk of one dimension has 16 bytes, and one of two 32."""
    document: dict[str, Any] = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": [count * CHUNK_LENGTH - (CHUNK_LENGTH - 1) for count in grid],
        "data_type": "int64",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [CHUNK_LENGTH] * len(grid)}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": 0,
        "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
        "attributes": {"version": version},
    }
    return json.dumps(document).encode()


def chunk_data(value: int, grid: Coords) -> bytes:
    return value.to_bytes(8, "little") * CHUNK_LENGTH ** len(grid)


def zarr_keys(tree: Tree) -> dict[str, bytes]:
    """Everything that a Zarr store of this tree holds."""
    found = {}
    for path, node in tree.items():
        place = path.lstrip("/") + "/" if path != "/" else ""
        found[f"{place}zarr.json"] = node.document
        for coords, data in node.chunks.items():
            found[place + "/".join(["c", *map(str, coords)])] = data
    return found
