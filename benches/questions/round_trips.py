"""How many requests does each step make, and how well is their latency hidden?

The number of requests, the most in flight and the length of the chain of dependent requests do not depend on the
machine; the times use a stand-in that answers after LATENCY_MS.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import zarr

from harness import Bench, Handle, Subject, case
from harness.s3_standin import Server

LATENCY_MS = 20


def storage(subject: Subject, s3: Server, prefix: str) -> Any:
    return subject.module.s3_storage(
        bucket="perf",
        prefix=prefix,
        region="us-east-1",
        endpoint_url=s3.url,
        allow_http=True,
        force_path_style=True,
        access_key_id="test",
        secret_access_key="test",
    )


@case("s3.requests")
def requests(bench: Bench) -> None:
    """The requests of each step of a repository's life."""
    with Server(latency_ms=5) as s3:
        for subject in bench.packages:
            prefix = subject.spec.replace(":", "_")
            state: dict[str, Any] = {}

            def step(name: str, fn: Callable[[], Any]) -> None:
                s3.control(reset=1)
                state[name] = fn()
                line = {"case": "s3.requests", "subject": subject.spec, "step": name}
                bench.emit({**line, **s3.control()})

            def write() -> None:
                array = zarr.create_array(
                    state["create"].writable(), name="a", shape=(64, 4096), chunks=(1, 4096), dtype="f8"
                )
                array[:] = np.random.default_rng(0).random(array.shape)

            def change() -> None:
                zarr.open_array(state["create"].writable(), path="a")[3] = 1.5

            def group() -> Any:
                return zarr.open_group(state["open"].readable(), mode="r")

            with subject.pipeline():
                step("create", lambda: Handle(subject, "", True, storage(subject, s3, prefix)))
                step("write 64 chunks", write)
                step("commit", lambda: state["create"].commit())
                step("change one chunk", change)
                step("commit the change", lambda: state["create"].commit())
                step("open", lambda: Handle(subject, "", False, storage(subject, s3, prefix)))
                step("session and group", group)
                step("read one chunk", lambda: state["session and group"]["a"][0])
                step("read all", lambda: state["session and group"]["a"][:])


@case("s3.latency")
def latency(bench: Bench) -> None:
    """Time against a stand-in that takes LATENCY_MS for each answer."""
    chunks = bench.scale(512, 128)
    data = np.random.default_rng(0).integers(0, 255, (chunks, 16384), dtype="u1")
    for concurrency in (10, 64):
        with Server() as s3, zarr.config.set({"async.concurrency": concurrency}):
            opened, made, arrays = {}, {}, {}
            for subject in bench.packages:
                spec, prefix = subject.spec, subject.spec.replace(":", "_")
                handle = Handle(subject, "", True, storage(subject, s3, prefix))

                def write(h: Handle = handle) -> None:
                    zarr.create_array(
                        h.writable(),
                        name="a",
                        shape=data.shape,
                        chunks=(1, 16384),
                        dtype="u1",
                        overwrite=True,
                        compressors=None,
                    )[:] = data
                    h.commit()

                def fresh(s: Subject = subject, p: str = prefix) -> Any:
                    repo = Handle(s, "", False, storage(s, s3, p))
                    return zarr.open_array(repo.readable(), path="a", mode="r")

                with subject.pipeline():
                    write()
                    arrays[spec] = fresh()
                made[spec], opened[spec] = write, fresh
            s3.control(latency_ms=LATENCY_MS)
            common = {"unit": "ms", "latency_ms": LATENCY_MS, "concurrency": concurrency}
            few = min(bench.rounds, 3)
            measure = bench.measure
            measure("s3.latency", opened, step="open to array", **common)
            reads = {s: (lambda a=a: a[:]) for s, a in arrays.items()}
            measure("s3.latency", reads, step="read", chunks=chunks, rounds=few, **common)
            measure("s3.latency", made, step="write+commit", chunks=chunks, rounds=few, **common)
