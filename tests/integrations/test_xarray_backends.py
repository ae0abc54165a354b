"""xarray's own tests of its Zarr backend, run against our store.

What cannot hold is skipped, with the reason.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zarr

import frazil
from frazil.store import IcechunkStore

xr = pytest.importorskip("xarray")
backends = pytest.importorskip("xarray.tests.test_backends")

from xarray.tests.conftest import time_unit, use_dask  # noqa: F401 - fixtures of the tests

from frazil.xarray import to_icechunk

# xarray's runner has its own list of warnings to expect.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def default_zarr_format() -> Iterator[None]:
    with zarr.config.set(default_zarr_format=3):
        yield


class OnOurStore(backends.ZarrBase):  # type: ignore[misc, name-defined]
    """Written and read through sessions; where a test makes up a path, it gets a store of its own."""

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path) -> None:
        self.tmp_path = tmp_path
        self.stores: dict[str, IcechunkStore] = {}

    def store_of(self, target: str | IcechunkStore) -> IcechunkStore:
        if isinstance(target, IcechunkStore):
            return target
        if target not in self.stores:
            self.stores[target] = self.new_store()
        return self.stores[target]

    def new_store(self) -> IcechunkStore:
        place = tempfile.mkdtemp(dir=self.tmp_path)
        return frazil.Repository.create(frazil.local_filesystem_storage(place)).writable_session("main").store

    @contextlib.contextmanager
    def create_zarr_target(self) -> Iterator[IcechunkStore]:
        yield self.new_store()


class TestToIcechunk(OnOurStore):
    """Written by ``to_icechunk``; stored as a snapshot then, and read from that."""

    def save(self, dataset: Any, store_target: str | IcechunkStore, **kwargs: Any) -> Any:
        store = self.store_of(store_target)
        if "compute" in kwargs:
            return super().save(dataset, store, **kwargs)
        kwargs.pop("consolidated", None)
        return to_icechunk(dataset, store.session, **kwargs)

    @contextlib.contextmanager
    def open(self, path: str | IcechunkStore, **kwargs: Any) -> Iterator[Any]:
        with super().open(self.store_of(path).session.fork().store, **kwargs) as opened:
            yield opened


@pytest.mark.soak
class TestToZarr(OnOurStore):
    """Written by ``to_zarr``, and read through the same session."""

    def save(self, dataset: Any, store_target: str | IcechunkStore, **kwargs: Any) -> Any:
        return super().save(dataset, self.store_of(store_target), **kwargs)

    @contextlib.contextmanager
    def open(self, path: str | IcechunkStore, **kwargs: Any) -> Iterator[Any]:
        with super().open(self.store_of(path), **kwargs) as opened:
            yield opened

    @pytest.mark.skip(reason="writable sessions cannot be pickled, only forks of them can; the other class does that")
    def test_pickle(self) -> None: ...

    @pytest.mark.skip(reason="writable sessions cannot be pickled, only forks of them can; the other class does that")
    def test_pickle_dataarray(self) -> None: ...
