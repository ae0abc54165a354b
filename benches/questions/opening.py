"""What does it take to get from nothing to the first value?"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import zarr

from harness import Bench, Subject, case, child
from questions.listing import hierarchy


@case("meta.open")
def opening(bench: Bench) -> None:
    """Repository.open, readonly_session and zarr.open_group, each time anew."""
    for arrays in (10, bench.scale(1000, 200)):
        with bench.workdir() as root:
            runs: dict[str, dict[str, Any]] = {"repo": {}, "session": {}, "group": {}, "array": {}}
            for subject in bench.packages:
                path = root / subject.spec.replace(":", "_")
                hierarchy(subject.create(path), bench.loop, arrays // 10, 10)
                handle = subject.open(path)
                spec = subject.spec
                runs["repo"][spec] = lambda s=subject, p=path: s.open(p)
                runs["session"][spec] = lambda h=handle: h.readable()
                runs["group"][spec] = lambda h=handle: zarr.open_group(h.readable(), mode="r")
                runs["array"][spec] = lambda h=handle: zarr.open_array(h.readable(), path="g000/a000", mode="r")
            for what, by_subject in runs.items():
                bench.measure("meta.open", by_subject, unit="ms", step=what, arrays=arrays)


@child
def cold_open(subject: Subject, path: str) -> dict[str, float]:
    """Everything from import to the first group, in a fresh process."""
    t0 = time.perf_counter()
    _ = subject.module
    t1 = time.perf_counter()
    store = subject.open(Path(path)).readable()
    group = zarr.open_group(store, mode="r")
    group["g000/a000"][:]
    t2 = time.perf_counter()
    return {"wall": t2 - t1, "import": t1 - t0}


@case("meta.cold_open")
def cold(bench: Bench) -> None:
    """A new process: import time, then open to the first value read."""
    with bench.workdir() as root:
        args = {}
        for subject in bench.packages:
            path = root / subject.spec.replace(":", "_")
            hierarchy(subject.create(path), bench.loop, 10, 10)
            args[subject.spec] = {"path": str(path)}
        bench.isolated("meta.cold_open", cold_open, args)
