"""What the store lists: keys, and names one level down (format section 14.5)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import islice

from frazil._core import KeyListing
from frazil.errors import InvalidInputError
from frazil.format import node_path, zarr_metadata
from frazil.format.node_path import ROOT, NodePath
from frazil.format.records import NodeRecord
from frazil.store import zarr_keys
from frazil.working_tree import WorkingTree


class Listing(AsyncIterator[str], Iterator[str]):
    """Keys for both ``for`` and ``async for``; made as they are asked for, without suspending."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._keys = iter(keys)

    def __iter__(self) -> Listing:
        return self

    def __next__(self) -> str:
        return next(self._keys)

    def __aiter__(self) -> Listing:
        return self

    async def __anext__(self) -> str:
        for key in self._keys:
            return key
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Stop listing."""
        self._keys = iter(())


def keys_below(tree: WorkingTree, prefix: str) -> Iterator[str]:
    """Every key of the node at ``prefix`` and of all nodes below it.

    Raises
    ------
    InvalidInputError
        ``bad-key-prefix`` if ``prefix`` is neither empty nor the path of a node.
    """
    path = zarr_keys.path_of(prefix)
    if path != ROOT and tree.node(path) is None:
        raise InvalidInputError(
            f"bad key prefix `{prefix}`: Only prefixes pointing to a group or array are allowed", kind="bad-key-prefix"
        )
    yield from _moved_keys(tree, path) if len(tree.changes.moves) else _unmoved_keys(tree, path)


def _unmoved_keys(tree: WorkingTree, prefix: NodePath) -> Iterator[str]:
    """The extension lists what is unchanged, and we the rest.  Edits while this goes on, such as deleting, are harmless."""
    changes = tree.changes
    deleted, created = set(changes.deleted), [node.path for node in changes.new_nodes()]
    changed = {*changes.updated, *changes.chunks, *changes.deleted_ids()}
    for keys, left in KeyListing(tree.base, tree.context.assets, prefix, list(changed)):
        yield from keys
        for path in map(NodePath, left):
            if path not in deleted:
                yield from _keys_of(tree, path)
    for path in created:
        if node_path.is_same_or_below(path, prefix):
            yield from _keys_of(tree, path)


def _moved_keys(tree: WorkingTree, prefix: NodePath) -> Iterator[str]:
    for path, _, _ in tree.paths(prefix):
        yield from _keys_of(tree, path)


def _keys_of(tree: WorkingTree, path: NodePath) -> Iterator[str]:
    node = tree.node(path)
    if node is not None:
        yield zarr_keys.metadata_key(path)
        if node.is_array:
            yield from chunk_keys(tree, node)


def chunk_keys(tree: WorkingTree, node: NodeRecord) -> Iterator[str]:
    """The keys of every chunk that exists in an array."""
    encode = zarr_metadata.parse(node.user_data).key_encoding.encode
    before = zarr_keys.chunk_key_prefix(node.path)
    for coords in tree.chunk_reader(node).coords():
        yield before + encode(coords)


def names_in(tree: WorkingTree, prefix: str) -> Iterator[str]:
    """The names one level below ``prefix``; nothing if there is no such thing."""
    path = zarr_keys.path_of(prefix)
    node = tree.node(path)
    if node is not None and node.is_array:
        yield zarr_keys.METADATA
        yield from _names_in_array(tree, node)
    elif node is not None or path == ROOT:
        if node is not None:
            yield zarr_keys.METADATA
        yield from sorted(tree.children(path))
    else:
        yield from _names_in_chunks(tree, path)


def _names_in_array(tree: WorkingTree, node: NodeRecord) -> Iterator[str]:
    """``c`` whether or not there are chunks, where chunk keys go through a folder of that name."""
    encoding = zarr_metadata.parse(node.user_data).key_encoding
    if encoding.is_default:
        yield "c"
        return
    yield from _first_components(encoding.encode(coords) for coords in tree.chunk_reader(node).coords())


def _names_in_chunks(tree: WorkingTree, path: NodePath) -> Iterator[str]:
    """``path`` inside the chunk tree of an array: the next components of its chunks' keys."""
    array = nearest_array(tree, path)
    if array is None:
        return
    inside = zarr_keys.chunk_key_prefix(path)
    yield from _first_components(key[len(inside) :] for key in chunk_keys(tree, array) if key.startswith(inside))


def nearest_array(tree: WorkingTree, path: NodePath) -> NodeRecord | None:
    """The array that holds ``path``, if the nearest node above is one."""
    for ancestor in islice(node_path.ancestors(path), zarr_keys.MOST_INDICES + 1):
        node = tree.node(ancestor)
        if node is not None:
            return node if node.is_array else None
    return None


def _first_components(keys: Iterable[str]) -> Iterator[str]:
    return iter(dict.fromkeys(key.partition("/")[0] for key in keys))
