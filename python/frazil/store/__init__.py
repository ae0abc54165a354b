"""The Zarr store over a working tree."""

from frazil.store.zarr_store import IcechunkStore

__all__ = ["IcechunkStore"]
