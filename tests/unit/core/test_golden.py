"""The golden repositories, file by file, against what a correct reader sees in them."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from frazil._core import ChunkRef, Manifest, Snapshot, TransactionLog, decode_id, encode_id

GOLDEN = Path(__file__).parents[2] / "golden"
KINDS = {1: "native", 2: "virtual", 3: "inline"}


@pytest.fixture(params=["v1", "v2"])
def root(request):
    return GOLDEN / request.param


@pytest.fixture
def expected(root):
    return json.loads((root / "expected.json").read_text())


def described(ref: ChunkRef) -> dict[str, Any]:
    """A reference as expected.json puts it: what its kind has."""
    return {
        "kind": KINDS[ref.kind],
        "length": ref.length,
        "offset": ref.offset,
        "chunk_id": ref.chunk_id and encode_id(ref.chunk_id),
        "location": ref.location,
        "etag": ref.etag,
        "last_modified": ref.last_modified,
    }


def test_nodes_and_references(root, expected):
    manifests = {
        path.name: Manifest.decode(path.read_bytes(), decode_id(path.name, 12))
        for path in (root / "repo" / "manifests").iterdir()
    }
    arrays = 0
    for name, wanted in expected["snapshots"].items():
        snapshot = Snapshot.decode((root / "repo" / "snapshots" / name).read_bytes(), decode_id(name, 12))
        assert (snapshot.message, snapshot.file_spec_version) == (wanted["message"], wanted["file_spec_version"])
        assert [node[1] for node in snapshot.nodes()] == sorted(wanted["nodes"], key=str.encode)
        for node_id, path, document, array in snapshot.nodes():
            node = wanted["nodes"][path]
            assert encode_id(node_id) == node["id"]
            assert hashlib.sha256(document).hexdigest() == node["zarr_json_sha256"]
            assert snapshot.node_kind(path) == node["type"]
            if array is None:
                continue
            shape, names, refs = array
            assert [list(dimension) for dimension in shape] == node["shape"]
            assert (None if names is None else list(names)) == node["dimension_names"]
            assert [[list(extent) for extent in extents] for _, extents in refs] == node["manifest_extents"]
            found = {
                "/".join(["c", *map(str, coords)]): described(ref)
                for manifest_id, _ in refs
                for coords, ref in manifests[encode_id(manifest_id)].refs(node_id)
            }
            assert found.keys() == node["chunk_refs"].keys(), path
            for key, ref in node["chunk_refs"].items():
                assert {field: found[key][field] for field in ref if field in found[key]} == {
                    field: value for field, value in ref.items() if field in found[key]
                }, (path, key)
            arrays += 1
    assert arrays > 50


def test_transaction_logs(root, expected):
    for name, wanted in expected["transaction_logs"].items():
        log = TransactionLog.decode((root / "repo" / "transactions" / name).read_bytes(), decode_id(name, 12))
        assert encode_id(log.id) == name
        for field in (
            "new_groups",
            "new_arrays",
            "deleted_groups",
            "deleted_arrays",
            "updated_groups",
            "updated_arrays",
        ):
            assert [encode_id(node) for node in getattr(log, field)] == wanted[field]
        chunks = {encode_id(node): [list(row) for row in rows] for node, rows in log.updated_chunks}
        assert chunks == {node: sorted(rows) for node, rows in wanted["updated_chunks"].items()}
        assert len(log.moves) == len(wanted.get("moved_nodes", []))


def test_every_file_is_named_after_its_id(root):
    for folder, kind in (("snapshots", Snapshot), ("manifests", Manifest), ("transactions", TransactionLog)):
        for path in (root / "repo" / folder).iterdir():
            assert kind.decode(path.read_bytes(), decode_id(path.name, 12)).id == decode_id(path.name, 12)
