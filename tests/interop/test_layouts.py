"""Arrays in many manifests, some of them shared between arrays: the official package reads them and commits on top."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import zarr

import frazil
from tests.property.layouts import num_manifests, shrink

pytestmark = pytest.mark.interop

NAMES = ["a", "b", "c"]
ROWS, COLUMNS = 30, 3


@pytest.fixture(scope="module")
def official() -> ModuleType:
    return pytest.importorskip("icechunk", reason="the official package is not installed")


@pytest.fixture(params=[1, 2])
def spec_version(request: pytest.FixtureRequest, official: ModuleType) -> int:
    if request.param == 2 and int(official.__version__.split(".")[0]) < 2:
        pytest.skip(f"icechunk {official.__version__} cannot open repositories of spec 2")
    return int(request.param)


def write(session: frazil.Session, expected: np.ndarray, rows: slice, names: list[str] = NAMES) -> None:
    for number, name in enumerate(names):
        array = zarr.open_array(session.store, path=name)
        expected[number, rows] += 1
        array[rows] = expected[number, rows]


def test_the_official_package_reads_every_layout_and_commits_on_top(
    official: ModuleType, spec_version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shrink(monkeypatch)
    repo = frazil.Repository.create(frazil.local_filesystem_storage(str(tmp_path)), spec_version=spec_version)
    expected = np.zeros((len(NAMES), ROWS, COLUMNS), "u1")
    session = repo.writable_session("main")
    for name in NAMES:
        zarr.create_array(
            session.store, name=name, shape=(ROWS, COLUMNS), chunks=(1, 1), dtype="u1", fill_value=0, compressors=None
        )
    write(session, expected, slice(0, 12))
    made = session.commit("36 chunks each")
    assert num_manifests(repo, made, "/a") > 1
    for at in range(12, 20):
        session = repo.writable_session("main")
        write(session, expected, slice(at, at + 1))
        made = session.commit("a row each")
        if at == 12:
            assert len(repo.list_manifest_files(made)) < sum(num_manifests(repo, made, f"/{n}") for n in NAMES)

    theirs = official.Repository.open(official.local_filesystem_storage(str(tmp_path)))
    store = theirs.readonly_session("main").store
    for number, name in enumerate(NAMES):
        assert np.array_equal(zarr.open_array(store, path=name, mode="r")[:], expected[number])
    session = theirs.writable_session("main")
    zarr.open_array(session.store, path="a")[13:15] = 77
    expected[0, 13:15] = 77
    zarr.open_array(session.store, path="b")[25] = 78
    expected[1, 25] = 78
    session.commit("theirs")
    store = theirs.readonly_session("main").store
    for number, name in enumerate(NAMES):
        assert np.array_equal(zarr.open_array(store, path=name, mode="r")[:], expected[number])

    session = repo.writable_session("main")
    write(session, expected, slice(14, 26))
    session.commit("ours on top of theirs")
    for package in (frazil, official):
        opened = package.Repository.open(package.local_filesystem_storage(str(tmp_path)))
        store = opened.readonly_session("main").store
        for number, name in enumerate(NAMES):
            assert np.array_equal(zarr.open_array(store, path=name, mode="r")[:], expected[number])
