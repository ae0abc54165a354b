"""What does it cost to add a million references, in time and memory?"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from harness import Bench, Handle, Subject, case, child, memory_kib, reset_peak
from questions.references import add_refs, grid, locations, side, split_config


@child
def ingest(subject: Subject, path: str, n: int) -> dict[str, float]:
    """Add n*n virtual references to a new array and commit them."""
    handle = subject.create(Path(path))
    names = locations(n * n)
    shutil.rmtree(path)
    handle = subject.create(Path(path))
    store = handle.writable()
    grid(store, n)
    reset_peak()
    base, t0 = memory_kib("VmRSS"), time.perf_counter()
    add_refs(store, n, names)
    t1, held = time.perf_counter(), memory_kib("VmRSS") - base
    handle.commit()
    t2, peak = time.perf_counter(), memory_kib("VmHWM") - base
    shutil.rmtree(path)
    return {
        "wall": t2 - t0,
        "add_s": t1 - t0,
        "commit_s": t2 - t1,
        "session_mib": held / 1024,
        "peak_mib": peak / 1024,
    }


@case("manifest.ingest")
def ingesting(bench: Bench) -> None:
    """Add one million virtual references and commit: time and memory."""
    n = side(bench)
    with bench.workdir() as root:
        args = {s.spec: {"path": str(root / s.name), "n": n} for s in bench.packages}
        bench.isolated("manifest.ingest", ingest, args, refs=n * n, rounds=min(bench.rounds, 5))


@case("manifest.split_ingest")
def split_ingest(bench: Bench) -> None:
    """The first commit of many references into many manifests."""
    n = bench.scale(500, 100)
    for rows in (None, n // 10, 1):
        with bench.workdir() as root:
            handles: dict[str, Handle] = {}
            number = iter(range(1 << 30))

            def fill(subject: Subject) -> None:
                config = split_config(rows) if rows else None
                path = root / f"{subject.name}{next(number)}"
                handles[subject.spec] = subject.create(path, config=config)
                store = handles[subject.spec].writable()
                grid(store, n)
                add_refs(store, n)

            bench.measure(
                "manifest.split_ingest",
                {s.spec: (lambda s=s: handles[s.spec].commit()) for s in bench.packages},
                prepare={s.spec: (lambda s=s: fill(s)) for s in bench.packages},
                unit="ms",
                refs=n * n,
                manifests=1 if rows is None else n // rows,
                rounds=min(bench.rounds, 3),
                warmup=0,
            )
