"""Processes that commit to one directory at the same time lose nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zarr

import frazil

WRITERS = 8


def race(path: Path, commits: int, *, kept: int | None = None) -> None:
    """``WRITERS`` processes make ``commits`` commits each; all are in the history, once, and so is all their data.

    With ``kept``, what is older than so many seconds is expired and collected meanwhile.
    """
    storage = frazil.local_filesystem_storage(str(path / "repo"))
    repo = frazil.Repository.create(storage)
    with repo.transaction("main", message="start") as store:
        zarr.create_array(store, name="a", shape=(WRITERS, commits), chunks=(1, 1), dtype="i4")
    script = str(Path(__file__).with_name("racing.py"))
    processes = [
        subprocess.Popen(
            [sys.executable, script, str(path / "repo"), str(writer), str(commits)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for writer in range(WRITERS)
    ]
    upkeep = None
    if kept is not None:
        command = [sys.executable, str(Path(__file__).with_name("upkeep.py")), str(path / "repo"), str(kept)]
        upkeep = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    reported: list[str] = []
    for process in processes:
        out, problem = process.communicate(timeout=4 * 3600)
        assert process.returncode == 0, problem[-4000:]
        reported += out.split()
    if upkeep is not None:
        out, problem = upkeep.communicate(timeout=600)
        assert upkeep.returncode == 0, problem[-4000:]
        print("rounds of upkeep, snapshots expired, snapshots collected:", out)
    history = [entry.id for entry in repo.ancestry(branch="main")]
    assert len(reported) == len(set(reported)) == WRITERS * commits
    assert len(history) == len(set(history))
    if kept is None:
        assert set(reported) == set(history[:-2])
        assert len(history) == WRITERS * commits + 2
    else:
        assert set(history[:-1]) <= set(reported)
    final = zarr.open_array(repo.readonly_session("main").store, path="a", mode="r")[:]
    np.testing.assert_array_equal(final, np.broadcast_to(np.arange(1, commits + 1), (WRITERS, commits)))


def test_eight_processes_lose_none_of_504_commits(tmp_path: Path) -> None:
    race(tmp_path, 63)


@pytest.mark.soak
def test_eight_processes_lose_none_of_10000_commits(tmp_path: Path) -> None:
    race(tmp_path, 1250)


@pytest.mark.soak
def test_eight_processes_lose_none_of_10000_commits_beside_expiration_and_collection(tmp_path: Path) -> None:
    race(tmp_path, 1250, kept=60)
