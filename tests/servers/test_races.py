"""On every server, processes that race on one branch lose nothing, and nothing is in the history that none reported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zarr

import frazil
from tests.servers.place import Place
from tests.servers.places import S3_SERVERS, SERVERS, place

pytestmark = pytest.mark.server

OFFICIAL_SPEC = 1 if sys.version_info < (3, 12) else 2
"""What the official package writes: 1.1.21 on Python 3.11, 2.3.0 later."""


def race(where: Place, seconds: float, packages: list[str], *, spec_version: int = 2) -> list[tuple[list[str], int]]:
    """Let writers race; checks the history and the data, and returns each one's commits and conflicts."""
    repo = frazil.Repository.create(where.storage(), spec_version=spec_version)
    writers = len(packages)
    with repo.transaction("main", message="start") as store:
        # 800 bytes: too large to be kept in a manifest
        zarr.create_array(store, name="a", shape=(writers, 100), chunks=(1, 100), dtype="i8", compressors=None)
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("racing.py")), where.text(), str(seconds), *packages],
        capture_output=True,
        text=True,
        timeout=seconds + 200,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    outcomes: list[tuple[list[str], int]] = [(ids, conflicts) for ids, conflicts in json.loads(done.stdout)]

    reported = [commit for ids, _ in outcomes for commit in ids]
    history = [entry.id for entry in repo.ancestry(branch="main")]
    assert len(reported) == len(set(reported))
    assert set(reported) == set(history[:-2])
    assert len(history) == len(reported) + 2
    final = zarr.open_array(repo.readonly_session("main").store, path="a", mode="r")[:]
    np.testing.assert_array_equal(final, np.repeat([[len(ids)] for ids, _ in outcomes], 100, axis=1))
    for package in sorted(set(packages)):
        mine = [outcome for outcome, name in zip(outcomes, packages, strict=True) if name == package]
        commits, conflicts = sum(len(ids) for ids, _ in mine), sum(number for _, number in mine)
        print(f"{package}: {commits} commits, {conflicts} conflicts settled, none lost")
    return outcomes


@pytest.mark.parametrize("server", SERVERS)
def test_eight_processes_lose_nothing(server: str) -> None:
    outcomes = race(place(server), 2, ["frazil"] * 8)
    assert all(ids for ids, _ in outcomes)


@pytest.mark.soak
@pytest.mark.parametrize("server", SERVERS)
def test_eight_processes_lose_nothing_in_a_minute(server: str) -> None:
    race(place(server), 60, ["frazil"] * 8)


@pytest.mark.interop
@pytest.mark.parametrize("server", S3_SERVERS)
def test_writers_of_both_packages_lose_nothing(server: str) -> None:
    pytest.importorskip("icechunk", reason="the official package is not installed")
    race(place(server), 2, ["frazil", "icechunk"] * 2, spec_version=OFFICIAL_SPEC)


@pytest.mark.soak
@pytest.mark.interop
@pytest.mark.parametrize("server", S3_SERVERS)
def test_writers_of_both_packages_lose_nothing_in_a_minute(server: str) -> None:
    pytest.importorskip("icechunk", reason="the official package is not installed")
    race(place(server), 60, ["frazil", "icechunk"] * 4, spec_version=OFFICIAL_SPEC)


@pytest.mark.interop
@pytest.mark.parametrize("server", S3_SERVERS)
def test_conflicts_between_the_packages_are_reported_on_both_sides(server: str) -> None:
    official = pytest.importorskip("icechunk", reason="the official package is not installed")
    where = place(server)
    frazil.Repository.create(where.storage(), spec_version=OFFICIAL_SPEC)
    repos = [package.Repository.open(where.storage(package)) for package in (frazil, official)]
    with repos[0].transaction("main", message="start") as store:
        zarr.create_array(store, name="a", shape=(4,), chunks=(1,), dtype="i4")
    for package, late, quick in ((frazil, *repos), (official, *reversed(repos))):
        base = late.lookup_branch("main")
        slow = late.writable_session("main")
        zarr.open_array(slow.store, path="a")[0] = 1
        with quick.transaction("main", message="first") as store:
            zarr.open_array(store, path="a")[0] = 2
        with pytest.raises(package.ConflictError) as caught:
            slow.commit("second")
        assert caught.value.expected_parent == base
        assert caught.value.actual_parent == quick.lookup_branch("main")
        with pytest.raises(package.RebaseFailedError):
            slow.rebase(package.ConflictDetector())
        slow.rebase(package.BasicConflictSolver(on_chunk_conflict=package.VersionSelection.UseOurs))
        slow.commit("second")
        assert zarr.open_array(quick.readonly_session("main").store, path="a", mode="r")[0] == 1
