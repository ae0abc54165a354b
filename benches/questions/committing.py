"""What does a small commit into a large repository cost?"""

from __future__ import annotations

import random

import numpy as np
import zarr
from zarr.core.buffer import default_buffer_prototype

from harness import Bench, case
from questions.listing import hierarchy
from questions.references import locations, side, splits, virtual_repo


@case("manifest.commit_one")
def commit_one(bench: Bench) -> None:
    """Commit one changed chunk of an array of one million references."""
    n = side(bench)
    prototype = default_buffer_prototype()
    for rows in splits(bench):
        with bench.workdir() as root:
            handles = {s.spec: virtual_repo(s, root / s.spec.replace(":", "_"), n, rows) for s in bench.packages}
            rng = random.Random(3)

            def change(spec: str) -> None:
                store = handles[spec].writable()
                key = f"a/c/{rng.randrange(n)}/{rng.randrange(n)}"
                payload = prototype.buffer.from_bytes(b"abcd")
                bench.loop.run_until_complete(store.set(key, payload))

            bench.measure(
                "manifest.commit_one",
                {s: (lambda s=s: handles[s].commit()) for s in handles},
                prepare={s: (lambda s=s: change(s)) for s in handles},
                unit="ms",
                refs=n * n,
                split_rows=rows,
                rounds=min(bench.rounds, 5),
            )


@case("manifest.commit_nodes")
def commit_nodes(bench: Bench) -> None:
    """Commit one changed chunk of a repository of 1000 arrays."""
    prototype = default_buffer_prototype()
    groups = bench.scale(20, 4)
    with bench.workdir() as root:
        handles = {}
        for subject in bench.packages:
            handles[subject.spec] = subject.create(root / subject.spec.replace(":", "_"))
            hierarchy(handles[subject.spec], bench.loop, groups, 50)
        count = iter(range(1 << 30))

        def change(spec: str) -> None:
            payload = prototype.buffer.from_bytes(next(count).to_bytes(40, "little"))
            bench.loop.run_until_complete(handles[spec].writable().set("g001/a007/c/3", payload))

        bench.measure(
            "manifest.commit_nodes",
            {s: (lambda s=s: handles[s].commit()) for s in handles},
            prepare={s: (lambda s=s: change(s)) for s in handles},
            unit="ms",
            arrays=groups * 50,
        )


@case("manifest.append_many")
def append_many(bench: Bench) -> None:
    """Commit one new reference in each of many arrays that have thousands.

    What an operational feed of virtual references does every few minutes.
    """
    arrays, refs = bench.scale(100, 20), bench.scale(10_000, 2_000)
    names = locations(refs)
    offsets, lengths = np.arange(refs, dtype="u8") * 1000, np.full(refs, 1000, dtype="u8")
    with bench.workdir() as root:
        handles = {}
        for subject in bench.packages:
            handle = subject.create(root / subject.spec.replace(":", "_"))
            store = handle.writable()
            for number in range(arrays):
                zarr.create_array(
                    store,
                    name=f"v{number:03d}",
                    shape=(2 * refs,),
                    chunks=(1,),
                    dtype="f4",
                    compressors=None,
                )
                store.set_virtual_refs_arr(
                    f"v{number:03d}", (refs,), names, offsets, lengths, validate_containers=False
                )
            handle.commit()
            handles[subject.spec] = handle
        step = iter(range(refs, 2 * refs))

        def add(spec: str) -> None:
            store, at = handles[spec].writable(), next(step)
            for number in range(arrays):
                store.set_virtual_ref(
                    f"v{number:03d}/c/{at}",
                    names[-1],
                    offset=at,
                    length=1000,
                    validate_container=False,
                )

        bench.measure(
            "manifest.append_many",
            {s: (lambda s=s: handles[s].commit()) for s in handles},
            prepare={s: (lambda s=s: add(s)) for s in handles},
            unit="ms",
            arrays=arrays,
            refs=refs,
            rounds=min(bench.rounds, 5),
        )


@case("manifest.delete")
def deleting(bench: Bench) -> None:
    """delete_dir of an array of many chunks."""
    n = bench.scale(20_000, 2_000)
    with bench.workdir() as root:
        handles, stores = {}, {}
        for subject in bench.packages:
            handle = subject.create(root / subject.spec.replace(":", "_"))
            array = zarr.create_array(
                handle.writable(), name="a", shape=(n,), chunks=(1,), dtype="i4", compressors=None
            )
            array[:] = np.arange(1, n + 1)
            handle.commit()
            handles[subject.spec] = handle

        def begin(spec: str) -> None:
            stores[spec] = handles[spec].writable()

        async def delete(spec: str) -> None:
            await stores[spec].delete_dir("a")

        bench.measure(
            "manifest.delete",
            {s: (lambda s=s: delete(s)) for s in handles},
            prepare={s: (lambda s=s: begin(s)) for s in handles},
            unit="ms",
            chunks=n,
        )
