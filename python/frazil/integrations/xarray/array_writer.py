"""Where xarray puts its arrays: those in memory are written at once, those of dask by tasks."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import zarr
from xarray.backends.common import ArrayWriter

from frazil.session import ForkSession
from frazil.store import IcechunkStore

if TYPE_CHECKING:
    from collections.abc import Mapping

has_dask: Final = find_spec("dask") is not None
"""Whether dask is installed."""


def is_dask_collection(x: Any) -> bool:
    """Whether something is computed by dask."""
    dask = sys.modules.get("dask")  # while it is not loaded, nothing can be one of its collections
    return dask is not None and bool(dask.is_dask_collection(x))


class LazyArrayWriter(ArrayWriter):
    """Gathers the arrays that xarray wants written: ``eager_*`` those in memory, ``sources`` and so on those of dask."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.eager_sources: list[Any] = []
        self.eager_targets: list[zarr.Array[Any]] = []
        self.eager_regions: list[tuple[slice, ...] | None] = []

    def add(self, source: Any, target: Any, region: Any = None) -> Any:
        """Take one array; it is written later."""
        if is_dask_collection(source):
            self.sources.append(source)
            self.targets.append(target)
            self.regions.append(region)
        else:
            self.eager_sources.append(source)
            self.eager_targets.append(target)
            self.eager_regions.append(region)

    def write_eager(self) -> None:
        """Write the arrays in memory, and let go of them."""
        for source, target, region in zip(self.eager_sources, self.eager_targets, self.eager_regions, strict=True):
            target[region or ...] = source
        self.eager_sources, self.eager_targets, self.eager_regions = [], [], []

    def write_lazy(self, store: IcechunkStore, *, split_every: int | None, kwargs: Mapping[str, Any]) -> ForkSession:
        """Write the arrays of dask through a fork of the session of ``store``, and return it for merging."""
        if not self.sources:
            raise TypeError("Attempting to execute a write with dask but no dask arrays were detected.")
        from frazil.integrations.dask import store_dask

        fork = store.session.fork()
        merged = store_dask(
            sources=self.sources,
            targets=[_reopened(target, fork.store) for target in self.targets],
            regions=self.regions,
            split_every=split_every,
            **kwargs,
        )
        self.sources, self.targets, self.regions = [], [], []
        return merged


def _reopened(array: zarr.Array[Any], store: IcechunkStore) -> zarr.Array[Any]:
    """The same array on another store, with its settings that are not stored (``write_empty_chunks``, ``order``)."""
    opened: zarr.Array[Any] = zarr.open_array(store=store, path=array.path, mode="r+", zarr_format=3)
    # The first releases of zarr 3.1 can neither tell these settings nor take them.
    return opened.with_config(array.config) if hasattr(opened, "with_config") else opened
