"""How does a whole array compare with the fastest libraries that read Zarr 3: TensorStore and zarrs?

They are no version-control systems (TensorStore's OCDBT driver comes closest), and they are the ones to beat when
bytes have to move: every line shows all of them in the same rounds.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from harness import Bench, Subject, case
from questions.whole_arrays import COMPRESSORS, create

SIZES = (("4KiB", 4 << 10, 1024), ("64KiB", 64 << 10, 512), ("1MiB", 1 << 20, 64))
ZARRS = "local:zarrs.ZarrsCodecPipeline"


def half_random(nbytes: int) -> np.ndarray:
    """Float32 of which half are rounded: compresses, but not to nothing."""
    rng = np.random.default_rng(0)
    values = rng.random(nbytes // 4)
    return np.where(rng.random(values.size) < 0.5, values, np.round(values, 1)).astype("f4")


class TensorStore:
    """An array of a TensorStore driver, opened anew for every read and with no cache."""

    def __init__(self, root: Path, keys: str, data: np.ndarray, chunk: int, compressor: Any) -> None:
        import tensorstore

        self.tensorstore = tensorstore
        files = {"driver": "file", "path": f"{root}/"}
        codecs: list[dict[str, Any]] = [{"name": "bytes", "configuration": {"endian": "little"}}]
        if compressor:
            codecs.append({"name": "zstd", "configuration": {"level": 0}})
        grid = {"name": "regular", "configuration": {"chunk_shape": [chunk // data.itemsize]}}
        self.spec = {
            "driver": "zarr3",
            "kvstore": files if keys == "file" else {"driver": "ocdbt", "base": files},
            "path": "a",
            "metadata": {"shape": list(data.shape), "chunk_grid": grid, "data_type": "float32", "codecs": codecs},
        }
        self.data = data

    def write(self) -> None:
        array = self.tensorstore.open(self.spec, create=True, delete_existing=True).result()
        with self.tensorstore.Transaction() as transaction:
            array.with_transaction(transaction)[...] = self.data

    def read(self) -> Any:
        context = self.tensorstore.Context({"cache_pool": {"total_bytes_limit": 0}})
        return self.tensorstore.open(self.spec, open=True, context=context).result().read().result()


def versioned(subject: Subject, root: Path, data: np.ndarray, chunk: int, compressor: Any) -> tuple[Any, Any]:
    """The write (and commit) and the read of a package, or of zarrs over plain files."""
    handle = subject.create(root)

    def write() -> None:
        create(handle.writable(), data, chunk, compressor)[:] = data
        handle.commit()

    return write, lambda: zarr.open_array(handle.readable(), path="a", mode="r")[:]


@case("rivals.array")
def whole_arrays(bench: Bench) -> None:
    """``array[:] = data`` with commit, and ``array[:]`` opened anew."""
    specs = [subject.spec for subject in bench.packages]
    specs += [ZARRS] if importlib.util.find_spec("zarrs") else []
    drivers = ("file", "ocdbt") if importlib.util.find_spec("tensorstore") else ()
    for compressor_name, compressor in COMPRESSORS.items():
        for label, chunk, count in SIZES:
            data = half_random(chunk * bench.scale(count, count // 4))
            with bench.workdir() as root:
                writes: dict[str, Callable[[], Any]] = {}
                reads: dict[str, Callable[[], Any]] = {}
                for spec in specs:
                    folder = root / spec.replace(":", "_")
                    writes[spec], reads[spec] = versioned(Subject(spec), folder, data, chunk, compressor)
                for driver in drivers:
                    rival = TensorStore(root / driver, driver, data, chunk, compressor)
                    writes[f"tensorstore-{driver}"], reads[f"tensorstore-{driver}"] = rival.write, rival.read
                common = {
                    "ops": data.nbytes // chunk,
                    "nbytes": data.nbytes,
                    "chunk": label,
                    "compressor": compressor_name,
                }
                bench.measure("rivals.array", writes, part="write+commit", **common)
                for spec, read in reads.items():
                    with Subject(spec).pipeline():
                        assert np.array_equal(read(), data), spec
                bench.measure("rivals.array", reads, part="read", **common)
