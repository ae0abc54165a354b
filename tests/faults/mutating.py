"""Mutates files of a repository, one after the other, and uses what is left; a script, for a process under a limit.

Arguments: a directory with a repository, a seed, how many mutations.  Prints what became of them as JSON.
"""

from __future__ import annotations

import collections
import json
import logging
import random
import resource
import struct
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import zarr

import frazil
from frazil import IcechunkError, Repository
from frazil.format.ids import INITIAL_SNAPSHOT_ID, format_id
from tests.faults import bodies

LIMIT: Final = 2 << 30
FUTURE: Final = datetime.now(UTC) + timedelta(days=1)
KINDS: Final = {
    "snapshots": bodies.SNAPSHOT,
    "manifests": bodies.MANIFEST,
    "transactions": bodies.LOG,
    "repo": bodies.REPO,
    "overwritten": bodies.REPO,
}
NUMBERS: Final = (0, 1, 2, 4, 127, 128, 255, 1 << 15, 1 << 16, 1 << 20, 1 << 28, 1 << 30, 1 << 31, (1 << 32) - 1, 1 << 32,
                  1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)  # fmt: skip
TEXTS: Final = (
    b"", b"/", b"//", b"/..", b"/a/../b", b"/a/", b"a", b"/c/0", b"/zarr.json", b"/" + b"x" * 70_000, b"/x" * 5000,
    b"\xff\xfe", b"\xed\xa0\x80", b"\0", b"main", b"/a\nb", b"file:///etc/passwd", b"[" * 5000, b'{"a":' * 3000,
    b"9" * 5000, b"\x91" * 5000, b"\xdd\xff\xff\xff\xff", b"null", b"{}",
)  # fmt: skip


# ---- mutations -------------------------------------------------------------------------------------------------------


def in_the_body(data: bytes, kind: int, rng: random.Random) -> bytes:
    """One or two places of the body that mean something, with another value."""
    header, body = bodies.unpack(data)
    sites = bodies.sites(body, kind)
    kinds = sorted({site.what for site in sites})
    for _ in range(rng.choice((1, 1, 2))):
        what = rng.choice(kinds)
        change(body, rng.choice([site for site in sites if site.what == what]), rng)
    return bodies.pack(header, body, 19 if kind == bodies.MANIFEST else 1)


def change(body: bytearray, site: bodies.Site, rng: random.Random) -> None:
    if site.what in {"text", "bytes"} and rng.random() < 0.6:
        longer(body, site, rng.choice(TEXTS))
    elif site.what in {"id", "struct", "text", "bytes"}:
        if site.size:
            body[site.at + rng.randrange(site.size)] ^= 1 << rng.randrange(8)
    else:
        number = rng.choice((*NUMBERS, rng.randrange(1 << 32), rng.randrange(len(body))))
        body[site.at : site.at + site.size] = (number % (1 << 8 * site.size)).to_bytes(site.size, "little")


def longer(body: bytearray, site: bodies.Site, content: bytes) -> None:
    """Other content at the end of the body, where everything that pointed to the old one points now."""
    old = site.at - 4
    body.extend(bytes(-len(body) % 4))
    new = len(body)
    body.extend(struct.pack("<I", len(content)) + content + bytes(4))
    for at in range(0, old, 4):
        if at + bodies.u32(body, at) == old:
            struct.pack_into("<I", body, at, new - at)


def anywhere(data: bytes, rng: random.Random) -> bytes:
    """Bytes that are flipped, gone, doubled or foreign, wherever they are."""
    changed = bytearray(data or b"\0")
    at, length = rng.randrange(len(changed)), rng.randrange(1, 16)
    match rng.randrange(7):
        case 0:
            for _ in range(rng.choice((1, 2, 8))):
                changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
        case 1:
            del changed[at:]
        case 2:
            changed += rng.choice((b"\0", rng.randbytes(9), bytes(changed), bytes(1 << 16)))
        case 3:
            changed[at : at + length] = rng.randbytes(length)
        case 4:
            del changed[at : at + length]
        case 5:
            changed[rng.randrange(min(60, len(changed)))] = rng.randrange(256)
        case _:
            changed = bytearray(rng.choice(TEXTS))
    return bytes(changed)


def mutated(name: str, data: bytes, rng: random.Random) -> bytes:
    kind = KINDS.get(name.partition("/")[0]) if data.startswith(bodies.MAGIC) else None
    return in_the_body(data, kind, rng) if kind is not None and rng.random() < 0.75 else anywhere(data, rng)


# ---- uses ------------------------------------------------------------------------------------------------------------


def read(repo: Repository) -> None:
    for branch in repo.list_branches():
        store = repo.readonly_session(branch).store._store
        for key in [*store.keys(), "a/c/0"]:
            store.read(key)


def read_arrays(repo: Repository) -> None:
    root = zarr.open_group(repo.readonly_session("main").store, mode="r")
    for _, array in root.arrays():
        array[...]


def log(repo: Repository) -> None:
    for branch in repo.list_branches():
        list(repo.ancestry(branch=branch))
    repo.list_tags()
    if repo.spec_version == 2:
        list(repo.ops_log())
        repo.inspect_repo_info()


def diff(repo: Repository) -> None:
    repo.diff(from_snapshot_id=format_id(INITIAL_SNAPSHOT_ID), to_branch="main")


def commit(repo: Repository) -> None:
    session = repo.writable_session("main")
    session.store._store.write("a/c/1", b"12345678")
    session.commit("more")


def rebase(repo: Repository) -> None:
    session = repo.writable_session("old")
    session.store._store.write("a/c/1", b"12345678")
    repo.reset_branch("old", repo.lookup_branch("main"))
    session.commit("ours", rebase_with=frazil.BasicConflictSolver())


def collect(repo: Repository) -> None:
    repo.chunk_storage_stats()
    repo.garbage_collect(FUTURE)


def expire(repo: Repository) -> None:
    repo.expire_snapshots(FUTURE)


def inspect(repo: Repository) -> None:
    tip = repo.lookup_branch("main")
    repo.inspect_snapshot(tip)
    repo.inspect_transaction_log(tip)
    for manifest in repo.list_manifest_files(tip):
        repo.inspect_manifest(manifest.id)


def upgrade(repo: Repository) -> None:
    if repo.spec_version == 1:
        frazil.upgrade_icechunk_repository(repo, dry_run=False)


USES: Final[tuple[Callable[[Repository], None], ...]] = (
    read, log, diff, inspect, commit, rebase, collect, expire,
)  # fmt: skip


def uses_of(name: str, rng: random.Random) -> Iterator[Callable[[Repository], None]]:
    """Reading always, and two others; of chunks through the codecs too, whose errors would be zarr's if documents were
    what is mutated."""
    yield read
    yield from rng.sample(USES, 2)
    if name.startswith("chunks/"):
        yield read_arrays
    if rng.random() < 0.2:
        yield upgrade  # after which the repository object is used no more


def attempt(files: dict[str, bytes], name: str, data: bytes, rng: random.Random) -> Iterator[tuple[str, str]]:
    """(use, outcome) of a repository with one other file."""
    repo: list[Repository] = []
    outcome = tried(lambda: repo.append(opened(files, name, data)))
    yield "open", outcome
    for use in uses_of(name, rng) if repo else ():
        yield use.__name__, tried(partial(use, repo[0]))


def tried(call: Callable[[], object]) -> str:
    """``done``, ``typed`` with the kind of error, or ``BAD`` with what else came of it."""
    try:
        call()
    except IcechunkError as failure:
        return f"typed {failure.kind}"
    except BaseException as failure:  # noqa: BLE001 - a panic is none of Exception
        where = traceback.extract_tb(failure.__traceback__)[-1]
        return f"BAD {type(failure).__name__}: {str(failure)[:120]} at {where.filename[-40:]}:{where.lineno}"
    return "done"


def opened(files: dict[str, bytes], name: str, data: bytes) -> Repository:
    storage = frazil.in_memory_storage()
    store = storage._backend.store  # type: ignore[attr-defined, union-attr]
    for key, content in files.items():
        store.put(key, data if key == name else content)
    return Repository.open(storage)


def main(where: Path, seed: int, count: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    rng = random.Random(seed)
    files = {str(file.relative_to(where)): file.read_bytes() for file in sorted(where.rglob("*")) if file.is_file()}
    files = {name: data for name, data in files.items() if not name.endswith(".frazil-lock")}
    by_folder: dict[str, list[str]] = {}
    for name in files:
        by_folder.setdefault(name.partition("/")[0], []).append(name)
    outcomes: collections.Counter[str] = collections.Counter()
    bad: list[Any] = []
    for number in range(count):
        folder = rng.choice(sorted(by_folder))
        name = rng.choice(by_folder[folder])
        data = mutated(name, files[name], rng)
        for use, outcome in attempt(files, name, data, rng):
            outcomes[f"{folder} {outcome.partition(' ')[0]}"] += 1
            if outcome.startswith("BAD"):
                bad.append((number, name, use, outcome))
    print(json.dumps({"outcomes": outcomes, "bad": bad[:50], "bad_count": len(bad)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
