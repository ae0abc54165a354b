"""What a repository or a session shows, in the terms of the model."""

from __future__ import annotations

from typing import Any

import numpy as np
import zarr
from zarr.core.buffer import default_buffer_prototype
from zarr.core.sync import sync

from tests.stateful.trees import CHUNK_LENGTH, Log, Tree

DIFF_FIELDS = (
    "new_groups",
    "new_arrays",
    "deleted_groups",
    "deleted_arrays",
    "updated_groups",
    "updated_arrays",
    "updated_chunks",
    "moved_nodes",
)


def contents(session: Any) -> dict[str, bytes]:
    """Every key of a session's store with its bytes."""
    store = session.store

    async def read() -> dict[str, bytes]:
        found = {}
        async for key in store.list_prefix(""):
            value = await store.get(key, default_buffer_prototype())
            assert value is not None, f"{key} is listed, and not there"
            found[key] = value.to_bytes()
        return found

    return sync(read())


def put(session: Any, key: str, data: bytes) -> None:
    sync(session.store.set(key, default_buffer_prototype().buffer.from_bytes(data)))


def delete(session: Any, key: str) -> None:
    sync(session.store.delete(key))


def key_of(path: str, coords: tuple[int, ...] | None = None) -> str:
    """The Zarr key of a node's metadata, or of one of its chunks."""
    last = "zarr.json" if coords is None else "/".join(["c", *map(str, coords)])
    return f"{path}/{last}".lstrip("/")


def check_with_zarr(session: Any, tree: Tree) -> None:
    """Every array as zarr reads it."""
    for path, node in tree.items():
        if node.grid is not None:
            found = np.asarray(zarr.open_array(session.store, path=path[1:], mode="r")[...])
            full = np.zeros([count * CHUNK_LENGTH for count in node.grid], dtype="<i8")
            for coords, data in node.chunks.items():
                full[tuple(slice(i * CHUNK_LENGTH, (i + 1) * CHUNK_LENGTH) for i in coords)] = np.frombuffer(
                    data, "<i8"
                ).reshape([CHUNK_LENGTH] * len(coords))
            np.testing.assert_array_equal(found, full[tuple(slice(size) for size in found.shape)])


def shown(diff: Any) -> dict[str, Any]:
    """The fields of a ``Diff``, alike for both packages."""
    found = {name: getattr(diff, name) for name in DIFF_FIELDS if hasattr(diff, name)}
    found["updated_chunks"] = {path: sorted(map(list, chunks)) for path, chunks in found["updated_chunks"].items()}
    return found


def expected_diff(log: Log, old: Tree, new: Tree) -> dict[str, Any]:
    """What a ``Diff`` says of a log: nodes of neither tree are left out."""
    nodes = {node.token: (path, node.is_array) for tree in (old, new) for path, node in tree.items()}

    def named(tokens: Any, *, arrays: bool) -> set[str]:
        return {nodes[token][0] for token in tokens if token in nodes and nodes[token][1] == arrays}

    return {
        "new_groups": named(log.new, arrays=False),
        "new_arrays": named(log.new, arrays=True),
        "deleted_groups": named(log.deleted, arrays=False),
        "deleted_arrays": named(log.deleted, arrays=True),
        "updated_groups": named(log.updated, arrays=False),
        "updated_arrays": named(log.updated, arrays=True),
        "updated_chunks": {
            nodes[token][0]: sorted(map(list, coords)) for token, coords in log.chunks.items() if token in nodes
        },
        "moved_nodes": [(source, target) for _, source, target in log.moves],
    }
