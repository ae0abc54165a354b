"""Virtual references written by one package and read by the other."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
import zarr

import frazil
from tests.unit.virtual.repositories import folder_url

pytestmark = pytest.mark.interop

COUNT = 1200  # past the number from which locations are compressed
LATE = datetime(2100, 1, 1, tzinfo=UTC)


def is_current(official: ModuleType) -> bool:
    """Whether it knows spec version 2 and names."""
    return int(official.__version__.partition(".")[0]) >= 2


@pytest.fixture(scope="module")
def official() -> ModuleType:
    return pytest.importorskip("icechunk", reason="the official package is not installed")


@pytest.fixture(params=["frazil", "icechunk"])
def writer(request: pytest.FixtureRequest, official: ModuleType) -> ModuleType:
    return importlib.import_module(request.param)


@pytest.fixture
def reader(writer: ModuleType, official: ModuleType) -> ModuleType:
    return official if writer is frazil else frazil


@pytest.fixture(params=[1, 2], ids=["v1", "v2"])
def spec_version(request: pytest.FixtureRequest, official: ModuleType) -> int:
    if request.param == 2 and not is_current(official):
        pytest.skip("the official package that is installed knows version 1 only")
    version: int = request.param
    return version


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "external data"
    made.mkdir()
    for number in range(4):
        (made / f"part é {number}.bin").write_bytes(
            np.arange(number * 1000, number * 1000 + 1000, dtype="<i4").tobytes()
        )
    return made


def expected(folder: Path) -> Iterator[int]:
    for chunk in range(COUNT):
        yield (chunk % 4) * 1000 + chunk // 4


def prefix_of(folder: Path) -> str:
    """With the space as it is: the official package compares prefixes with decoded URLs when it reads."""
    return f"file://{folder}/"


def access(package: ModuleType, folder: Path) -> dict[str, Any]:
    given = getattr(package.credentials, "LocalFileSystemAccess", None)  # 1.x has None for it
    return {prefix_of(folder): given}


def write(package: ModuleType, folder: Path, place: Path, spec_version: int) -> None:
    config = package.RepositoryConfig.default()
    prefix, store = prefix_of(folder), package.local_filesystem_store(str(folder))
    named = ["here"] if spec_version > 1 else []
    config.set_virtual_chunk_container(package.VirtualChunkContainer(prefix, store, *named))
    knows_versions = package is frazil or is_current(package)
    version = {"spec_version": spec_version} if knows_versions else {}
    repository = package.Repository.create(package.local_filesystem_storage(str(place)), config, **version)
    session = repository.writable_session("main")
    array = zarr.create_array(
        session.store, name="a", shape=(COUNT,), chunks=(1,), dtype="<i4", compressors=None, fill_value=0
    )
    assert array.nchunks == COUNT
    base = "vcc://here/" if spec_version > 1 else prefix
    specs = [
        package.VirtualChunkSpec(
            [chunk],
            f"{base if chunk % 2 else prefix}part é {chunk % 4}.bin",
            chunk // 4 * 4,
            4,
            None,
            LATE if chunk % 3 == 0 else None,
        )
        for chunk in range(COUNT)
    ]
    # And with encoded ones when it writes, so that no prefix of this folder satisfies it.
    assert session.store.set_virtual_refs("a", specs, validate_containers=package is frazil) is None
    session.commit("refer")


def test_the_other_package_reads_the_same(
    writer: ModuleType, reader: ModuleType, folder: Path, tmp_path: Path, spec_version: int
) -> None:
    write(writer, folder, tmp_path / "repo", spec_version)
    repository = reader.Repository.open(
        reader.local_filesystem_storage(str(tmp_path / "repo")),
        authorize_virtual_chunk_access=access(reader, folder),
    )
    session = repository.readonly_session("main")
    np.testing.assert_array_equal(zarr.open_array(session.store, path="a", mode="r")[:], list(expected(folder)))
    listed = set(session.all_virtual_chunk_locations())
    if reader is frazil:
        assert listed == {f"{folder_url(folder)}part%20%C3%A9%20{number}.bin" for number in range(4)}
    assert set(map(unquote, listed)) == {f"{prefix_of(folder)}part é {number}.bin" for number in range(4)}
