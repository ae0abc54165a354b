"""Run by test_virtualizarr.py in a process of its own: VirtualiZarr writes into Frazil, unchanged, and reads it back.

Usage: virtualizarr_roundtrip.py DIRECTORY
"""

import sys
from pathlib import Path
from typing import Any

from frazil.compat import install_as_icechunk

install_as_icechunk()

import icechunk
import numpy as np
import obstore.store
import virtualizarr  # noqa: F401 - registers the accessor `.vz`
import xarray as xr
from obspec_utils.registry import ObjectStoreRegistry
from virtualizarr import parsers
from virtualizarr.manifests import ChunkManifest, ManifestArray
from virtualizarr.manifests.utils import create_v3_array_metadata

import frazil

STEPS, ROWS, COLUMNS = 3, 4, 5


def write_step(folder: Path, step: int) -> Path:
    """A file that a forecast might leave: a header, then one field."""
    path = folder / f"step {step}.bin"
    path.write_bytes(b"header" + field(step).tobytes())
    return path


def field(step: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return (np.arange(ROWS * COLUMNS, dtype="f4") + 100 * step).reshape(ROWS, COLUMNS)


def virtual_dataset(paths: list[Path]) -> xr.Dataset:
    entries = {
        f"{number}.0.0": {"path": path.as_uri(), "offset": 6, "length": 4 * ROWS * COLUMNS}
        for number, path in enumerate(paths)
    }
    metadata = create_v3_array_metadata(
        shape=(len(paths), ROWS, COLUMNS),
        chunk_shape=(1, ROWS, COLUMNS),
        data_type=np.dtype("f4"),
        codecs=[{"name": "bytes", "configuration": {"endian": "little"}}],
        fill_value=0,
        dimension_names=["step", "y", "x"],
    )
    array = ManifestArray(metadata=metadata, chunkmanifest=ChunkManifest(entries))
    return xr.Dataset({"t2m": (("step", "y", "x"), array, {"units": "K"})})


def main(folder: Path) -> None:
    assert icechunk is frazil
    prefix = f"{folder.as_uri()}/"
    config = icechunk.RepositoryConfig.default()
    config.set_virtual_chunk_container(
        icechunk.VirtualChunkContainer(prefix, icechunk.local_filesystem_store(str(folder)))
    )
    repository = icechunk.Repository.create(
        icechunk.local_filesystem_storage(str(folder / "repository")),
        config,
        authorize_virtual_chunk_access={prefix: icechunk.credentials.LocalFileSystemAccess},
    )

    session = repository.writable_session("main")
    virtual_dataset([write_step(folder, 0), write_step(folder, 1)]).vz.to_icechunk(session.store)
    session.commit("two steps")
    session = repository.writable_session("main")
    virtual_dataset([write_step(folder, 2)]).vz.to_icechunk(session.store, append_dim="step")
    session.commit("another one")

    session = repository.readonly_session("main")
    expected = np.stack([field(step) for step in range(STEPS)])
    with xr.open_zarr(session.store, consolidated=False) as found:
        np.testing.assert_array_equal(found["t2m"].to_numpy(), expected)
        assert found["t2m"].attrs["units"] == "K"
    assert sorted(session.all_virtual_chunk_locations()) == [f"{prefix}step%20{step}.bin" for step in range(STEPS)]

    # And the other way: the repository as a source of VirtualiZarr.
    if not hasattr(parsers, "IcechunkParser"):
        assert sys.version_info < (3, 12), "the releases for Python 3.11 cannot do that yet, later ones can"
        return
    registry = ObjectStoreRegistry({"file://": obstore.store.LocalStore()})
    parsed = parsers.IcechunkParser().parse_session(
        session, registry, native_chunks_prefix=f"{prefix}repository/chunks"
    )
    entries = parsed._group.arrays["t2m"].manifest.dict()
    assert {key: (entry["offset"], entry["length"]) for key, entry in entries.items()} == {
        f"{step}.0.0": (6, 80) for step in range(STEPS)
    }

    another = icechunk.Repository.create(
        icechunk.in_memory_storage(),
        config,
        authorize_virtual_chunk_access={prefix: icechunk.credentials.LocalFileSystemAccess},
    ).writable_session("main")
    parsed.to_virtual_dataset().vz.to_icechunk(another.store)
    with xr.open_zarr(another.store, consolidated=False) as found:
        np.testing.assert_array_equal(found["t2m"].to_numpy(), expected)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    sys.stdout.write("round trip done\n")
