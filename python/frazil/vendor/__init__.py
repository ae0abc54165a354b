"""Module names of the compatible API that belong to other projects' code."""

from typing import TYPE_CHECKING

from frazil.lazy import submodules

if TYPE_CHECKING:
    from frazil.vendor import xarray as xarray
else:
    __getattr__ = submodules("frazil.vendor", {"xarray": "frazil.vendor.xarray"})
