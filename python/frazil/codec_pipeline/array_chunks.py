"""Which array of a working tree the keys of a batch belong to."""

from __future__ import annotations

from dataclasses import dataclass

from frazil.format import zarr_metadata
from frazil.format.node_path import NodePath
from frazil.format.records import NodeRecord
from frazil.working_tree import WorkingTree


@dataclass(frozen=True, slots=True)
class ArrayChunks:
    """An array, and how the keys of its chunks are spelt: ``prefix``, then indices with ``separator`` between them."""

    node: NodeRecord
    prefix: str
    separator: str


def find_array(tree: WorkingTree, key: str, rank: int) -> ArrayChunks | None:
    """The array of ``rank`` dimensions that ``key`` is a chunk key of; None if there is none."""
    parts = key.split("/")
    # The last part alone, the indices without or with a leading "c": no other encoding is known.
    for length in sorted({1, rank, rank + 1}, reverse=True):
        if not 0 < length <= len(parts):
            continue
        path = "/".join(parts[:-length])
        node = tree.node(NodePath(f"/{path}"))
        if node is None or node.array is None or len(node.array.num_chunks) != rank:
            continue
        encoding = zarr_metadata.parse(node.user_data).key_encoding
        if encoding.decode("/".join(parts[-length:]), rank) is None:
            continue
        start = f"{path}/" if path else ""
        if rank == 0:
            return ArrayChunks(node, key, encoding.separator)
        if encoding.name != "v2":
            start += f"c{encoding.separator}"
        return ArrayChunks(node, start, encoding.separator)
    return None
