"""Edits as values, which can be made in a session and again, later, in the model."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.stateful import views
from tests.stateful.trees import (
    POLICIES,
    Coords,
    Draft,
    Node,
    Policy,
    Tree,
    all_coords,
    array_document,
    chunk_data,
    group_document,
    is_below,
    parent_of,
)

PATHS = ["/a", "/b", "/g", "/g/x", "/g/y"]
GRIDS: list[Coords] = [(4,), (2, 2)]
SHRUNK: dict[int, Coords] = {1: (2,), 2: (1, 2)}


@dataclass(frozen=True)
class Edit:
    """One change; where it does not apply it does nothing."""

    kind: str
    path: str
    number: int = 0
    """A version of a document, or which chunk."""
    target: str = ""


@dataclass(frozen=True)
class Transaction:
    edits: tuple[Edit, ...]
    policy: Policy
    rearranges: bool = False


def edits() -> st.SearchStrategy[Edit]:
    kinds = ["create group", "create array", "update", "delete", "resize", "write", "write", "write", "erase", "shift"]
    return st.builds(Edit, st.sampled_from(kinds), st.sampled_from(PATHS), st.integers(0, 3))


def moves() -> st.SearchStrategy[Edit]:
    return st.builds(Edit, st.just("move"), st.sampled_from(PATHS), st.just(0), st.sampled_from(PATHS))


def transactions(*, with_moves: bool) -> st.SearchStrategy[Transaction]:
    policies = st.sampled_from(POLICIES)
    editing = st.builds(Transaction, st.lists(edits(), min_size=1, max_size=5).map(tuple), policies)
    if not with_moves:
        return editing
    moving = st.builds(Transaction, st.lists(moves(), min_size=1, max_size=2).map(tuple), policies, st.just(True))
    return st.one_of(editing, editing, editing, editing, moving)


def tree_of(keys: dict[str, bytes]) -> Tree:
    """The nodes of a store; tokens are made up."""
    tree: Tree = {}
    for token, (key, document) in enumerate(sorted(keys.items())):
        if key.endswith("zarr.json"):
            parsed = json.loads(document)
            grid = tuple((size + 1) // 2 for size in parsed["shape"]) if parsed["node_type"] == "array" else None
            tree["/" + key.removesuffix("zarr.json").rstrip("/")] = Node(-token - 1, document, grid)
    return tree


def make(transaction: Transaction, draft: Draft, numbers: itertools.count[int], session: Any = None) -> None:
    """Make the edits in a draft and, if one is given, in a session."""
    for edit in transaction.edits:
        _make(edit, draft, numbers, session)


def _make(edit: Edit, draft: Draft, numbers: itertools.count[int], session: Any) -> None:
    node = draft.tree.get(edit.path)
    here = views.key_of(edit.path)
    if edit.kind == "create group" and node is None:
        _create(edit.path, Node(next(numbers), group_document(edit.number), None), draft, session)
    elif edit.kind == "create array" and node is None:
        grid = GRIDS[edit.number % len(GRIDS)]
        _create(edit.path, Node(next(numbers), array_document(edit.number, grid), grid), draft, session)
    elif edit.kind == "update" and node is not None:
        document = group_document(edit.number) if node.grid is None else array_document(edit.number, node.grid)
        draft.update(edit.path, document)
        if session is not None:
            views.put(session, here, document)
    elif edit.kind == "delete" and node is not None:
        draft.delete(edit.path)
        if session is not None:
            views.delete(session, here)
    elif edit.kind == "move":
        _move(edit, draft, session)
    elif node is not None and node.grid is not None:
        _change_array(edit, node.grid, draft, numbers, session)


def _create(path: str, node: Node, draft: Draft, session: Any) -> None:
    draft.create(path, node)
    if session is not None:
        views.put(session, views.key_of(path), node.document)


def _move(edit: Edit, draft: Draft, session: Any) -> None:
    source, target, tree = edit.path, edit.target, draft.tree
    parent = tree.get(parent_of(target))
    if source in tree and target not in tree and parent is not None and not parent.is_array:
        if not is_below(target, source):
            draft.move(source, target)
            if session is not None:
                session.move(source, target)


def _change_array(edit: Edit, grid: Coords, draft: Draft, numbers: itertools.count[int], session: Any) -> None:
    path, chunks = edit.path, all_coords(grid)
    coords = chunks[edit.number % len(chunks)]
    if edit.kind in ("write", "erase"):
        data = chunk_data(next(numbers), grid) if edit.kind == "write" else None
        draft.write(path, coords, data)
        if session is not None and data is not None:
            views.put(session, views.key_of(path, coords), data)
        elif session is not None:
            views.delete(session, views.key_of(path, coords))
    elif edit.kind == "resize":
        smaller = SHRUNK[len(grid)]
        document = array_document(edit.number, smaller)
        outside = draft.resize(path, document, smaller)
        if session is not None:
            for gone in outside:
                views.delete(session, views.key_of(path, gone))
            views.put(session, views.key_of(path), document)
    elif edit.kind == "shift" and session is None:
        draft.shift(path, (1,) * len(grid))
    elif edit.kind == "shift":
        # What a draft of made-up chunks would touch is unknown; it is only asked which nodes there are.
        session.shift_array(path, (1,) * len(grid))
