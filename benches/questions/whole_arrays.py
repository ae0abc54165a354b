"""What does it cost to read and write whole arrays through zarr, per chunk?"""

from __future__ import annotations

from typing import Any

import numpy as np
import zarr

from harness import Bench, case

COMPRESSORS = {"none": None, "zstd": "auto"}


def sample(nbytes: int) -> np.ndarray:
    """Float32 data that zstd packs to about half."""
    values = np.random.default_rng(0).normal(280, 10, nbytes // 4).astype("f4")
    return (values.view("u4") & np.uint32(0xFFFFF000)).view("f4")


def shapes(bench: Bench) -> list[tuple[str, int, int]]:
    return [
        ("4KiB", 4 << 10, bench.scale(4096, 1024)),
        ("64KiB", 64 << 10, bench.scale(4096, 512)),
        ("1MiB", 1 << 20, bench.scale(256, 64)),
        ("8MiB", 8 << 20, bench.scale(32, 12)),
    ]


def create(store: Any, data: np.ndarray, chunk: int, compressor: Any) -> zarr.Array:
    return zarr.create_array(
        store,
        name="a",
        shape=data.shape,
        chunks=(chunk // data.itemsize,),
        dtype=data.dtype,
        compressors=compressor,
        overwrite=True,
    )


@case("array.read")
def read(bench: Bench) -> None:
    """``array[:]`` of an array already written."""
    for comp, compressor in COMPRESSORS.items():
        for label, chunk, count in shapes(bench):
            data = sample(chunk * count)
            with bench.workdir() as root:
                runs = {}
                for subject in bench.subjects:
                    handle = subject.create(root / subject.spec.replace(":", "_"))
                    with subject.pipeline():
                        create(handle.writable(), data, chunk, compressor)[:] = data
                        handle.commit()
                        array = zarr.open_array(handle.readable(), path="a", mode="r")
                    assert np.array_equal(array[:], data)
                    runs[subject.spec] = lambda a=array: a[:]
                bench.measure(
                    "array.read",
                    runs,
                    ops=count,
                    nbytes=data.nbytes,
                    chunk=label,
                    compressor=comp,
                    rounds=min(bench.rounds, 5),
                )


@case("array.write")
def write(bench: Bench) -> None:
    """``array[:] = data`` into a new session, and the commit after it."""
    for comp, compressor in COMPRESSORS.items():
        for label, chunk, count in shapes(bench):
            count = min(count, 1024)
            data = sample(chunk * count)
            with bench.workdir() as root:
                handles = {s.spec: s.create(root / s.spec.replace(":", "_")) for s in bench.subjects}
                arrays: dict[str, Any] = {}

                def fresh(spec: str) -> None:
                    arrays[spec] = create(handles[spec].writable(), data, chunk, compressor)

                def store(spec: str) -> None:
                    arrays[spec][:] = data
                    handles[spec].commit()

                bench.measure(
                    "array.write",
                    {spec: (lambda s=spec: store(s)) for spec in handles},
                    prepare={spec: (lambda s=spec: fresh(s)) for spec in handles},
                    ops=count,
                    nbytes=data.nbytes,
                    chunk=label,
                    compressor=comp,
                    rounds=min(bench.rounds, 5),
                )
