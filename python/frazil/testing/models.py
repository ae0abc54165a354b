"""Plain stand-ins for what is tested: a store in a dictionary, and hierarchies as values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import zarr
from zarr.core.sync import sync
from zarr.storage import MemoryStore

from frazil.config.enums import SpecVersion, spec_version

if TYPE_CHECKING:
    from zarr.abc.store import Store
    from zarr.core.buffer import Buffer


class ModelStore(MemoryStore):
    """A dictionary that can do what a session can do to its nodes and chunks."""

    spec_version: SpecVersion | int = spec_version()
    """Which version of the format the store under test has."""

    async def shift_array(self, array_path: str, offset: tuple[int, ...], num_chunks: tuple[int, ...]) -> None:
        """Move all chunks of an array; those that leave the grid of ``num_chunks`` are gone.

        Parameters
        ----------
        array_path
            With or without a slash in front.
        offset
            In chunks, by dimension.
        num_chunks
            The extent of the grid.
        """
        prefix = f"{array_path.strip('/')}/c/".lstrip("/")
        chunks = {key: self._store_dict.pop(key) for key in list(self._store_dict) if key.startswith(prefix)}
        for key, value in chunks.items():
            old = map(int, key.removeprefix(prefix).split("/"))
            new = [index + by for index, by in zip(old, offset, strict=True)]
            if all(0 <= index < count for index, count in zip(new, num_chunks, strict=True)):
                self._store_dict[prefix + "/".join(map(str, new))] = value

    async def move(self, source: str, dest: str) -> None:
        """Rename a node and all below it; both paths are absolute."""
        if not (source.startswith("/") and dest.startswith("/")):
            raise ValueError(f"paths must start with '/'; got source={source!r}, dest={dest!r}")
        prefix = f"{source[1:]}/"
        moved = {key: self._store_dict.pop(key) for key in list(self._store_dict) if key.startswith(prefix)}
        self._store_dict.update({f"{dest[1:]}/{key.removeprefix(prefix)}": value for key, value in moved.items()})

    async def copy(self) -> ModelStore:
        """A store with the same content, which goes its own way."""
        content: dict[str, Buffer] = dict(self._store_dict)
        made = type(self)(content)
        made.spec_version = self.spec_version
        return made


@dataclass(frozen=True)
class ArrayNode:
    """An array of a hierarchy."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


@dataclass(frozen=True)
class GroupNode:
    """A group of a hierarchy with all below it; paths have no slash in front, the group itself is ``""``."""

    children: dict[str, Node] = field(default_factory=dict)

    # ---- looking ---------------------------------------------------------------------------------------------------

    def walk(self, prefix: str | PurePosixPath = "") -> Iterator[tuple[PurePosixPath, Node]]:
        """Path and node of everything below, each group before what is in it."""
        for name, child in self.children.items():
            path = PurePosixPath(prefix) / name
            yield path, child
            if isinstance(child, GroupNode):
                yield from child.walk(path)

    def nodes(self, prefix: str = "", *, include_root: bool = False) -> list[str]:
        """Paths of everything below, and of the group itself if ``include_root``."""
        return [*([prefix] if include_root else []), *(str(path) for path, _ in self.walk(prefix))]

    def groups(self, prefix: str = "", *, include_root: bool = False) -> list[str]:
        """Paths of all groups below, and of the group itself if ``include_root``."""
        below = (str(path) for path, node in self.walk(prefix) if isinstance(node, GroupNode))
        return [*([prefix] if include_root else []), *below]

    def arrays(self, prefix: str = "") -> list[str]:
        """Paths of all arrays below."""
        return [str(path) for path, node in self.walk(prefix) if isinstance(node, ArrayNode)]

    # ---- making ----------------------------------------------------------------------------------------------------

    def materialize(self, store: Store) -> zarr.Group:
        """Make this hierarchy in a store, in the place of whatever is there."""
        root = zarr.open_group(store, mode="w", zarr_format=3)
        for path, node in self.walk():
            if isinstance(node, ArrayNode):
                root.create_array(str(path), shape=node.shape, dtype=node.dtype)
            else:
                root.create_group(str(path))
        return root

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> GroupNode:
        """Of dictionaries by name, whose leaves are array nodes."""
        return cls(
            {name: sub if isinstance(sub, ArrayNode | GroupNode) else cls.from_dict(sub) for name, sub in d.items()}
        )

    @classmethod
    def from_paths(cls, arrays: set[str], groups: set[str]) -> GroupNode:
        """Of absolute paths; arrays are of shape (1,) and int32, and missing parents are made."""
        root = cls()
        for path in chain(sorted(groups), sorted(arrays)):
            if not path.startswith("/"):
                raise ValueError(f"path must start with '/'; got {path!r}")
            *parents, name = re.findall(r"[^/]+", path) or [""]
            place = root
            for parent in parents:
                place = _group_in(place, parent)
            if path in arrays:
                place.children[name] = ArrayNode((1,), np.dtype("i4"))
            elif name:
                _group_in(place, name)
        return root

    @classmethod
    def from_store(cls, store: Store) -> GroupNode:
        """Of what a store holds."""
        made: GroupNode = sync(cls.from_store_async(store))
        return made

    @classmethod
    async def from_store_async(cls, store: Store) -> GroupNode:
        """Coroutine twin of ``from_store``."""
        root = await zarr.api.asynchronous.open_group(store, mode="r", zarr_format=3)
        return await cls._from_group(root)

    @classmethod
    async def _from_group(cls, group: zarr.AsyncGroup) -> GroupNode:
        children: dict[str, Node] = {}
        async for name, member in group.members():
            if isinstance(member, zarr.AsyncGroup):
                children[name] = await cls._from_group(member)
            else:
                children[name] = ArrayNode(member.shape, np.dtype(member.dtype))
        return cls(children)


def _group_in(parent: GroupNode, name: str) -> GroupNode:
    """The group of a name, made if it is missing."""
    found = parent.children.setdefault(name, GroupNode())
    if not isinstance(found, GroupNode):
        raise ValueError(f"{name!r} is an array, and cannot have anything below it")
    return found


Node: TypeAlias = ArrayNode | GroupNode
"""A node of a hierarchy."""
