"""What does it cost to find one reference among a million?"""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path
from typing import Any

from harness import Bench, Subject, case, child, memory_kib
from questions.references import side, splits, virtual_repo


@case("manifest.lookup")
def lookup(bench: Bench) -> None:
    """Resolve a reference in memory: ``getsize`` of random chunks, warm.

    Only the look-up: nothing is fetched.  With 10 rows per manifest an array
    of 1000 rows has 100 manifests, with 1 row 1000 of them.
    """
    n = side(bench)
    for rows in splits(bench):
        with bench.workdir() as root:
            runs = {}
            for subject in bench.packages:
                handle = virtual_repo(subject, root / subject.spec.replace(":", "_"), n, rows)
                store = handle.readable()
                rng = random.Random(4)
                keys = [f"a/c/{rng.randrange(n)}/{rng.randrange(n)}" for _ in range(500)]

                async def sizes(store: Any = store, keys: list[str] = keys) -> None:
                    for key in keys:
                        await store.getsize(key)

                runs[subject.spec] = sizes
            bench.measure("manifest.lookup", runs, ops=500, refs=n * n, split_rows=rows)


@child
def cold_lookup(subject: Subject, path: str, key: str) -> dict[str, float]:
    """Open a repository and resolve one reference, in a fresh process."""
    _ = subject.module
    base, t0, c0 = memory_kib("VmRSS"), time.perf_counter(), time.process_time()
    store = subject.open(Path(path)).readable()
    t1 = time.perf_counter()
    size = asyncio.run(store.getsize(key))
    t2, c2 = time.perf_counter(), time.process_time()
    assert size == 1000
    peak = memory_kib("VmHWM") - base
    held = memory_kib("VmRSS") - base
    return {
        "wall": t2 - t0,
        "cpu": c2 - c0,
        "open_s": t1 - t0,
        "rss_mib": held / 1024,
        "peak_mib": peak / 1024,
    }


@case("manifest.cold")
def cold(bench: Bench) -> None:
    """One random reference out of a million, from a repository just opened."""
    n = side(bench)
    for rows in splits(bench):
        with bench.workdir() as root:
            args = {}
            for subject in bench.packages:
                path = root / subject.spec.replace(":", "_")
                virtual_repo(subject, path, n, rows)
                args[subject.spec] = {"path": str(path), "key": f"a/c/{n // 2}/{n // 3}"}
            bench.isolated("manifest.cold", cold_lookup, args, refs=n * n, split_rows=rows)
