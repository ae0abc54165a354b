"""What does a small part of a large array cost?"""

from __future__ import annotations

import numpy as np
import zarr

from harness import Bench, case
from questions.whole_arrays import create, sample


@case("array.point")
def point(bench: Bench) -> None:
    """One element of a big array, again and again: latency of one small read."""
    data = sample(64 << 20)
    with bench.workdir() as root:
        runs = {}
        for subject in bench.subjects:
            handle = subject.create(root / subject.spec.replace(":", "_"))
            with subject.pipeline():
                create(handle.writable(), data, 64 << 10, None)[:] = data
                handle.commit()
                array = zarr.open_array(handle.readable(), path="a", mode="r")
            where = np.random.default_rng(1).integers(0, data.size, 200).tolist()
            runs[subject.spec] = lambda a=array, w=where: [a[i] for i in w]
        bench.measure("array.point", runs, ops=200)


@case("array.sharded")
def sharded(bench: Bench) -> None:
    """A shard-wise array: whole, and a thin slice through every shard."""
    side = bench.scale(1024, 512)
    data = sample(side * side * 16).reshape(4, side, side)
    with bench.workdir() as root:
        whole, thin = {}, {}
        for subject in bench.subjects:
            handle = subject.create(root / subject.spec.replace(":", "_"))
            with subject.pipeline():
                array = zarr.create_array(
                    handle.writable(),
                    name="a",
                    shape=data.shape,
                    chunks=(1, 64, 64),
                    shards=(4, 256, 256),
                    dtype=data.dtype,
                )
                array[:] = data
                handle.commit()
                array = zarr.open_array(handle.readable(), path="a", mode="r")
            whole[subject.spec] = lambda a=array: a[:]
            thin[subject.spec] = lambda a=array: a[0, 5]
        bench.measure("array.sharded", whole, unit="ms", nbytes=data.nbytes, part="whole")
        bench.measure("array.sharded", thin, unit="ms", part="one row")
