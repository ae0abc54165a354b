"""How a group is opened for writing, as xarray decides it."""

from frazil.integrations.optional import needs

with needs("xarray", extra="xarray"):
    from frazil.integrations.xarray import ZarrWriteModes, _choose_default_mode

__all__ = ["ZarrWriteModes", "_choose_default_mode"]
