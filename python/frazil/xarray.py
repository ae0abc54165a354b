"""Writing xarray's datasets, data arrays and trees through a session."""

from frazil.integrations.optional import needs

with needs("xarray", extra="xarray"):
    from frazil.integrations.xarray import (
        LazyArrayWriter,
        Region,
        ZarrWriteModes,
        _choose_default_mode,
        _XarrayDatasetWriter,
        has_dask,
        is_dask_collection,
        to_icechunk,
    )

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
