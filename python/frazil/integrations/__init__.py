"""Bridges to xarray and dask.  Nothing here is imported by the rest of the package."""
