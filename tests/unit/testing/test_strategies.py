"""What the strategies draw fits what it is for."""

from __future__ import annotations

import re
from datetime import timedelta
from types import ModuleType

import numpy as np
import pytest
import zarr
from hypothesis import find, given, settings
from hypothesis import strategies as st
from zarr.abc.store import Store

import frazil
from frazil import ManifestConfig, Repository, RepositoryConfig
from frazil.testing.strategies import (
    chunk_coordinates,
    chunk_paths,
    chunk_slicers,
    draw_older_than,
    repository_configs,
    splitting_configs,
)


def arrays(store: Store) -> list[zarr.Array]:
    root = zarr.create_group(store)
    return [
        root.create_array("a.b", shape=(6, 4), chunks=(1, 1), dtype="i4", dimension_names=("x", None)),
        root.create_array("g/a", shape=(3,), chunks=(1,), dtype="i4"),
        root.create_array("scalar", shape=(), dtype="i4"),
    ]


@settings(max_examples=25)
@given(st.data())
def test_splitting_configurations_split(data):
    """Every array is cut as the drawn sizes say: one manifest holds so many chunks along one dimension."""
    config = data.draw(splitting_configs(arrays=arrays(zarr.storage.MemoryStore())))
    assert len(config.to_dict()) == 2
    repo = Repository.create(frazil.in_memory_storage(), RepositoryConfig(manifest=ManifestConfig(splitting=config)))
    session = repo.writable_session("main")
    made = arrays(session.store)
    for array in made:
        array[...] = 1
    snapshot = session.commit("filled")
    sizes = [size for dimensions in config.to_dict().values() for size in dimensions.values()]
    nodes = {node["path"]: node for node in repo.inspect_snapshot(snapshot)["nodes"]}
    counts = [len(nodes[path]["manifest_refs"]) for path in ("/a.b", "/g/a")]
    possible = [{-(-length // sizes[0]) for length in (6, 4)}, {-(-3 // sizes[1])}]
    assert all(count in choices for count, choices in zip(counts, possible, strict=True))


def test_both_ways_to_name_arrays_and_dimensions_come_up():
    strategy = splitting_configs(arrays=arrays(zarr.storage.MemoryStore())).map(repr)
    for text in ("path_matches", "name_matches", "DimensionName", "Axis"):
        assert find(strategy, re.compile(text).search)
    assert find(splitting_configs(arrays=[]), lambda config: True).to_dict() == {}


@given(repository_configs())
def test_by_default_only_the_pages_are_set(config):
    pages = config.num_updates_per_repo_info_file
    assert pages in range(1, 6)
    assert config == RepositoryConfig(num_updates_per_repo_info_file=pages)


@given(
    repository_configs(
        st.just(9), inline_chunk_threshold_bytes=st.integers(0, 3), splitting=splitting_configs(arrays=[])
    )
)
def test_what_is_given_is_set(config):
    assert config.num_updates_per_repo_info_file == 9
    assert config.inline_chunk_threshold_bytes in range(4)
    assert config.manifest.splitting.to_dict() == {}


@pytest.mark.parametrize(("version", "expected"), [("1.1.21", None), ("2.0.0", 1), ("2026.11.0", 1)])
def test_packages_without_an_operations_log_get_no_pages(version, expected):
    module = ModuleType("other")
    module.__dict__.update(__version__=version, RepositoryConfig=RepositoryConfig, ManifestConfig=ManifestConfig)
    found = find(repository_configs(st.just(1), ic_module=module), lambda config: True)
    assert found.num_updates_per_repo_info_file == expected


@given(st.data(), st.lists(st.integers(1, 4), max_size=3).map(tuple))
def test_chunks_lie_in_their_grid(data, counts):
    coords = data.draw(chunk_coordinates(counts))
    assert coords in set(np.ndindex(counts))
    path = data.draw(chunk_paths(counts))
    assert tuple(int(part) for part in path.split("/") if part) in set(np.ndindex(counts))
    shape = tuple(2 for _ in counts)
    slicer = data.draw(chunk_slicers(counts, shape))
    whole = np.zeros([count * 2 for count in counts])
    assert whole[slicer].shape == shape


@settings(max_examples=20)
@given(st.data())
def test_times_for_expiration_and_collection(data):
    storage = frazil.in_memory_storage()
    repo = Repository.create(storage)
    for number in range(3):
        with repo.transaction("main", message=str(number)) as store:
            zarr.create_group(store, path=str(number))
    older_than = draw_older_than(data, storage, repo)
    # It takes a time zone, and says nothing that the functions it is for do not take.
    repo.garbage_collect(older_than, dry_run=True)
    repo.expire_snapshots(older_than)


def test_times_reach_from_nothing_to_everything():
    storage = frazil.in_memory_storage()
    repo = Repository.create(storage)
    with repo.transaction("main", message="one") as store:
        zarr.create_group(store)
    newest = next(iter(repo.ancestry(branch="main"))).written_at

    @st.composite
    def times(draw):
        return draw_older_than(draw(st.data()), storage, repo)

    assert find(times(), lambda time: time > newest + timedelta(hours=1))
    assert find(times(), lambda time: time.year == 2000)
    assert find(times(), lambda time: timedelta() < time - newest < timedelta(hours=1))
