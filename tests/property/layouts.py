"""Small thresholds for the layout of large arrays, and what must hold of every array's manifests."""

from __future__ import annotations

import json
from itertools import combinations

import pytest

import frazil
from frazil.commit import layout, manifests
from frazil.format.ids import parse_snapshot_id
from frazil.format.node_path import NodePath
from frazil.format.records import NodeRecord


def shrink(patch: pytest.MonkeyPatch) -> None:
    """Make arrays of a dozen chunks large ones."""
    patch.setattr(layout, "LARGE_ARRAY", 12)
    patch.setattr(layout, "MANY_ARRAYS", 1)
    patch.setattr(layout, "SMALL_MANIFESTS", 3)
    patch.setattr(layout, "_TOO_MANY", 6)
    patch.setattr(manifests, "_MOST_REFS", 20)
    patch.setattr(manifests, "_TARGET_REFS", 13)
    patch.setattr(manifests, "_SHARES_BELOW", 6)
    patch.setattr(manifests, "_SHARED_REFS", 9)


def array_document(shape: tuple[int, ...]) -> bytes:
    return json.dumps(
        {
            "zarr_format": 3,
            "node_type": "array",
            "shape": shape,
            "data_type": "uint8",
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [1] * len(shape)}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": 0,
            "codecs": [{"name": "bytes"}],
        }
    ).encode()


def refs_of(repo: frazil.Repository, snapshot: str, path: str) -> dict[tuple[int, ...], object]:
    """Every reference of an array, from its manifests; what the format asks of manifests is asserted on the way."""
    tree = repo.readonly_session(snapshot_id=snapshot)._session.tree
    base = tree.context.assets.snapshot(parse_snapshot_id(snapshot))
    found = base.node(path)
    assert found is not None
    node = NodeRecord.from_tuple(found)
    assert node.array is not None
    refs: dict[tuple[int, ...], object] = {}
    for ref in node.array.manifests:
        listed = base.manifest_file(ref.id)
        assert listed is not None
        manifest = tree.context.assets.manifest(ref.id, listed[1])
        assert manifest.num_refs == listed[2]
        here = dict(manifest.refs(node.id))
        assert here, "an array has no manifest without references of it"
        box = tuple((min(axis), max(axis) + 1) for axis in zip(*here, strict=True))
        assert ref.extents == box
        assert not refs.keys() & here.keys()
        refs |= here
    for a, b in combinations(node.array.manifests, 2):
        assert not all(x[0] < y[1] and y[0] < x[1] for x, y in zip(a.extents, b.extents, strict=True))
    return refs


def num_manifests(repo: frazil.Repository, snapshot: str, path: str) -> int:
    tree = repo.readonly_session(snapshot_id=snapshot)._session.tree
    node = tree.existing_array(NodePath(path))
    assert node.array is not None
    return len(node.array.manifests)
