"""Bad input gives the typed error, says what to do, and changes nothing."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zarr

import frazil
from frazil import FormatError, IcechunkError, Repository


def storage(path: Path) -> frazil.Storage:
    return frazil.local_filesystem_storage(str(path))


def contents(root: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(root)): file.read_bytes()
        for file in sorted(root.rglob("*"))
        if file.is_file() and file.name != ".frazil-lock"
    }


def read_everything(path: Path) -> None:
    repo = Repository.open(storage(path))
    for entry in repo.ancestry(branch="main"):
        if entry.parent_id is None:
            continue  # the first snapshot holds nothing
        root = zarr.open_group(repo.readonly_session(snapshot_id=entry.id).store, mode="r")
        for _, array in root.arrays():
            array[...]
    list(repo.list_branches())
    if repo.spec_version == 2:
        list(repo.ops_log())
    repo.diff(from_snapshot_id="1CECHNKREP0F1RSTCMT0", to_branch="main")


@pytest.fixture(params=[1, 2], ids=["v1", "v2"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A repository with two commits, inline and stored chunks."""
    where = tmp_path / "repo"
    repo = Repository.create(storage(where), spec_version=request.param)
    with repo.transaction("main", message="group", metadata={"k": [1, "x"]}) as store:
        root = zarr.create_group(store)
        root.create_array("small", shape=(4,), chunks=(2,), dtype="i4", compressors=None)[:] = 1
    with repo.transaction("main", message="array") as store:
        zarr.open_group(store).create_array("big", shape=(300,), chunks=(100,), dtype="f8", compressors=None)[:] = (
            np.arange(300)
        )
    repo.reset_branch("main", repo.lookup_branch("main"))
    return where


KINDS = {
    "snapshot": lambda path: sorted((path / "snapshots").iterdir()),
    "manifest": lambda path: sorted((path / "manifests").iterdir()),
    "transaction log": lambda path: sorted((path / "transactions").iterdir()),
    "top": lambda path: [path / "repo"] if (path / "repo").exists() else [path / "refs" / "branch.main" / "ref.json"],
}
DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "cut in the header": lambda data: data[: min(20, len(data) // 2)],
    "cut in the middle": lambda data: data[: len(data) // 2],
    "last byte missing": lambda data: data[:-1],
    "zeros": lambda data: bytes(len(data)),
    "text": lambda data: b"<html>not found</html>",
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_files(path: Path, kind: str, damage: str) -> None:
    if kind == "snapshot":
        # The initial snapshot is read for nothing that a reader does.
        files = [file for file in KINDS[kind](path) if file.name != "1CECHNKREP0F1RSTCMT0"]
    else:
        files = KINDS[kind](path)
    if kind == "transaction log":
        files = [file for file in files if file.name != "1CECHNKREP0F1RSTCMT0"]
    for file in files:
        original = file.read_bytes()
        file.write_bytes(DAMAGE[damage](original))
        before = contents(path)
        with pytest.raises(IcechunkError) as failure:
            read_everything(path)
        assert len(str(failure.value)) > 20
        assert contents(path) == before
        file.write_bytes(original)
    read_everything(path)


@pytest.mark.parametrize("kind", KINDS)
def test_flipped_bits_are_errors_or_harmless(path: Path, kind: str) -> None:
    """Never anything but our own errors: no panic, no hang, no other exception."""
    rng = random.Random(42)
    for file in KINDS[kind](path):
        original = file.read_bytes()
        for _ in range(60):
            damaged = bytearray(original)
            damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
            file.write_bytes(damaged)
            # Flipped bits may hit a zarr document or a path, which zarr then refuses in its own words.
            with contextlib.suppress(IcechunkError, ValueError, KeyError, TypeError), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                read_everything(path)
        file.write_bytes(original)
    read_everything(path)


@pytest.mark.parametrize("kind", ["snapshot", "manifest", "top"])
def test_a_newer_spec_version_says_upgrade(path: Path, kind: str) -> None:
    enveloped = [file for file in KINDS[kind](path) if file.name != "ref.json"]  # refs of spec 1 carry no version
    for file in enveloped or KINDS["snapshot"](path):
        data = bytearray(file.read_bytes())
        data[36] = 9
        file.write_bytes(data)
    with pytest.raises(FormatError, match=r"(?i)upgrade") as failure:
        read_everything(path)
    assert failure.value.kind == "unsupported-spec-version"


def test_missing_files(path: Path) -> None:
    for kind in ("snapshot", "manifest"):
        for file in KINDS[kind](path):
            if file.name == "1CECHNKREP0F1RSTCMT0":
                continue
            moved = file.rename(path.parent / "moved")
            with pytest.raises(IcechunkError, match="object not found"):
                read_everything(path)
            moved.rename(file)
    chunks = sorted((path / "chunks").iterdir())
    assert len(chunks) == 3
    chunks[0].unlink()
    with pytest.raises(IcechunkError, match="object not found"):
        read_everything(path)


def test_a_truncated_chunk(path: Path) -> None:
    chunk = min((path / "chunks").iterdir())
    chunk.write_bytes(chunk.read_bytes()[:100])
    with pytest.raises(IcechunkError):
        read_everything(path)


def test_nothing_there(tmp_path: Path) -> None:
    for where in (tmp_path / "missing", tmp_path):
        with pytest.raises(frazil.RepositoryNotFoundError, match="the repository doesn't exist"):
            Repository.open(storage(where))
        assert not Repository.exists(storage(where))
        assert Repository.fetch_spec_version(storage(where)) is None
    assert not (tmp_path / "missing").exists()


def test_a_half_copied_repository(path: Path) -> None:
    if (path / "repo").exists():
        (path / "repo").unlink()
    else:
        shutil.rmtree(path / "refs")
    with pytest.raises(frazil.RepositoryNotFoundError, match="not complete"):
        Repository.open(storage(path))


def test_a_file_where_the_directory_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for attempt in (Repository.open, Repository.create):
        with pytest.raises(IcechunkError):
            attempt(storage(tmp_path / "file"))
    assert (tmp_path / "file").read_text() == "x"


def test_a_place_that_is_taken(tmp_path: Path) -> None:
    (tmp_path / "something").write_text("x")
    with pytest.raises(frazil.InvalidInputError, match="clean prefixes") as failure:
        Repository.create(storage(tmp_path))
    assert failure.value.kind == "parent-directory-not-clean"
    assert contents(tmp_path) == {"something": b"x"}
    Repository.create(storage(tmp_path), check_clean_root=False)
    before = contents(tmp_path)
    with pytest.raises(frazil.ConflictError) as conflict:
        Repository.create(storage(tmp_path), check_clean_root=False)
    assert conflict.value.kind == "repo-info-updated"
    assert contents(tmp_path) == before


def test_wrong_names_and_ids(path: Path) -> None:
    repo = Repository.open(storage(path))
    before = contents(path)
    session = repo.writable_session("main")
    attempts: list[tuple[type[Exception], str, Callable[[], object]]] = [
        (frazil.RefNotFoundError, "ref-not-found", lambda: repo.readonly_session("nope")),
        (frazil.RefNotFoundError, "ref-not-found", lambda: repo.writable_session("nope")),
        (frazil.RefNotFoundError, "ref-not-found", lambda: repo.readonly_session(tag="nope")),
        (frazil.RefNotFoundError, "ref-not-found", lambda: repo.delete_branch("nope")),
        (frazil.RefNotFoundError, "ref-not-found", lambda: repo.delete_tag("nope")),
        (frazil.InvalidInputError, "invalid-snapshot-id", lambda: repo.readonly_session(snapshot_id="nope")),
        (frazil.InvalidInputError, "invalid-snapshot-id", lambda: repo.create_tag("t", "nope")),
        (frazil.SessionStateError, "cannot-delete-main", lambda: repo.delete_branch("main")),
        (frazil.InvalidInputError, "invalid-path", lambda: session.get_node_id("relative")),
        (frazil.NodeNotFoundError, "node-not-found", lambda: session.get_node_id("/nope")),
        (frazil.InvalidInputError, "not-an-array", lambda: session.chunk_type("/", [0])),
        (frazil.InvalidInputError, "invalid-key", lambda: session.store.get_sync("nonsense")),
        (frazil.InvalidInputError, "invalid-key", lambda: session.store.get_sync("a/../zarr.json")),
        (frazil.InvalidInputError, "not-an-array", lambda: session.store.get_sync("c/0")),
        (frazil.InvalidInputError, "invalid-chunk-index", lambda: session.store._store.write("small/c/7", b"x")),
        (frazil.InvalidInputError, "invalid-chunk-index", lambda: session.store._store.write("small/c/0/0", b"x")),
        (frazil.InvalidInputError, "zero-length-chunk", lambda: session.store._store.write("small/c/0", b"")),
        (frazil.NodeNotFoundError, "node-not-found", lambda: session.store._store.write("nope/c/0", b"x")),
        (frazil.InvalidInputError, "bad-metadata", lambda: session.store._store.write("g/zarr.json", b"{")),
        (frazil.InvalidInputError, "bad-metadata", lambda: session.store._store.write("g/zarr.json", b"[]")),
        (frazil.SessionStateError, "unimplemented", lambda: session.store._store.write("g/.zgroup", b"{}")),
    ]
    for cls, kind, attempt in attempts:
        with pytest.raises(cls) as failure:
            attempt()
        assert getattr(failure.value, "kind", None) == kind, failure.value
    for bad in ({}, {"branch": "main", "tag": "x"}):
        with pytest.raises(ValueError, match="Must provide one of branch, tag, or snapshot_id"):
            repo.readonly_session(**bad)  # type: ignore[arg-type]
    unknown = "AAAAAAAAAAAAAAAAAAA0"
    expected = frazil.SnapshotNotFoundError if repo.spec_version == 2 else frazil.StorageError
    for attempt in (
        lambda: repo.readonly_session(snapshot_id=unknown),
        lambda: repo.create_branch("b", unknown),
        lambda: repo.create_tag("t", unknown),
    ):
        with pytest.raises((frazil.SnapshotNotFoundError, expected)):
            attempt()
    assert not session.has_uncommitted_changes
    assert contents(path) == before


WRITER = """
import os, resource, signal, sys
import numpy as np, zarr, frazil
data = np.random.default_rng(0).random((9, 50_000))
with frazil.Repository.create(frazil.in_memory_storage()).transaction("main", message="have all modules") as store:
    zarr.create_group(store).create_array("a", shape=(2,), dtype="f8", compressors=None)[:] = 1
{prelude}
storage = frazil.local_filesystem_storage(sys.argv[1])
repo = frazil.Repository.open(storage)
session = repo.writable_session("main")
try:
    array = zarr.open_group(session.store).create_array("more", shape=(9, 50_000), chunks=(1, 50_000), dtype="f8", compressors=None)
    array[:] = data
    session.commit("more")
except frazil.IcechunkError as failure:
    print(type(failure).__name__, failure.kind, failure)
else:
    print("committed")
"""


def attempt_to_write(path: Path, prelude: str) -> str:
    script = WRITER.format(prelude=prelude)
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_a_full_disk(path: Path) -> None:
    """A limit on the size of files stands for the disk, so that this runs everywhere."""
    before = contents(path)
    out = attempt_to_write(
        path,
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))",
    )
    assert out.startswith("StorageError"), out
    assert {name: data for name, data in contents(path).items() if name in before} == before
    read_everything(path)
    assert attempt_to_write(path, "") == "committed\n"


def test_a_real_full_disk(path: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small tmpfs needs root; run as root, or rely on test_a_full_disk")
    try:
        shutil.copytree(path, disk / "repo")
        before = contents(disk / "repo")
        out = attempt_to_write(disk / "repo", "")
        assert out.startswith("StorageError"), out
        assert "space" in out
        assert {name: data for name, data in contents(disk / "repo").items() if name in before} == before
        read_everything(disk / "repo")
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_read_only_directory(path: Path) -> None:
    # Root may write anywhere, so it becomes somebody else, who may not pass through pytest's own folders.
    prelude = "os.setgid(65534); os.setuid(65534)" if os.geteuid() == 0 else ""
    with tempfile.TemporaryDirectory(prefix="frazil-") as public:
        Path(public).chmod(0o755)
        copy = Path(public) / "repo"
        shutil.copytree(path, copy)
        directories = [copy, *(found for found in copy.rglob("*") if found.is_dir())]
        before = contents(copy)
        for directory in directories:
            directory.chmod(0o555)
        try:
            out = attempt_to_write(copy, prelude)
            assert out.startswith(("StorageError", "ReadOnlyError")), out
            assert "permission" in out.lower() or "read-only" in out.lower()
            assert contents(copy) == before
            read_everything(copy)
        finally:
            for directory in directories:
                directory.chmod(0o755)
