"""Puts a pipe in the place of each file of a repository in turn, and does everything: an error, and no waiting.

python odd_files.py DIRECTORY SPEC_VERSION
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import zarr

import frazil

CONFIG = frazil.RepositoryConfig(inline_chunk_threshold_bytes=0)


def create(place: Path, outside: Path, spec_version: int) -> frazil.Repository:
    config = frazil.RepositoryConfig(inline_chunk_threshold_bytes=0)
    config.set_virtual_chunk_container(
        frazil.VirtualChunkContainer(f"file://{outside}/", frazil.local_filesystem_store(str(outside)))
    )
    repo = frazil.Repository.create(frazil.local_filesystem_storage(str(place)), config, spec_version=spec_version)
    repo.save_config()
    session = repo.writable_session("main")
    root = zarr.create_group(session.store)
    root.create_array("a", shape=(2,), chunks=(1,), dtype="i8", compressors=None)[:] = 7
    root.create_array("v", shape=(1,), chunks=(1,), dtype="i8", compressors=None, filters=None)
    session.store.set_virtual_ref("v/c/0", f"file://{outside}/data", offset=0, length=8)
    session.commit("1")
    repo.create_tag("t", repo.lookup_branch("main"))
    return repo


def opened(place: Path, outside: Path) -> frazil.Repository:
    return frazil.Repository.open(
        frazil.local_filesystem_storage(str(place)),
        authorize_virtual_chunk_access={f"file://{outside}/": frazil.credentials.LocalFileSystemAccess},
    )


def read(place: Path, outside: Path) -> None:
    repo = opened(place, outside)
    root = zarr.open_group(repo.readonly_session(tag="t").store, mode="r")
    assert np.asarray(root["a"][:]).tolist() == [7, 7]
    assert np.asarray(root["v"][:]).tolist() == [3]
    list(repo.ancestry(branch="main"))


def change(place: Path, outside: Path) -> None:
    repo = opened(place, outside)
    session = repo.writable_session("main")
    zarr.open_array(session.store, path="a", mode="r+")[0] = 8
    session.commit("2")
    repo.create_branch("b", repo.lookup_branch("main"))
    repo.reset_branch("b", repo.lookup_tag("t"))
    repo.delete_branch("b")


def collect(place: Path, outside: Path) -> None:
    repo = opened(place, outside)
    repo.garbage_collect(datetime(2020, 1, 1, tzinfo=UTC))
    repo.chunk_storage_stats()


def main(directory: Path, spec_version: int) -> None:
    place, outside = directory / "repository", directory / "outside"
    outside.mkdir()
    (outside / "data").write_bytes(np.int64(3).tobytes())
    create(place, outside, spec_version)
    actions: list[Callable[[Path, Path], None]] = [read, change, collect]
    for act in actions:
        act(place, outside)
    files = [path for path in [*place.rglob("*"), outside / "data"] if path.is_file()]
    seen = set()
    for path in files:
        kept = directory / "kept"
        shutil.move(path, kept)
        os.mkfifo(path)
        for act in actions:
            try:
                act(place, outside)
            except frazil.IcechunkError:
                seen.add(path.relative_to(directory).parts[1])
        path.unlink()  # writers replace what is in their way
        shutil.move(kept, path)
    folders = {"chunks", "manifests", "snapshots", "data", ".frazil-lock"}
    assert seen >= folders | ({"refs", "config.yaml"} if spec_version == 1 else {"repo"}), seen
    read(place, outside)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
