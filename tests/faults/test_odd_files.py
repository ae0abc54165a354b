"""What is no regular file in the place of one, and links: docs/design/0012 says what is followed."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import zarr

import frazil
from frazil._core import ObjectStore
from frazil.errors import IcechunkError, StorageError
from tests.faults import odd_files


@pytest.mark.parametrize("spec_version", ["1", "2"])
def test_a_pipe_in_the_place_of_a_file_is_refused_and_not_waited_for(tmp_path: Path, spec_version: str) -> None:
    script = Path(odd_files.__file__)
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), spec_version],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]


def test_no_way_of_reading_waits_for_a_pipe_or_reads_a_device(tmp_path: Path) -> None:
    objects = ObjectStore.local(str(tmp_path), verbatim=True)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/zero")
    (tmp_path / "file").write_bytes(b"x")
    assert [meta.key for meta in objects.list()] == ["file"]
    for key in ("pipe", "device"):
        assert objects.head(key) is None
        for read in (
            lambda: objects.get(key),  # noqa: B023 - called at once
            lambda: objects.get(key, 0, 8),  # noqa: B023
            lambda: objects.get_versioned(key),  # noqa: B023
            lambda: objects.get_many([(key, 0, 8), ("file", 0, 1)]),  # noqa: B023
            lambda: objects.copy(key, "copy"),  # noqa: B023
        ):
            with pytest.raises(StorageError, match="no regular file") as caught:
                read()
            assert caught.value.kind == "io"
        objects.put(key, b"now a file")
        assert bytes(objects.get(key) or b"") == b"now a file"


def test_links_to_files_are_followed_and_what_they_lead_to_is_never_changed(tmp_path: Path) -> None:
    """As `git annex` keeps files; writing replaces the link, deleting removes it."""
    place, elsewhere = tmp_path / "repository", tmp_path / "elsewhere"
    repo = frazil.Repository.create(frazil.local_filesystem_storage(str(place)), odd_files.CONFIG)
    session = repo.writable_session("main")
    zarr.create_array(session.store, name="a", shape=(1,), chunks=(1,), dtype="i8", compressors=None)[:] = 7
    first = session.commit("1")
    elsewhere.mkdir()
    moved = {}
    for path in [path for path in place.rglob("*") if path.is_file() and path.name != ".frazil-lock"]:
        target = elsewhere / f"{path.parent.name}-{path.name}"
        moved[target] = path.read_bytes()
        path.rename(target)
        path.symlink_to(target)
    repo = frazil.Repository.open(frazil.local_filesystem_storage(str(place)), odd_files.CONFIG)
    session = repo.writable_session("main")
    array = zarr.open_array(session.store, path="a", mode="r+")
    assert array[0] == 7
    array[0] = 8
    session.commit("2")
    repo.reset_branch("main", "1CECHNKREP0F1RSTCMT0")
    summary = repo.garbage_collect(datetime.now(UTC) + timedelta(seconds=10))
    assert summary.snapshots_deleted == 2
    assert not (place / "snapshots" / first).is_symlink()
    assert {path: path.read_bytes() for path in elsewhere.iterdir()} == moved


def test_a_lock_file_that_is_a_link_makes_no_file_elsewhere(tmp_path: Path) -> None:
    repo = frazil.Repository.create(frazil.local_filesystem_storage(str(tmp_path / "repository")))
    lock = tmp_path / "repository" / ".frazil-lock"
    lock.unlink()
    lock.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(IcechunkError, match="lock"):
        repo.create_tag("t", repo.lookup_branch("main"))
    assert not (tmp_path / "elsewhere").exists()


def test_links_in_an_authorised_directory_lead_where_they_lead(tmp_path: Path) -> None:
    """Whoever may make them there decides what the directory offers."""
    place, outside, secret = tmp_path / "repository", tmp_path / "outside", tmp_path / "secret"
    outside.mkdir()
    (outside / "data").write_bytes(np.int64(3).tobytes())
    odd_files.create(place, outside, 2)
    secret.write_bytes(np.int64(9).tobytes())
    (outside / "data").unlink()
    (outside / "data").symlink_to(secret)
    root = zarr.open_group(odd_files.opened(place, outside).readonly_session("main").store, mode="r")
    assert root["v"][0] == 9
    (outside / "data").unlink()
    (outside / "data").symlink_to("/dev/zero")
    root = zarr.open_group(odd_files.opened(place, outside).readonly_session("main").store, mode="r")
    with pytest.raises(IcechunkError, match="no regular file"):
        root["v"][0]
