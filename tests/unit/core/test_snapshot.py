"""Snapshots written and read, against dicts of nodes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frazil._core import Snapshot, decode_id, encode_snapshot, json_to_flexbuffer
from frazil.errors import IcechunkError

GOLDEN = Path(__file__).parents[2] / "golden"
ID, PARENT = bytes(range(12)), bytes(range(1, 13))
FILES = [(bytes([number]) * 12, number << 33, number) for number in range(4)]

PATHS = st.lists(st.sampled_from(["a", "a-", "b", "c", "ü"]), max_size=3).map(lambda parts: "/" + "/".join(parts))
DIMENSION = st.tuples(st.integers(0, 1000), st.integers(1, 1000)).map(lambda d: (d[0], -(-d[0] // d[1])))
ARRAYS = st.tuples(
    st.lists(DIMENSION, max_size=3).map(tuple),
    st.none() | st.lists(st.none() | st.sampled_from(["x", "time"]), max_size=3).map(tuple),
    st.lists(
        st.tuples(
            st.sampled_from(FILES).map(lambda file: file[0]),
            st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=3).map(tuple),
        ),
        max_size=3,
    ).map(tuple),
)
NODES = st.lists(
    st.tuples(st.binary(min_size=8, max_size=8), PATHS, st.binary(max_size=9), st.none() | ARRAYS),
    max_size=12,
    unique_by=lambda node: node[1],
)


def encode(nodes=(), *, base=None, removed=(), spec_version=2, chunk_lengths=None, files=FILES, metadata=()):
    return encode_snapshot(
        base=base,
        removed=removed,
        nodes=nodes,
        manifest_files=files,
        id=ID,
        parent_id=PARENT,
        flushed_at=2**63,
        message="mëssage",
        metadata=list(metadata),
        spec_version=spec_version,
        chunk_lengths=chunk_lengths or {},
        writer="frazil-test",
        level=3,
    )


def by_path(nodes):
    return sorted(nodes, key=lambda node: node[1].encode())


def below(path, prefix):
    return prefix == "/" or path == prefix or path.startswith(prefix + "/")


@given(NODES, PATHS, st.sampled_from([1, 2]))
def test_look_ups(nodes, prefix, spec_version):
    snapshot = Snapshot.decode(encode(nodes, spec_version=spec_version), ID)
    assert snapshot.nodes() == by_path(nodes)
    assert snapshot.num_nodes == len(nodes)
    assert snapshot.nodes(prefix) == by_path(node for node in nodes if below(node[1], prefix))
    kinds = {node[1]: "group" if node[3] is None else "array" for node in nodes}
    assert snapshot.paths(prefix) == [(node[1], kinds[node[1]], node[0]) for node in snapshot.nodes(prefix)]
    assert snapshot.node_kind(prefix) == kinds.get(prefix)
    assert snapshot.node(prefix) == next((node for node in nodes if node[1] == prefix), None)
    parents = [(path.rpartition("/")[0] or "/", path.rpartition("/")[2]) for path in kinds if path != "/"]
    assert sorted(snapshot.children(prefix)) == sorted(name for parent, name in parents if parent == prefix)
    used = {manifest for node in nodes if node[3] for manifest, _ in node[3][2]}
    assert snapshot.manifest_files() == [file for file in FILES if file[0] in used]
    for file in FILES:
        assert snapshot.manifest_file(file[0]) == (file if file[0] in used else None)


@given(NODES, NODES, st.lists(PATHS, max_size=5), st.sampled_from([1, 2]), st.sampled_from([1, 2]))
def test_a_commit_on_a_base(old, new, removed, old_version, new_version):
    base = Snapshot.decode(encode(old, spec_version=old_version), ID)
    expected = {node[1]: node for node in old if node[1] not in removed} | {node[1]: node for node in new}
    snapshot = Snapshot.decode(encode(new, base=base, removed=removed, spec_version=new_version), ID)
    assert snapshot.nodes() == by_path(expected.values())


def test_what_a_file_says_of_itself():
    value = json_to_flexbuffer('{"a": 1}')
    snapshot = Snapshot.decode(encode(metadata=[("z", b"raw"), ("a", value)]), ID)
    assert (snapshot.id, snapshot.parent_id, snapshot.flushed_at, snapshot.message) == (ID, None, 2**63, "mëssage")
    assert (snapshot.file_spec_version, snapshot.writer) == (2, "frazil-test")
    assert snapshot.metadata == [("a", value), ("z", b"raw")]
    assert Snapshot.decode(encode(spec_version=1), ID).parent_id == PARENT


def test_chunk_lengths_of_version_1():
    node = (bytes(8), "/a", b"{}", (((10, 3),), None, ()))
    assert Snapshot.decode(encode([node], spec_version=1, chunk_lengths={"/a": [4]}), ID).nodes() == [node]
    with pytest.raises(IcechunkError, match="cannot store") as caught:
        encode([node], spec_version=1, chunk_lengths={"/a": [5]})
    assert caught.value.kind == "unsupported-operation-for-version"


def test_a_manifest_whose_size_is_not_known():
    node = (bytes(8), "/a", b"{}", ((), None, ((ID, ()),)))
    with pytest.raises(IcechunkError) as caught:
        encode([node])
    assert caught.value.kind == "manifest-info-not-found"


def test_two_nodes_cannot_have_one_path():
    with pytest.raises(IcechunkError, match="same path"):
        encode([(bytes(8), "/a", b"", None), (bytes(8), "/a", b"", None)])


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_golden_snapshots_are_migrated(version):
    for path in (GOLDEN / version / "repo" / "snapshots").iterdir():
        base = Snapshot.decode(path.read_bytes(), decode_id(path.name, 12))
        again = Snapshot.decode(encode(base=base, files=[]), ID)
        assert again.nodes() == base.nodes()
        assert again.manifest_files() == base.manifest_files()
