"""One dataset into one group: what ``Dataset.to_zarr`` does, with the arrays left to a writer of ours."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from xarray import Dataset
from xarray.backends.zarr import ZarrStore

from frazil.integrations.xarray.array_writer import LazyArrayWriter
from frazil.integrations.xarray.modes import Region, ZarrWriteModes
from frazil.store import IcechunkStore


def open_group(
    store: IcechunkStore,
    *,
    group: str | None,
    mode: ZarrWriteModes,
    append_dim: Hashable | None = None,
    region: Region = None,
    safe_chunks: bool = True,
    align_chunks: bool = False,
) -> ZarrStore:
    """A group as xarray sees it; never consolidated, always Zarr format 3."""
    opened: ZarrStore = ZarrStore.open_group(
        store=store,
        group=group,
        mode=mode,
        zarr_format=3,
        consolidated=False,
        consolidate_on_close=False,
        append_dim=append_dim,
        write_region=region,
        safe_chunks=safe_chunks,
        align_chunks=align_chunks,
    )
    return opened


def write_metadata(
    dataset: Dataset, target: ZarrStore, writer: LazyArrayWriter, encoding: Mapping[Any, Any] | None
) -> None:
    """Create, resize and describe the arrays of a dataset; ``writer`` gets what goes into them."""
    _check_names(dataset)
    dataset = _with_empty_ones_loaded(dataset)
    # The checks of `Dataset.to_zarr`, which have no public name.
    dataset = target._validate_and_autodetect_region(dataset)  # noqa: SLF001
    target._validate_encoding(encoding or {})  # noqa: SLF001
    dataset.dump_to_store(target, writer=writer, encoding=encoding)


def _with_empty_ones_loaded(dataset: Dataset) -> Dataset:
    """Chunks of no length, which dask has and Zarr has not, are gone when the array is in memory."""
    dataset = dataset.copy()
    for variable in dataset.variables.values():
        if variable.size == 0:
            variable.load()
    return dataset


def _check_names(dataset: Dataset) -> None:
    """Variables become nodes of a hierarchy, which are named by texts; xarray has a text for None."""
    for name in dataset.variables:
        if not isinstance(name, str) and name is not None:
            raise TypeError(
                f"Invalid name {name!r} of a variable: it must be a string or None to be written; rename it"
            )
        if name == "":
            raise ValueError(f"Invalid name {name!r} of a variable: the string must be length 1 or greater; rename it")
