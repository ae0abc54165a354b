"""Configurations beside the official package: the same merges, and files that either reads."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

import frazil
from frazil import config as c
from frazil.config.persistence import from_flexbuffer, from_yaml, to_flexbuffer, to_yaml
from frazil.format import keys
from tests.unit.config import configs

pytestmark = pytest.mark.interop

official = pytest.importorskip("icechunk", reason="the official package is not installed")
if int(official.__version__.split(".")[0]) < 2:
    pytest.skip("configurations of 1.x lack half of the fields", allow_module_level=True)

quick = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def theirs(config: Any) -> Any:
    """The same object made of the official package's classes, by evaluating our repr in its names."""
    compiled = __import__("icechunk._icechunk_python", fromlist=["RepoUpdateRetryConfig"])
    names = {name: getattr(official.config, name) for name in dir(official.config)}
    settings_names = {name: getattr(official.storage, name) for name in dir(official.storage)}
    package = SimpleNamespace(
        config=SimpleNamespace(
            **{
                **names,
                "RepoUpdateRetryConfig": compiled.RepoUpdateRetryConfig,
                "RepositoryConfig": official.RepositoryConfig,
                "ObjectStoreConfig": official.ObjectStoreConfig,
            }
        ),
        storage=SimpleNamespace(**settings_names),
        virtual=official.virtual,
        ChecksumAlgorithm=official.ChecksumAlgorithm,
        CompressionAlgorithm=official.CompressionAlgorithm,
    )
    return eval(repr(config), {"frazil": package})


def is_usable(config: c.RepositoryConfig) -> bool:
    """Whether the official package opens a repository with it in a directory.

    With no requests at once it waits for ever, and its directories know no metadata and no conditions.
    """
    stores = [found.store for found in (config.virtual_chunk_containers or {}).values()]
    if any(isinstance(store, c.ObjectStoreConfig.Azure) and "account" not in store.opts for store in stores):
        return False
    storage = config.storage or c.StorageSettings()
    unsupported = (storage.unsafe_use_metadata, storage.unsafe_use_conditional_update)
    return 0 not in (config.max_concurrent_requests, config.max_concurrent_decodes) and not any(unsupported)


@quick
@given(configs.repositories(), configs.repositories())
def test_merging(one: c.RepositoryConfig, other: c.RepositoryConfig) -> None:
    assert theirs(one).merge(theirs(other)) == theirs(one.merge(other))


@quick
@given(config=configs.repositories().filter(is_usable))
def test_they_read_our_repo_object(config: c.RepositoryConfig, tmp_path_factory: pytest.TempPathFactory) -> None:
    place = tmp_path_factory.mktemp("repo")
    frazil.Repository.create(frazil.local_filesystem_storage(place), config)
    found = official.Repository.fetch_config(official.local_filesystem_storage(str(place)))
    stored = frazil.Repository.fetch_config(frazil.local_filesystem_storage(place))
    assert (found is None) == (stored is None)
    if stored is not None:
        assert found == theirs(stored)


@quick
@given(config=configs.repositories().filter(is_usable))
def test_we_read_their_repo_object(config: c.RepositoryConfig, tmp_path_factory: pytest.TempPathFactory) -> None:
    place = tmp_path_factory.mktemp("repo")
    storage = official.local_filesystem_storage(str(place))
    official.Repository.create(storage, theirs(config))
    found = frazil.Repository.fetch_config(frazil.local_filesystem_storage(place))
    stored = official.Repository.fetch_config(storage)
    assert (found is None) == (stored is None)
    if found is not None:
        assert theirs(found) == stored
        info = frazil._core.RepoInfo.decode((place / keys.REPO).read_bytes())
        assert info.config is not None
        assert from_flexbuffer(to_flexbuffer(from_flexbuffer(info.config))) == found


@quick
@given(config=configs.repositories().filter(is_usable))
def test_config_yaml_both_ways(config: c.RepositoryConfig, tmp_path_factory: pytest.TempPathFactory) -> None:
    place = tmp_path_factory.mktemp("repo")
    storage = official.local_filesystem_storage(str(place))
    official.Repository.create(storage, spec_version=1)
    path = place / keys.CONFIG
    path.write_bytes(to_yaml(config))
    assert official.Repository.fetch_config(storage) == theirs(config)

    path.unlink()
    repository = official.Repository.open(storage, theirs(config))
    repository.save_config()
    ours = from_yaml(path.read_bytes())
    assert theirs(ours) == official.Repository.fetch_config(storage)


@pytest.mark.parametrize("cls", ["RepositoryConfig", "CachingConfig", "ManifestConfig", "StorageSettings", "S3Options"])
def test_the_same_displays(cls: str) -> None:
    ours, others = getattr(frazil, cls)(), getattr(official, cls)()
    assert repr(ours) == repr(others).replace("icechunk.", "frazil.")
    expected = str(others).replace("icechunk.", "frazil.").replace("DimCondition.any()", "DimCondition.Any()")
    assert str(ours) == expected


def test_files_that_are_not_ours_to_understand(tmp_path: Path) -> None:
    storage = official.local_filesystem_storage(str(tmp_path))
    official.Repository.create(storage, spec_version=1)
    for text in (
        "manifest: {preload: {preload_if: !sometimes 3}}",
        "inline_chunk_threshold_bytes: 65536",
        "caching: 3",
    ):
        (tmp_path / keys.CONFIG).write_text(text)
        with pytest.raises(official.IcechunkError):
            official.Repository.fetch_config(storage)
        with pytest.raises(frazil.FormatError):
            frazil.Repository.fetch_config(frazil.local_filesystem_storage(tmp_path))
