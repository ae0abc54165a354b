"""Decodes files that stand for far more than they are, each in a process of its own under a limit; a script.

Prints for each its name, what came of it, the size of its body, and by how much the process grew, as JSON.
"""

from __future__ import annotations

import gzip
import json
import os
import resource
import struct
import tempfile
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import zarr

import frazil
from frazil import IcechunkError, _core
from frazil.config import persistence
from frazil.format import values, zarr_metadata
from tests.faults import bodies
from tests.faults.test_mutated_files import build

Use = Callable[[bytes], object]
Decode = Callable[[bytes, bytes], object]
MIB: Final = 1 << 20
ZSTD: Final = b"\x28\xb5\x2f\xfd"
COPIES: Final = 400_000


# ---- frames by hand (RFC 8878) ---------------------------------------------------------------------------------------


def frame(blocks: list[tuple[int, bytes, int]], *, size: int | None = None, window: int = 10) -> bytes:
    """Blocks of (type, content, length): type 0 stands for itself, 1 for one byte so many times."""
    head = b"\xe0" + struct.pack("<Q", size) if size is not None else bytes([0, window << 3])
    pieces = [
        (kind, content[at : at + 131_072] if kind == 0 else content, min(131_072, length - at))
        for kind, content, length in blocks
        for at in range(0, length, 131_072)
    ]
    out = [ZSTD, head]
    for number, (kind, content, length) in enumerate(pieces):
        last = number == len(pieces) - 1
        out += [struct.pack("<I", length << 3 | kind << 1 | last)[:3], content]
    return b"".join(out)


def zeros(length: int, **stated: int) -> bytes:
    return frame([(1, b"\0", length)], **stated)


def skippable(length: int) -> bytes:
    return struct.pack("<II", 0x184D2A50, length) + bytes(length)


FRAMES: Final = {
    "200 MiB of zeros, padded by what is skipped": skippable(MIB) + zeros(200 * MIB),
    "200 MiB of zeros": zeros(200 * MIB),
    "200 MiB of zeros, stated": zeros(200 * MIB, size=200 * MIB),
    "4 GiB of zeros": zeros(4 << 30),
    "1 TiB stated": zeros(1000, size=1 << 40),
    "2 GiB stated": zeros(1000, size=(1 << 31) - 1),
    "a window of 2 GiB": zeros(1000, window=21),
    "thousands of frames": zeros(131_072) * 2000,
    "cut short": zeros(100 * MIB)[:-2],
}


# ---- bodies that share ------------------------------------------------------------------------------------------------


def repeated(file: bytes, kind: int, slot: str) -> bytes:
    """The first element of a vector of tables or texts, so many times in the place of the vector."""
    header, body = bodies.unpack(file)
    sites = bodies.sites(body, kind)
    pointer = next(site for site in sites if site.what == "offset" and site.slot == slot)
    vector = pointer.at + bodies.u32(body, pointer.at)
    first = vector + 4 + bodies.u32(body, vector + 4)
    # Offsets lead forwards only, so what they lead to has to move behind them: the whole body does.
    shift = len(body) + -len(body) % 4
    body.extend(bytes(shift - len(body)))
    new = shift + 4 + 4 * COPIES
    copy = bytes(body)
    out = bytearray(copy)
    struct.pack_into("<I", out, pointer.at, shift - pointer.at)
    places = np.arange(shift + 4, shift + 4 + 4 * COPIES, 4, dtype=np.uint64)
    out += struct.pack("<I", COPIES) + ((new + first) - places).astype("<u4").tobytes() + copy
    return bodies.pack(header, out, 1)


def shared_text(file: bytes) -> bytes:
    """A ``repo`` object with the same deleted tag of 50 MiB fifteen times, which its 60 KB stand for."""
    header, body = bodies.unpack(file)
    pointer = next(site for site in bodies.sites(body, bodies.REPO) if site.what == "offset" and site.slot == "Repo.3")
    body.extend(bytes(-len(body) % 4))
    vector, count, length = len(body), 15, 50 * MIB
    struct.pack_into("<I", body, pointer.at, vector - pointer.at)
    text = vector + 4 + 4 * count
    body += struct.pack("<I", count) + b"".join(struct.pack("<I", text - vector - 4 - 4 * n) for n in range(count))
    body += struct.pack("<I", length)
    noise = bytes(body) + os.urandom(8000)  # which makes the file large enough for what it says
    return header + frame([(0, bytes(body), len(body)), (1, b"t", length), (0, noise, len(noise))])


# ---- what is decoded --------------------------------------------------------------------------------------------------


def use_snapshot(data: bytes, expected: bytes) -> None:
    snapshot = _core.Snapshot.decode(data, expected)
    values.decode_items(snapshot.metadata, snapshot.file_spec_version)
    snapshot.nodes()
    snapshot.paths()
    snapshot.manifest_files()


def use_manifest(data: bytes, expected: bytes) -> None:
    manifest = _core.Manifest.decode(data, expected)
    for use in (manifest.statistics, manifest.chunk_ids, manifest.virtual_locations, manifest.storage):
        use()
    for node_id, _ in manifest.arrays()[:3]:
        manifest.coords(node_id)


def use_log(data: bytes, expected: bytes) -> None:
    log = _core.TransactionLog.decode(data, expected)
    for part in ("new_groups", "updated_arrays", "updated_chunks", "moves"):
        getattr(log, part)


def use_repo(data: bytes, _: bytes) -> None:
    info = _core.RepoInfo.decode(data)
    info.snapshots()
    info.updates()
    info.deleted_tags()


USES: Final[dict[int, Decode]] = {
    bodies.SNAPSHOT: use_snapshot,
    bodies.MANIFEST: use_manifest,
    bodies.LOG: use_log,
    bodies.REPO: use_repo,
}
SHARED: Final = {
    bodies.SNAPSHOT: ("Snapshot.2", "Snapshot.5", "Snapshot.7", "ArrayNodeData.2", "ArrayNodeData.3"),
    bodies.MANIFEST: ("Manifest.1", "ArrayManifest.1"),
    bodies.LOG: ("TransactionLog.7", "ArrayUpdatedChunks.1"),
    bodies.REPO: ("Repo.1", "Repo.2", "Repo.3", "Repo.4", "Repo.6", "Repo.7", "SnapshotInfo.4"),
}


def chunk(codec: str) -> Use:
    """A read of a chunk of 8 bytes through the pipeline."""

    def use(data: bytes) -> None:
        names = {"zstd": zarr.codecs.ZstdCodec(), "gzip": zarr.codecs.GzipCodec(), "blosc": zarr.codecs.BloscCodec()}
        store = frazil.Repository.create(frazil.in_memory_storage()).writable_session("main").store
        group = zarr.create_group(store)
        array = group.create_array("a", shape=(8,), chunks=(8,), dtype="u1", compressors=names[codec], filters=None)
        store._store.write("a/c/0", data)
        array[...]

    return use


def cases(folder: Path) -> Iterator[tuple[str, Use, bytes, int]]:
    """(name, use, file, bytes that it may stand for)"""
    build(folder, 2)
    named = {bodies.SNAPSHOT: "snapshots", bodies.MANIFEST: "manifests", bodies.LOG: "transactions"}
    for kind, decode in USES.items():
        files = [folder / "repo"] if kind == bodies.REPO else sorted((folder / named[kind]).iterdir())
        path = max(files, key=lambda file: file.stat().st_size)
        file = path.read_bytes()
        use = partial(decode, expected=bodies.own_id(file)) if kind != bodies.REPO else partial(decode, _=b"")
        what = named.get(kind, "repo")
        for name, content in FRAMES.items():
            yield f"{what}: {name}", use, file[: bodies.HEADER] + content, most(content)
        for slot in SHARED[kind]:
            many = repeated(file, kind, slot)
            yield f"{what}: {slot} repeated", use, many, 8 * len(bodies.unpack(many)[1])
    yield "repo: a shared text", _core.RepoInfo.decode, shared_text((folder / "repo").read_bytes()), 51 * MIB * 3
    for name, whole, data in small():
        yield name, whole, data, len(data)


def most(content: bytes) -> int:
    """What a body may have at most, by its compressed size (``envelope.rs``)."""
    return 16 * MIB + 4096 * len(content)


def small() -> Iterator[tuple[str, Use, bytes]]:
    """Where nothing is to be made of it."""
    yield "zstd chunk", chunk("zstd"), zeros(200 * MIB)
    yield "zstd chunk, stated", chunk("zstd"), zeros(1000, size=1 << 40)
    yield "gzip chunk", chunk("gzip"), gzip.compress(bytes(200 * MIB))
    yield (
        "blosc chunk",
        chunk("blosc"),
        bytes([2, 1, 0x21, 1]) + struct.pack("<III", 0x7FFFFFFF, 0x7FFFFFFF, 32) + bytes(16),
    )
    yield "FlexBuffer of zeros", _core.flexbuffer_to_json, bytes(20 * MIB)
    yield "FlexBuffer of itself", _core.flexbuffer_to_json, bytes([1, 0, 0x28, 2, 0x28, 1])
    yield "MessagePack of lists", _core.msgpack_to_json, b"\x91" * MIB
    yield "MessagePack of claims", _core.msgpack_to_json, b"\xdd\xff\xff\xff\xff" * 1000
    yield "config of brackets", persistence.from_yaml, b"[" * 20_000
    yield "config of aliases", persistence.from_yaml, b"a: &a [x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]\n" * 10
    yield "document of brackets", zarr_metadata.parse, b"[" * MIB
    yield "document of dictionaries", zarr_metadata.parse, b'{"a":' * MIB


def run(use: Use, data: bytes) -> dict[str, Any]:
    """What becomes of it in a child that may have 1 GiB more than this process."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        page = resource.getpagesize()
        held = int(Path("/proc/self/statm").read_text().split()[0]) * page
        resource.setrlimit(resource.RLIMIT_AS, (held + (1 << 30), held + (1 << 30)))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        try:
            use(data)
            outcome = "done"
        except IcechunkError as failure:
            outcome = f"typed {failure.kind}"
        except BaseException as failure:  # noqa: BLE001 - a panic is none of Exception
            outcome = f"BAD {type(failure).__name__} {traceback.extract_tb(failure.__traceback__)[-1]}"
        os.write(writer, outcome.encode())
        os._exit(0)
    os.close(writer)
    outcome = os.read(reader, 10_000).decode()
    os.close(reader)
    _, status, usage = os.wait4(child, 0)
    return {"outcome": outcome, "status": status, "peak": usage.ru_maxrss << 10, "bytes": len(data)}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        everything = list(cases(Path(folder) / "repo"))
    base = run(lambda _: None, b"")["peak"]
    for name, use, data, may in everything:
        found = run(use, data)
        print(json.dumps({"name": name, **found, "grew": found["peak"] - base, "may": may + 64 * MIB}), flush=True)


if __name__ == "__main__":
    main()
