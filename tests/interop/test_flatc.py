"""The compiler of FlatBuffers as an oracle: it reads what we write, and we read what it writes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from numcodecs import Zstd  # type: ignore[import-untyped]

from frazil._core import Manifest, RepoInfo, Snapshot, TransactionLog
from tests.faults.bodies import own_id
from tests.interop.test_core_files import LISTS, rebuilt, relogged, written
from tests.servers.programs import program

pytestmark = pytest.mark.interop

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "docs" / "format.fbs"
GOLDEN = ROOT / "tests" / "golden"
HEADER = 39

# Folder of the golden repositories -> root table, and our file of a decoded one.
KINDS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "snapshots": ("Snapshot", lambda data: written(Snapshot.decode(data, own_id(data)), {})),
    "manifests": ("Manifest", lambda data: rebuilt(Manifest.decode(data, own_id(data)), 1 << 60)),
    "transactions": ("TransactionLog", lambda data: relogged(TransactionLog.decode(data, own_id(data)))),
    "overwritten": ("Repo", lambda data: RepoInfo.decode(data).encode(writer="frazil-test", level=3)),
}


def golden(folder: str) -> list[bytes]:
    paths = sorted(path for version in ("v1", "v2") for path in (GOLDEN / version / "repo" / folder).glob("*"))
    return [path.read_bytes() for path in paths if not path.name.startswith("config")]


def run(*arguments: str | Path) -> None:
    subprocess.run([program("flatc", "flatc"), *map(str, arguments)], check=True, capture_output=True, timeout=60)


def to_json(file: bytes, root: str, folder: Path) -> Any:
    """What flatc sees in a file."""
    (folder / "body.bin").write_bytes(Zstd().decode(file[HEADER:]))
    run("--json", "--strict-json", "--raw-binary", "--root-type", root, "-o", folder, SCHEMA, "--", folder / "body.bin")
    return json.loads((folder / "body.json").read_text())


def from_json(value: Any, root: str, header: bytes, folder: Path) -> bytes:
    """The file that flatc makes of it."""
    (folder / "made.json").write_text(json.dumps(value))
    run("--binary", "--root-type", root, "-o", folder, SCHEMA, folder / "made.json")
    (made,) = [path for path in folder.glob("made.*") if path.suffix != ".json"]
    data = made.read_bytes()
    made.unlink()
    return header + bytes(Zstd().encode(data))


def seen(file: bytes, root: str) -> Any:
    """What we see in a file."""
    if root == "Snapshot":
        snapshot = Snapshot.decode(file, own_id(file))
        about = (snapshot.id, snapshot.parent_id, snapshot.flushed_at, snapshot.message, snapshot.metadata)
        return about, snapshot.nodes(), snapshot.manifest_files()
    if root == "Manifest":
        manifest = Manifest.decode(file, own_id(file))
        return manifest.id, [(node, manifest.refs(node)) for node, _ in manifest.arrays()], manifest.compression()
    if root == "TransactionLog":
        log = TransactionLog.decode(file, own_id(file))
        return log.id, [getattr(log, name) for name in LISTS], log.updated_chunks, log.moves
    repo = RepoInfo.decode(file)
    refs = (repo.branches(), repo.tags(), repo.deleted_tags())
    flags = (repo.enabled_flags, repo.disabled_flags)
    return refs, repo.snapshots(), repo.updates(), repo.status, repo.metadata, repo.config, flags


@pytest.mark.parametrize("folder", KINDS)
def test_flatc_sees_the_same_in_our_files(folder, tmp_path):
    root, rewrite = KINDS[folder]
    for data in golden(folder):
        theirs, ours = to_json(data, root, tmp_path), to_json(rewrite(data), root, tmp_path)
        if root == "TransactionLog":
            # Old writers did not sort the coordinates, and version 1 has no moves.
            for chunks in theirs["updated_chunks"]:
                chunks["chunks"].sort(key=lambda row: row["coords"])
            for value in (theirs, ours):
                value.setdefault("moved_nodes", [])
        if root == "Snapshot" and theirs.get("manifest_files_v2") == []:
            # A snapshot of version 1 has this list too if a newer library wrote it.
            ours.setdefault("manifest_files_v2", [])
        if root == "Manifest":
            plain(theirs, data)
            plain(ours, rewrite(data))
        assert ours == theirs


def plain(manifest: dict[str, Any], file: bytes) -> None:
    """Put locations in the place of compressed ones, which differ from writer to writer."""
    manifest.pop("location_dictionary", None)
    manifest.pop("compression_algorithm", None)
    decoded = Manifest.decode(file, own_id(file))
    for array in manifest["arrays"]:
        refs = decoded.refs(bytes(array["node_id"]["bytes"]))
        for ref, (_, known) in zip(array["refs"], refs, strict=True):
            if ref.pop("compressed_location", None):
                ref["location"] = known.location


@pytest.mark.parametrize("folder", KINDS)
def test_we_see_the_same_in_the_files_of_flatc(folder, tmp_path):
    root, _ = KINDS[folder]
    for data in golden(folder):
        made = from_json(to_json(data, root, tmp_path), root, data[:HEADER], tmp_path)
        assert seen(made, root) == seen(data, root)
