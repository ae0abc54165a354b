"""Repositories of many virtual references, for the questions about manifests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import zarr

from harness import Bench, Handle, Subject

FILES = 500


def side(bench: Bench) -> int:
    return bench.scale(1000, 200)


def locations(n: int, url: str = "s3://a-bucket/reanalysis/hourly/{:05d}.nc") -> list[str]:
    """``n`` urls over FILES files, as a set of NetCDF files gives them."""
    per_file = -(-n // FILES)
    return [url.format(i // per_file) for i in range(n)]


def grid(store: Any, n: int) -> zarr.Array:
    return zarr.create_array(store, name="a", shape=(n, n), chunks=(1, 1), dtype="f4", compressors=None, fill_value=0)


def add_refs(store: Any, n: int, names: list[str] | None = None) -> None:
    offsets = np.arange(n * n, dtype="u8") * 1000
    lengths = np.full(n * n, 1000, dtype="u8")
    store.set_virtual_refs_arr("a", (n, n), names or locations(n * n), offsets, lengths, validate_containers=False)


def split_config(rows: int) -> Any:
    """A config that splits manifests every ``rows`` chunks of axis 0."""

    def make(package: Any) -> Any:
        axis = package.ManifestSplitDimCondition.Axis(0)
        rule = {package.ManifestSplitCondition.AnyArray(): {axis: rows}}
        splitting = package.ManifestSplittingConfig.from_dict(rule)
        return package.RepositoryConfig(manifest=package.ManifestConfig(splitting=splitting))

    return make


def virtual_repo(subject: Subject, path: Path, n: int, rows: int | None = None) -> Handle:
    handle = subject.create(path, config=split_config(rows) if rows else None)
    store = handle.writable()
    grid(store, n)
    add_refs(store, n)
    handle.commit()
    return handle


def splits(bench: Bench) -> list[int | None]:
    """No explicit splitting (each package's own default), then 10 and 1 rows each."""
    return [None, 10, 1]
