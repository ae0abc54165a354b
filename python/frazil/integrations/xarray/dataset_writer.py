"""The steps of writing one dataset, to be taken one by one."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, MutableMapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from xarray import Dataset
from xarray.backends.zarr import ZarrStore

from frazil.integrations.xarray.append_checks import Allowance, check_group, checked_allowances
from frazil.integrations.xarray.array_writer import LazyArrayWriter
from frazil.integrations.xarray.group_writer import open_group, write_metadata
from frazil.integrations.xarray.modes import Region, ZarrWriteModes, _choose_default_mode
from frazil.session import ForkSession
from frazil.store import IcechunkStore


@dataclass
class _XarrayDatasetWriter:
    """Writes a dataset in steps: ``_open_group``, ``write_metadata``, ``write_eager``, ``write_lazy``.

    ``to_icechunk`` takes them all.  Taken one by one, the lazy step can be made another time or left out.
    """

    dataset: Dataset
    _initialized: bool = field(default=False, repr=False)
    _: KW_ONLY
    store: IcechunkStore
    safe_chunks: bool = True
    align_chunks: bool = False
    allow: Collection[Allowance] = ()
    _target: ZarrStore | None = field(default=None, init=False, repr=False, compare=False)
    _writer: LazyArrayWriter = field(default_factory=LazyArrayWriter, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.store, IcechunkStore):
            raise ValueError(f"Please pass in an IcechunkStore. Received {type(self.store)} instead.")

    def _open_group(
        self,
        *,
        group: str | None,
        mode: ZarrWriteModes | None,
        append_dim: Hashable | None,
        region: Region,
    ) -> None:
        """Open or make the group; ``mode`` None takes the one that fits."""
        mode = _choose_default_mode(mode=mode, append_dim=append_dim, region=region)
        allowed = checked_allowances(self.allow)
        check_group(self.dataset, self.store, group=group, mode=mode, append_dim=append_dim, allow=allowed)
        self._target = open_group(
            self.store,
            group=group,
            mode=mode,
            append_dim=append_dim,
            region=region,
            safe_chunks=self.safe_chunks,
            align_chunks=self.align_chunks,
        )

    def write_metadata(self, encoding: Mapping[Any, Any] | None = None) -> None:
        """Create, resize and describe the arrays."""
        if self._target is None:
            raise ValueError("Please call `_open_group` first.")
        write_metadata(self.dataset, self._target, self._writer, encoding)
        self._initialized = True

    def write_eager(self) -> None:
        """Write the variables that are in memory."""
        self._ensure_initialized()
        self._writer.write_eager()

    def write_lazy(
        self,
        chunkmanager_store_kwargs: MutableMapping[Any, Any] | None = None,
        split_every: int | None = None,
    ) -> ForkSession:
        """Write the variables of dask through a fork of the session, and return it for merging."""
        self._ensure_initialized()
        return self._writer.write_lazy(self.store, split_every=split_every, kwargs=chunkmanager_store_kwargs or {})

    def _ensure_initialized(self) -> None:
        if not self._initialized:
            raise ValueError("Please call `write_metadata` first.")
