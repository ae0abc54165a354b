"""Writing xarray's objects through a session."""

from frazil.integrations.xarray.array_writer import LazyArrayWriter, has_dask, is_dask_collection
from frazil.integrations.xarray.dataset_writer import _XarrayDatasetWriter
from frazil.integrations.xarray.modes import Region, ZarrWriteModes, _choose_default_mode
from frazil.integrations.xarray.to_icechunk import to_icechunk

__all__ = [
    "LazyArrayWriter",
    "Region",
    "ZarrWriteModes",
    "_XarrayDatasetWriter",
    "_choose_default_mode",
    "has_dask",
    "is_dask_collection",
    "to_icechunk",
]
