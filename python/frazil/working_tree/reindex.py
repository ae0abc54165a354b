"""Moving chunks about inside one array: references move, bytes stay where they are."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence

from frazil._core import ChunkRef
from frazil.errors import IcechunkError, InvalidInputError, InvalidTypeError
from frazil.format import zarr_metadata
from frazil.format.node_path import NodePath
from frazil.format.records import NodeRecord
from frazil.working_tree import WorkingTree, array_of

Coords = tuple[int, ...]
IndexMap = Callable[[list[int]], Iterable[int] | None]
"""A chunk's coordinates to where it goes (or comes from); None for nowhere."""


def reindex(tree: WorkingTree, path: NodePath, forward: IndexMap, backward: IndexMap | None = None) -> None:
    """Move every chunk of an array to where ``forward`` says; None drops it.

    With ``backward`` (new position to old) the positions whose source has no chunk are cleared; without it they keep
    what they had.  Nothing is staged if anything fails.  Only regular chunk grids, as for ``shift``.
    """
    for function in (forward, backward):
        if function is not None and not callable(function):
            raise TypeError(f"reindex_array takes functions from index to index, not {type(function).__name__}")
    with tree.lock:
        tree.ensure_editable()
        node = _array_of_equal_chunks(tree, path)
        reader = tree.chunk_reader(node)
        existing = list(reader.coords())
        there = set(existing)
        moved: dict[Coords, ChunkRef] = {}
        for coords in existing:
            target = _call(forward, coords)
            if target is not None:
                tree.check_coords(node, target)
                found = reader.lookup(coords)
                if found is not None:
                    moved[target] = found
        cleared: list[Coords] = []
        if backward is not None:
            cleared = [c for c in existing if c not in moved and _call(backward, c) not in there]
        for coords in cleared:
            tree.delete_chunk(node, coords)
        for coords, ref in moved.items():
            tree.set_chunk(node, coords, ref)


def shift(tree: WorkingTree, path: NodePath, chunk_offset: Sequence[int]) -> None:
    """Move every chunk by ``chunk_offset`` (in chunks, per dimension); those that leave the grid are dropped.

    Vacated positions have no chunk afterwards, and read as the fill value.
    """
    with tree.lock:
        tree.ensure_editable()
        node = _array_of_equal_chunks(tree, path)
        counts = array_of(node).num_chunks
        if len(chunk_offset) != len(counts):
            raise InvalidInputError(
                f"chunk_offset has {len(chunk_offset)} values, but `{path}` has {len(counts)} dimensions",
                kind="invalid-chunk-index",
            )

        def moved(by: int) -> IndexMap:
            def target(coords: list[int]) -> Coords | None:
                found = tuple(index + by * offset for index, offset in zip(coords, chunk_offset, strict=True))
                return found if all(0 <= i < n for i, n in zip(found, counts, strict=True)) else None

            return target

        reindex(tree, path, moved(1), moved(-1))


def _array_of_equal_chunks(tree: WorkingTree, path: NodePath) -> NodeRecord:
    """The array at ``path``; refused, whatever is to be done, if its chunks cannot take each other's place."""
    node = tree.existing_array(path)
    grid = zarr_metadata.parse(node.user_data).grid
    if grid is not None and grid.name != "regular":
        raise InvalidInputError(
            f"cannot move the chunks of `{path}`: its chunk grid is {grid.name}, and chunks of different lengths cannot take "
            "each other's place; write the values anew instead",
            kind="invalid-array-metadata",
        )
    return node


def _call(function: IndexMap, coords: Coords) -> Coords | None:
    try:
        found = function(list(coords))
        indices = None if found is None else list(found)
    except IcechunkError:
        raise
    except Exception as problem:
        raise IcechunkError(f"unknown error: {type(problem).__name__}: {problem}") from problem
    try:
        return None if indices is None else tuple(map(operator.index, indices))
    except TypeError:
        raise InvalidTypeError(
            f"reindex_array takes functions from index to index, but one gave {indices} for {list(coords)}; the index of a "
            "chunk is made of integers",
            kind="invalid-chunk-index",
        ) from None
