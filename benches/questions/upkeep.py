"""What does upkeep of a large repository cost?"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

from frazil._core import ObjectStore, RepoInfo, encode_id
from harness import Bench, Handle, case
from questions.listing import hierarchy

FUTURE = datetime(2100, 1, 1, tzinfo=UTC)


def add_commits(root: Path, count: int, branch: str = "main") -> None:
    """Put commits on top of main, or beside it on another branch.

    Only the ``repo`` object is written, which is all that a history is read from; their snapshots are not there.
    """
    file = root / "repo"
    info = RepoInfo.decode(file.read_bytes())
    _, _, flushed_at, _, metadata, _ = info.snapshot(info.branch("main"))
    entries = []
    parent = info.branch("main")
    for number in range(1, count + 1):
        snapshot_id = (number * 0x9E3779B97F4A7C15 % 2**64).to_bytes(8, "big") + number.to_bytes(4, "big")
        entries.append((snapshot_id, parent, flushed_at + number, f"commit number {number}", metadata, []))
        parent = snapshot_id
    file.write_bytes(info.edit(insert=entries, branches={branch: parent}).encode(writer="benchmark", level=3))


@case("upkeep.ancestry")
def ancestry(bench: Bench) -> None:
    """List the commits of a long history."""
    count = bench.scale(100_000, 10_000)
    with bench.workdir() as root:
        roots = {}
        for subject in bench.packages:
            path = root / subject.spec.replace(":", "_")
            subject.create(path)
            add_commits(path, count)
            roots[subject.spec] = (subject, path)

        def read(spec: str) -> None:
            subject, path = roots[spec]
            found = [(c.id, c.written_at, c.message) for c in subject.open(path).repo.ancestry(branch="main")]
            assert len(found) == count + 1

        repos = {spec: subject.open(path).repo for spec, (subject, path) in roots.items()}

        def walk(spec: str) -> None:
            for _ in repos[spec].ancestry(branch="main"):
                pass

        def look(spec: str) -> None:
            for commit in repos[spec].ancestry(branch="main"):
                commit.id, commit.message, commit.written_at  # noqa: B018 - what is measured

        for op, run in (("open and read", read), ("walk", walk), ("look", look)):
            bench.measure(
                "upkeep.ancestry",
                {s: (lambda s=s, run=run: run(s)) for s in roots},
                unit="ms",
                op=op,
                commits=count,
                rounds=min(bench.rounds, 5),
            )


@case("upkeep.commits")
def commits(bench: Bench) -> None:
    """Commit nothing, beside a short history and a long one: what the history itself costs each commit."""
    for count in (10, bench.scale(10_000, 1_000)):
        with bench.workdir() as root:
            handles = {}
            for subject in bench.packages:
                path = root / subject.spec.replace(":", "_")
                subject.create(path)
                add_commits(path, count, "archive")
                handles[subject.spec] = subject.open(path)

            def commit(spec: str, handles: dict[str, Handle] = handles) -> None:
                handles[spec].repo.writable_session("main").commit("nothing", allow_empty=True)

            bench.measure(
                "upkeep.commits",
                {s: (lambda s=s, commit=commit: commit(s)) for s in handles},
                unit="ms",
                commits=count,
            )


@case("upkeep.collect")
def collect(bench: Bench) -> None:
    """Collect garbage: half of many objects are orphans."""
    count = bench.scale(100_000, 5_000)
    with bench.workdir() as root:
        made = root / "made"
        handle = bench.packages[-1].create(made)
        hierarchy(handle, bench.loop, 4, 25)
        store = ObjectStore.local(made, durable=False)
        orphans = [(f"chunks/{encode_id(number.to_bytes(12, 'big'))}", b"orphan") for number in range(1, count + 1)]
        store.put_many(orphans)
        handles = {}

        def renew(spec: str) -> None:
            subject = next(s for s in bench.packages if s.spec == spec)
            path = root / spec.replace(":", "_")
            shutil.rmtree(path, ignore_errors=True)
            shutil.copytree(made, path)
            handles[spec] = subject.open(path)

        def run(spec: str) -> None:
            summary = handles[spec].repo.garbage_collect(FUTURE)
            assert summary.chunks_deleted == count

        specs = [s.spec for s in bench.packages]
        bench.measure(
            "upkeep.collect",
            {s: (lambda s=s: run(s)) for s in specs},
            prepare={s: (lambda s=s: renew(s)) for s in specs},
            unit="ms",
            objects=count,
            rounds=min(bench.rounds, 3),
            warmup=0,
        )
