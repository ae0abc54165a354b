"""Files that the extension writes, read by the official package, and its values read by us."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frazil._core import (
    Manifest,
    ManifestBuilder,
    RepoInfo,
    Snapshot,
    TransactionLog,
    decode_id,
    encode_id,
    encode_snapshot,
    encode_transaction_log,
    flexbuffer_to_json,
    json_to_flexbuffer,
    json_to_msgpack,
    msgpack_to_json,
)
from tests.unit.core.test_values import same

pytestmark = pytest.mark.interop

GOLDEN = Path(__file__).parents[1] / "golden"
LISTS = ("new_groups", "new_arrays", "deleted_groups", "deleted_arrays", "updated_groups", "updated_arrays")

# Any JSON value but for what the official package changes on the way in: NUL in keys, floats that are not finite.
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
)
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6)
VALUES = st.recursive(
    SCALARS | TEXT | st.sampled_from(["x" * 255, "x" * 256]),
    lambda inner: (
        st.lists(inner, max_size=6)
        | st.lists(st.integers(0, 300), max_size=5)
        | st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=5)
        | st.dictionaries(TEXT, inner, max_size=5)
    ),
    max_leaves=20,
)
METADATA = st.dictionaries(TEXT, VALUES, max_size=6)


@pytest.fixture(scope="module")
def official() -> ModuleType:
    return pytest.importorskip("icechunk", reason="the official package is not installed")


@pytest.fixture(scope="module")
def official_2(official: ModuleType) -> ModuleType:
    if not hasattr(official.Repository, "set_metadata"):
        pytest.skip("the official package is too old for version 2 of the format")
    return official


@pytest.fixture(scope="module")
def repo_file(official_2: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository object of a new repository."""
    root = tmp_path_factory.mktemp("repository")
    official_2.Repository.create(official_2.local_filesystem_storage(str(root)))
    return root / "repo"


def open_official(official: ModuleType, root: Path) -> Any:
    return official.Repository.open(official.local_filesystem_storage(str(root)))


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(METADATA)
def test_flexbuffers_go_both_ways(official_2, repo_file, metadata):
    items = [(name, json_to_flexbuffer(json.dumps(value))) for name, value in metadata.items()]
    ours = RepoInfo.decode(repo_file.read_bytes()).edit(metadata=items)
    repo_file.write_bytes(ours.encode(writer="frazil-test", level=3))
    repo = open_official(official_2, repo_file.parent)
    assert same(repo.get_metadata(), metadata)

    repo.set_metadata(metadata)
    theirs = RepoInfo.decode(repo_file.read_bytes())
    assert theirs.writer != "frazil-test"
    assert same({name: json.loads(flexbuffer_to_json(value)) for name, value in theirs.metadata}, metadata)
    # Not only the same value: the same bytes.
    assert [name for name, _ in theirs.metadata] == [
        name for name, _ in sorted(items, key=lambda item: item[0].encode())
    ]
    assert dict(theirs.metadata) == dict(items)


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(METADATA)
def test_msgpack_goes_both_ways(official, tmp_path_factory, metadata):
    root = tmp_path_factory.mktemp("v1")
    version = {"spec_version": 1} if hasattr(official.Repository, "set_metadata") else {}
    repo = official.Repository.create(official.local_filesystem_storage(str(root)), **version)
    session = repo.writable_session("main")
    zarr.create_group(session.store)
    name = session.commit("commit", metadata=metadata)
    path = root / "snapshots" / name
    theirs = Snapshot.decode(path.read_bytes(), decode_id(path.name, 12))
    assert theirs.file_spec_version == 1
    assert same({key: json.loads(msgpack_to_json(value)) for key, value in theirs.metadata}, metadata)

    items = [(key, json_to_msgpack(json.dumps(value))) for key, value in [*metadata.items(), ("ours", [1, -1, 0.5])]]
    path.write_bytes(written(theirs, {}, metadata=items))
    newest = next(iter(open_official(official, root).ancestry(branch="main")))
    assert same(newest.metadata, {**metadata, "ours": [1, -1, 0.5]})


def written(snapshot: Snapshot, sizes: dict[bytes, int], **changes: Any) -> bytes:
    """The snapshot, written by us: with manifests of other sizes."""
    files = [(name, sizes.get(name, size), count) for name, size, count in snapshot.manifest_files()]
    given = {
        "base": snapshot,
        "removed": [],
        "nodes": [],
        "manifest_files": files,
        "id": snapshot.id,
        "parent_id": snapshot.parent_id,
        "flushed_at": snapshot.flushed_at,
        "message": snapshot.message,
        "metadata": snapshot.metadata,
        "spec_version": snapshot.file_spec_version,
        "chunk_lengths": {},
        "writer": "frazil-test",
        "level": 5,
    }
    return encode_snapshot(**{**given, **changes})


def rebuilt(manifest: Manifest, min_virtual_refs: int) -> bytes:
    builder = ManifestBuilder()
    for node, _ in manifest.arrays():
        rank = len(manifest.refs(node, 0, 1)[0][0])
        builder.add_array(node, [(0, 2**32 - 1)] * rank, [manifest], None)
    data, _ = builder.finish(
        id=manifest.id,
        spec_version=manifest.file_spec_version,
        writer="frazil-test",
        level=5,
        min_virtual_refs=min_virtual_refs,
        dictionary_samples=100,
        dictionary_bytes=2048,
        location_level=3,
    )
    return data


def relogged(log: TransactionLog) -> bytes:
    return encode_transaction_log(
        id=log.id,
        **{name: getattr(log, name) for name in LISTS},
        updated_chunks=log.updated_chunks,
        moves=log.moves,
        spec_version=log.file_spec_version,
        writer="frazil-test",
        level=5,
    )


def rewrite(root: Path, min_virtual_refs: int) -> None:
    """Write every metadata file of a repository again."""
    sizes = {}
    for path in (root / "manifests").iterdir():
        manifest = Manifest.decode(path.read_bytes(), decode_id(path.name, 12))
        data = rebuilt(manifest, min_virtual_refs)
        path.write_bytes(data)
        sizes[manifest.id] = len(data)
    for path in (root / "snapshots").iterdir():
        path.write_bytes(written(Snapshot.decode(path.read_bytes(), decode_id(path.name, 12)), sizes))
    for path in (root / "transactions").iterdir():
        path.write_bytes(relogged(TransactionLog.decode(path.read_bytes(), decode_id(path.name, 12))))
    objects = [root / "repo", *root.joinpath("overwritten").glob("repo.*")]
    for path in filter(Path.exists, objects):
        path.write_bytes(RepoInfo.decode(path.read_bytes()).encode(writer="frazil-test", level=5))


def check_arrays(session: Any, nodes: dict[str, Any]) -> int:
    """Read every array whose bytes are all in the repository; returns how many there were."""
    checked = 0
    for path, node in nodes.items():
        kinds = {ref["kind"] for ref in node.get("chunk_refs", {}).values()}
        # Reading rectilinear chunks is a switch that only new versions of zarr have.
        if node["type"] == "array" and "virtual" not in kinds and node["data_sha256"] and path != "/rect":
            data = np.ascontiguousarray(zarr.open_array(session.store, path=path, mode="r")[...])
            assert (
                hashlib.sha256(data.astype(node["dtype"].replace(">", "<")).tobytes()).hexdigest()
                == (node["data_sha256"])
            ), path
            checked += 1
    return checked


@pytest.mark.parametrize("min_virtual_refs", [1, 1000])
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_repository_written_anew_reads_the_same(official, tmp_path, version, min_virtual_refs, request):
    if version == "v2":
        request.getfixturevalue("official_2")
    root = tmp_path / "repo"
    shutil.copytree(GOLDEN / version / "repo", root)
    rewrite(root, min_virtual_refs)
    expected = json.loads((GOLDEN / version / "expected.json").read_text())
    repo = open_official(official, root)
    assert repo.list_branches() == set(expected["branches"])
    assert repo.list_tags() == set(expected["tags"])
    checked = 0
    for name, wanted in expected["snapshots"].items():
        session = repo.readonly_session(snapshot_id=name)
        refs = [ref for node in wanted["nodes"].values() for ref in node.get("chunk_refs", {}).values()]
        locations = {ref["location"] for ref in refs if ref["kind"] == "virtual"}
        # It tells where a relative location leads to.
        locations = {url.replace("vcc://local", f"file://{expected['virtual_root']}") for url in locations}
        assert set(session.all_virtual_chunk_locations()) == locations
        checked += check_arrays(session, wanted["nodes"])
    assert checked > 50
    for case in expected["diffs"]:
        found = repo.diff(from_snapshot_id=case["from"], to_snapshot_id=case["to"])
        assert sorted(found.new_arrays) == sorted(case["diff"]["new_arrays"])
        assert found.updated_chunks.keys() == case["diff"]["updated_chunks"].keys()
    if version == "v2":
        assert repo.get_metadata() == expected["repo_metadata"]
        assert len(list(repo.ops_log())) == len(expected["ops_log"])


def test_many_compressed_locations(official_2, tmp_path):
    """More virtual references than the threshold, some longer than can be compressed."""
    repo = official_2.Repository.create(official_2.local_filesystem_storage(str(tmp_path)))
    session = repo.writable_session("main")
    zarr.create_array(session.store, name="a", shape=(2000,), chunks=(1,), dtype="u1", compressors=None)
    wanted = [
        f"s3://bucket/archive/{number:05}.nc" + "y" * (1200 if number % 100 == 0 else 0) for number in range(2000)
    ]
    for number, location in enumerate(wanted):
        reference = {"location": location, "offset": 0, "length": 1, "validate_container": False}
        session.store.set_virtual_ref(f"a/c/{number}", **reference)
        if number == 998:
            # The official package compresses long ones too and cannot read them back: it must not see that many.
            session.commit("first")
            session = repo.writable_session("main")
            break
    manifests = [
        Manifest.decode(path.read_bytes(), decode_id(path.name, 12)) for path in (tmp_path / "manifests").iterdir()
    ]
    assert [manifest.compression()[0] for manifest in manifests] == [False]
    rewrite(tmp_path, 1)
    (path,) = (tmp_path / "manifests").iterdir()
    assert Manifest.decode(path.read_bytes(), decode_id(path.name, 12)).compression()[2] == 999 - 10
    session = open_official(official_2, tmp_path).readonly_session("main")
    assert set(session.all_virtual_chunk_locations()) == set(wanted[:999])
    assert encode_id(Manifest.decode(path.read_bytes(), decode_id(path.name, 12)).id) == path.name
