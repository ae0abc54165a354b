"""The virtual chunks of the golden repositories, which the official packages wrote."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

import frazil
from frazil.credentials import LocalFileSystemAccess
from frazil.format.node_path import NodePath

GOLDEN = Path(__file__).parents[2] / "golden"
# The place is part of the references.
DATA = Path("/tmp/frazil-virtual")
PREFIX = "file:///tmp/frazil-virtual/"


@pytest.fixture(scope="module", autouse=True)
def data() -> None:
    """Put the external files where the references say; they stay, for they are the same for every run."""
    for source in (GOLDEN / "virtual-data").rglob("*"):
        target = DATA / source.relative_to(GOLDEN / "virtual-data")
        if source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        elif not target.is_file() or target.read_bytes() != source.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


def virtual_arrays() -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """(version, snapshot id, path, expectation) of every array with virtual chunks."""
    for version in ("v1", "v2"):
        expected = json.loads((GOLDEN / version / "expected.json").read_text("utf-8"))
        for snapshot_id, snapshot in expected["snapshots"].items():
            for path, node in snapshot["nodes"].items():
                if any(ref["kind"] == "virtual" for ref in node.get("chunk_refs", {}).values()):
                    yield version, snapshot_id, path, node


ARRAYS = list(virtual_arrays())


@pytest.fixture(scope="module")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> dict[str, frazil.Repository]:
    found = {}
    for version in ("v1", "v2"):
        copy = tmp_path_factory.mktemp(version) / "repo"
        shutil.copytree(GOLDEN / version / "repo", copy)
        found[version] = frazil.Repository.open(
            frazil.local_filesystem_storage(str(copy)), authorize_virtual_chunk_access={PREFIX: LocalFileSystemAccess}
        )
    return found


def names(case: object) -> str:
    return str(case) if isinstance(case, str) else ""


def test_the_golden_repositories_have_virtual_chunks_of_all_forms() -> None:
    refs = [ref for *_, node in ARRAYS for ref in node["chunk_refs"].values() if ref["kind"] == "virtual"]
    assert any(ref["compressed"] for ref in refs)
    assert any(ref["location"].startswith("vcc://") for ref in refs)
    assert any(ref["etag"] for ref in refs)
    assert any(ref["last_modified"] for ref in refs)
    assert {version for version, *_ in ARRAYS} == {"v1", "v2"}


@pytest.mark.parametrize(("version", "snapshot_id", "path", "node"), ARRAYS, ids=names)
def test_references_are_read_as_written(
    repositories: dict[str, frazil.Repository], version: str, snapshot_id: str, path: str, node: dict[str, Any]
) -> None:
    session = repositories[version].readonly_session(snapshot_id=snapshot_id)
    tree = session._tree
    reader = tree.chunk_reader(tree.existing_array(NodePath(path)))
    for key, expected in node["chunk_refs"].items():
        if expected["kind"] == "virtual":
            found = reader.lookup([int(part) for part in key.split("/")[1:]])
            assert found is not None
            assert (found.location, found.offset, found.length) == tuple(
                expected[name] for name in ("location", "offset", "length")
            )
            assert (found.etag, found.last_modified) == (expected["etag"], expected["last_modified"])
    wanted = [ref["location"] for ref in node["chunk_refs"].values() if ref["kind"] == "virtual"]
    listed = [
        location
        for _, kinds, paths, *_ in session.store.array_chunk_iterator(path)
        for kind, location in zip(kinds, paths, strict=True)
        if kind == frazil.ChunkType.virtual
    ]
    assert sorted(listed) == sorted(location.replace("vcc://local/", PREFIX) for location in wanted)


@pytest.mark.parametrize(("version", "snapshot_id", "path", "node"), ARRAYS, ids=names)
def test_data_is_what_the_official_packages_read(
    repositories: dict[str, frazil.Repository], version: str, snapshot_id: str, path: str, node: dict[str, Any]
) -> None:
    store = repositories[version].readonly_session(snapshot_id=snapshot_id).store
    array = zarr.open_array(store, path=path.strip("/"), mode="r")
    if node["data_sha256"] is None:
        with pytest.raises(frazil.StorageError, match="the object owning the virtual chunk has changed") as raised:
            array[...]
        assert raised.value.kind == "virtual-chunk-modified"
    else:
        values = np.asarray(array[...]).astype(node["dtype"])
        assert hashlib.sha256(values.tobytes()).hexdigest() == node["data_sha256"]


def test_nothing_is_read_without_authorisation(tmp_path: Path) -> None:
    shutil.copytree(GOLDEN / "v2" / "repo", tmp_path / "repo")
    repository = frazil.Repository.open(frazil.local_filesystem_storage(str(tmp_path / "repo")))
    array = zarr.open_array(repository.readonly_session("main").store, path="virt_2d", mode="r")
    with pytest.raises(frazil.InvalidInputError, match=f"{PREFIX}.*authorize") as raised:
        array[...]
    assert raised.value.kind == "unauthorized-virtual-chunk-container"
