"""Standing in for the official package; each case in a process of its own."""

import os
import subprocess
import sys

import pytest


def run(program: str) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_official_name_gives_the_same_objects() -> None:
    assert (
        run(
            """
import frazil, frazil.storage, sys
from frazil.compat import install_as_icechunk
install_as_icechunk()
install_as_icechunk()
import icechunk, icechunk.storage, icechunk.virtual, pickle
from icechunk.credentials import s3_from_env_credentials
from icechunk import Repository, storage
import frazil.virtual, frazil.credentials
assert icechunk is frazil
assert icechunk.storage is frazil.storage is storage
assert icechunk.virtual is frazil.virtual
assert s3_from_env_credentials is frazil.credentials.s3_from_env_credentials
assert frazil.virtual.__spec__.name == "frazil.virtual"
assert pickle.loads(pickle.dumps(Repository)) is frazil.Repository
print(sum(1 for finder in sys.meta_path if type(finder).__module__ == "frazil.compat"))
"""
        )
        == "1"
    )


def test_optional_modules_are_not_loaded_until_they_are_asked_for() -> None:
    assert (
        run(
            """
import sys
from frazil.compat import install_as_icechunk
install_as_icechunk()
import icechunk
print([name for name in ("xarray", "dask", "distributed", "hypothesis") if name in sys.modules])
"""
        )
        == "[]"
    )


@pytest.mark.parametrize("name", ["icechunk._core", "icechunk._exceptions.x", "icechunk.nothing", "icechunk.store._x"])
def test_private_and_unknown_modules_are_not_found(name: str) -> None:
    found = run(
        f"""
import importlib, sys
from frazil.compat import install_as_icechunk
install_as_icechunk()
try:
    importlib.import_module({name!r})
except ModuleNotFoundError as missing:
    print(missing.name, sorted(set(sys.modules) & {{"icechunk._core", {name!r}}}))
"""
    )
    assert found == f"{name} []"


def test_names_of_private_modules_that_have_no_other_home() -> None:
    found = run(
        """
import frazil, frazil.config, frazil.errors, frazil.repository, frazil.storage, frazil.testing
from frazil.compat import install_as_icechunk
install_as_icechunk()
from icechunk._exceptions import ErrorKind, NotFoundError
from icechunk._icechunk_python import (
    ChunkStorageStats, LatencyStorage, RepoUpdateRetryConfig, SnapshotInfo, StorageObjectInfo, _all_error_kinds,
)
import icechunk._icechunk_python as compiled
assert (ErrorKind, NotFoundError) == (frazil.ErrorKind, frazil.NotFoundError)
assert RepoUpdateRetryConfig is frazil.config.RepoUpdateRetryConfig
assert ChunkStorageStats is frazil.repository.ChunkStorageStats
assert StorageObjectInfo is frazil.storage.StorageObjectInfo
assert LatencyStorage is frazil.testing.LatencyStorage
assert SnapshotInfo is frazil.SnapshotInfo
assert set(_all_error_kinds()) == {kind.value for kind in ErrorKind}
try:
    compiled.PyRepository
except AttributeError as missing:
    print(missing)
"""
    )
    assert found == "frazil has nothing in the place of the compiled `PyRepository`"


@pytest.mark.parametrize("loaded", ["icechunk", "icechunk.store"])
def test_it_refuses_once_the_official_package_is_loaded(loaded: str) -> None:
    found = run(
        f"""
import sys, types
sys.modules[{loaded!r}] = types.ModuleType({loaded!r})
from frazil.compat import install_as_icechunk
try:
    install_as_icechunk()
except RuntimeError as refused:
    print(refused, type(sys.modules[{loaded!r}]).__name__)
"""
    )
    assert found.startswith(f"the official package is loaded already ({loaded})")
    assert "install_as_icechunk() first" in found
