"""The official package reads what shares objects, commits on top of it, and collects garbage around it."""

from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import zarr

import frazil
from frazil.codec_pipeline import use_codec_pipeline

pytestmark = pytest.mark.interop

FUTURE = datetime(2100, 1, 1, tzinfo=UTC)
SHAPE, CHUNKS = (64, 4096), (4, 256)
"""256 chunks of 8 KiB, before they are compressed."""


@pytest.fixture(scope="module")
def official() -> ModuleType:
    return pytest.importorskip("icechunk", reason="the official package is not installed")


@pytest.fixture(params=[1, 2])
def spec(request: pytest.FixtureRequest, official: ModuleType) -> int:
    if request.param == 2 and int(official.__version__.split(".")[0]) < 2:
        pytest.skip(f"icechunk {official.__version__} cannot open repositories of spec 2")
    return int(request.param)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "repo"


def values(seed: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).normal(size=SHAPE)


@pytest.fixture(params=[None, "auto"], ids=["plain", "zstd"])
def data(request: pytest.FixtureRequest, spec: int, place: Path) -> np.ndarray[Any, Any]:
    """What Frazil wrote and committed."""
    repo = frazil.Repository.create(frazil.local_filesystem_storage(str(place)), spec_version=spec)
    session = repo.writable_session("main")
    with use_codec_pipeline():
        array = zarr.create_array(
            session.store, name="a", shape=SHAPE, chunks=CHUNKS, dtype="f8", compressors=request.param
        )
        array[:] = values(0)
    session.commit("packed")
    assert len(objects(place)) < 10
    return values(0)


def objects(place: Path) -> set[str]:
    return {file.name for file in (place / "chunks").glob("*")}


def opened(package: ModuleType, place: Path) -> Any:
    return package.Repository.open(package.local_filesystem_storage(str(place)))


def stored(package: ModuleType, place: Path) -> np.ndarray[Any, Any]:
    session = opened(package, place).readonly_session("main")
    return np.asarray(zarr.open_array(session.store, path="a", mode="r")[:])


def write(package: ModuleType, place: Path, rows: slice, value: Any) -> None:
    session = opened(package, place).writable_session("main")
    zarr.open_array(session.store, path="a")[rows] = value
    session.commit("more")


def tidy(package: ModuleType, place: Path) -> int:
    opened(package, place).expire_snapshots(datetime.now(UTC))
    return int(opened(package, place).garbage_collect(FUTURE).chunks_deleted)


def test_the_official_package_reads_them(official: ModuleType, place: Path, data: np.ndarray[Any, Any]) -> None:
    assert np.array_equal(stored(official, place), data)


def test_the_official_package_writes_and_collects_around_them(
    official: ModuleType, place: Path, data: np.ndarray[Any, Any]
) -> None:
    packs = objects(place)
    data[6:50, :] = values(1)[6:50]
    write(official, place, slice(6, 50), data[6:50])
    tidy(official, place)
    # The first and the last chunks are still where they were.
    assert objects(place) & packs
    for package in (official, frazil):
        assert np.array_equal(stored(package, place), data)
    write(official, place, slice(None), values(2))
    assert tidy(official, place) >= len(packs & objects(place))
    assert not objects(place) & packs
    for package in (official, frazil):
        assert np.array_equal(stored(package, place), values(2))


def test_both_collect_the_same(official: ModuleType, place: Path, data: np.ndarray[Any, Any]) -> None:
    write(official, place, slice(0, 32), 5.0)
    with use_codec_pipeline():
        write(frazil, place, slice(40, 64), values(3)[40:])
    data[:32], data[40:] = 5.0, values(3)[40:]
    tidy(official, place)
    assert tidy(frazil, place) == 0
    assert np.array_equal(stored(official, place), data)
