"""What does it cost to read and write whole arrays through zarr, per chunk?"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from harness import AUTOMATIC, Bench, Subject, case, child

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


def compare_reads(bench: Bench, name: str, subjects: list[Subject], sizes: list[tuple[str, int, int]]) -> None:
    for comp, compressor in COMPRESSORS.items():
        for label, chunk, count in sizes:
            data = sample(chunk * count)
            with bench.workdir() as root:
                runs = {}
                for subject in subjects:
                    handle = subject.create(root / subject.spec.replace(":", "_"))
                    with subject.pipeline():
                        create(handle.writable(), data, chunk, compressor)[:] = data
                        handle.commit()
                        array = zarr.open_array(handle.readable(), path="a", mode="r")
                    assert np.array_equal(array[:], data)
                    runs[subject.spec] = lambda a=array: a[:]
                bench.measure(name, runs, ops=count, nbytes=data.nbytes, chunk=label, compressor=comp)


@case("array.read")
def read(bench: Bench) -> None:
    """``array[:]`` of an array already written."""
    compare_reads(bench, "array.read", bench.subjects, shapes(bench))


@case("array.default")
def read_by_default_pipeline(bench: Bench) -> None:
    """The same where everybody uses zarr's default pipeline; small chunks, which cost the pipeline most."""
    subjects = [Subject(f"{subject.name}:batched") for subject in bench.subjects]
    compare_reads(bench, "array.default", subjects, shapes(bench)[:2])


@child
def read_in_new_process(subject: Subject, path: str) -> dict[str, float]:
    """``array[:]``, twice, in a process that sets no pipeline: whatever importing and opening switches on is used."""
    _ = subject.module
    array = zarr.open_array(Subject(subject.name).open(Path(path)).readable(), path="a", mode="r")
    array[:]
    wall, cpu = time.perf_counter(), time.process_time()
    array[:]
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


@case("array.automatic")
def read_automatically(bench: Bench) -> None:
    """A user who knows of no pipelines: what does a process get that opens a repository and reads?"""
    label, chunk, count = shapes(bench)[1]
    data = sample(chunk * count)
    with bench.workdir() as root:
        args = {}
        for subject in bench.packages:
            path = root / subject.spec.replace(":", "_")
            handle = subject.create(path)
            create(handle.writable(), data, chunk, "auto")[:] = data
            handle.commit()
            args[f"{subject.name}:{AUTOMATIC}"] = {"path": str(path)}
        bench.isolated("array.automatic", read_in_new_process, args, chunk=label, compressor="zstd")


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
                )
