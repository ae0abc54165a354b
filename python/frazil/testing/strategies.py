"""Configurations, chunks and points in time for Hypothesis."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from packaging.version import Version

import frazil
from frazil.errors import NotFoundError
from frazil.integrations.optional import needs

with needs("hypothesis", extra="testing"):
    import hypothesis.strategies as st

if TYPE_CHECKING:
    import zarr

_SMALL_PAGES: Final = st.integers(min_value=1, max_value=5)
_LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)


# ---- configurations ------------------------------------------------------------------------------------------------


@st.composite
def splitting_configs(draw: st.DrawFn, *, arrays: Iterable[zarr.Array[Any]]) -> frazil.ManifestSplittingConfig:
    """For each array a condition of its name or path, and a size along one of its dimensions."""
    split_sizes = {}
    for array in arrays:
        if array.ndim == 0:
            continue
        axis = draw(st.integers(0, array.ndim - 1))
        size = draw(st.integers(1, array.shape[axis] + 10))
        split_sizes[draw(_array_conditions(array))] = {draw(_dimension_conditions(array, axis)): size}
    return frazil.ManifestSplittingConfig.from_dict(split_sizes)


def _array_conditions(array: zarr.Array[Any]) -> st.SearchStrategy[frazil.ManifestSplitCondition]:
    path = f"/{array.path}"
    return st.sampled_from(
        [
            frazil.ManifestSplitCondition.path_matches(f"^{re.escape(path)}$"),
            frazil.ManifestSplitCondition.name_matches(f"^{re.escape(path.rpartition('/')[2])}$"),
        ]
    )


def _dimension_conditions(array: zarr.Array[Any], axis: int) -> st.SearchStrategy[frazil.ManifestSplitDimCondition]:
    conditions: list[frazil.ManifestSplitDimCondition] = [frazil.ManifestSplitDimCondition.Axis(axis)]
    names = getattr(array.metadata, "dimension_names", None)
    if names is not None and names[axis]:
        conditions.append(frazil.ManifestSplitDimCondition.DimensionName(f"^{re.escape(names[axis])}$"))
    return st.sampled_from(conditions)


@st.composite
def repository_configs(
    draw: st.DrawFn,
    num_updates_per_repo_info_file: st.SearchStrategy[int] = _SMALL_PAGES,
    inline_chunk_threshold_bytes: st.SearchStrategy[int] | None = None,
    splitting: st.SearchStrategy[frazil.ManifestSplittingConfig] | None = None,
    ic_module: ModuleType | None = None,
) -> frazil.RepositoryConfig:
    """Configurations with short pages of the operations log; the rest only where a strategy is given.

    ``ic_module`` is the package whose configuration it shall be, if not this one.
    """
    module: Any = frazil if ic_module is None else ic_module
    fields: dict[str, Any] = {}
    # Before version 2 there is no operations log.
    if Version(module.__version__).major >= 2:
        fields["num_updates_per_repo_info_file"] = draw(num_updates_per_repo_info_file)
    if inline_chunk_threshold_bytes is not None:
        fields["inline_chunk_threshold_bytes"] = draw(inline_chunk_threshold_bytes)
    if splitting is not None:
        fields["manifest"] = module.ManifestConfig(splitting=draw(splitting))
    config: frazil.RepositoryConfig = module.RepositoryConfig(**fields)
    return config


# ---- chunks --------------------------------------------------------------------------------------------------------


def chunk_coordinates(numblocks: tuple[int, ...]) -> st.SearchStrategy[tuple[int, ...]]:
    """One chunk of a grid."""
    return st.tuples(*(st.integers(0, count - 1) for count in numblocks))


def chunk_paths(numblocks: tuple[int, ...]) -> st.SearchStrategy[str]:
    """One chunk of a grid, as in its key: ``0/1``."""
    return chunk_coordinates(numblocks).map(lambda coords: "/".join(map(str, coords)))


def chunk_slicers(numblocks: tuple[int, ...], chunk_shape: tuple[int, ...]) -> st.SearchStrategy[tuple[slice, ...]]:
    """The elements of one chunk of a grid."""
    return chunk_coordinates(numblocks).map(
        lambda coords: tuple(
            slice(index * length, (index + 1) * length) for index, length in zip(coords, chunk_shape, strict=True)
        )
    )


# ---- times ---------------------------------------------------------------------------------------------------------


def draw_older_than(data: st.DataObject, storage: frazil.Storage, repo: frazil.Repository) -> datetime:
    """A time for expiration or collection: before everything, after everything, or just after one of the snapshots.

    Parameters
    ----------
    data
        Of the running test (``hypothesis.strategies.data``).
    storage
        Where the repository is: files that no snapshot needs any more count too.
    repo
        Whose snapshots' times are asked.
    """
    times: dict[str, datetime] = {}
    for folder in ("snapshots", "transactions"):
        for found in storage.list_objects_metadata(prefix=folder):
            times[found.key] = max(times.get(found.key, _LONG_AGO), found.created_at, _written_at(repo, found.key))
    if not times:
        return _LONG_AGO
    newest_first = sorted(set(times.values()), reverse=True)
    choices = [newest_first[0] + timedelta(days=1)]
    choices += [moment + timedelta(microseconds=1) for moment in newest_first]
    choices.append(_LONG_AGO)
    return data.draw(st.sampled_from(choices), label="older than")


def _written_at(repo: frazil.Repository, snapshot_id: str) -> datetime:
    """When a snapshot was written; long ago, if it was expired."""
    try:
        return repo.lookup_snapshot(snapshot_id).written_at
    except NotFoundError:
        return _LONG_AGO
    except frazil.StorageError as missing:
        if missing.kind != frazil.ErrorKind.OBJECT_NOT_FOUND:
            raise
        return _LONG_AGO
