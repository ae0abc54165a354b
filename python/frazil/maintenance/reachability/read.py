"""Reading many immutable files once: in batches, past the caches, with bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from frazil._core import Buffer, Manifest, Snapshot
from frazil.config.fields import integer
from frazil.errors import FormatError, error, operation
from frazil.format import keys
from frazil.format.ids import ManifestId, SnapshotId

if TYPE_CHECKING:
    from frazil._core import ObjectStore


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """How much may be in memory or under way at once.

    Manifests are decoded one at a time, whatever ``max_decoded_manifest_mem_bytes`` would allow.
    """

    max_snapshots_in_memory: int = 50
    max_compressed_manifest_mem_bytes: int = 512 * 1024 * 1024
    max_decoded_manifest_mem_bytes: int = 4 * 1024 * 1024 * 1024
    max_concurrent_manifest_fetches: int = 500

    def __post_init__(self) -> None:
        require_positive(self)


def require_positive(limits: object) -> None:
    """Keep integers of at least 1, and None where the class has it; ``ValueError`` for zero."""
    for limit in fields(limits):  # type: ignore[arg-type]
        value = getattr(limits, limit.name)
        if not (value is None and limit.default is None):
            object.__setattr__(limits, limit.name, integer(limit.name, value, 1, 2**64 - 1))


def read_snapshots(objects: ObjectStore, ids: Sequence[SnapshotId], *, at_once: int) -> Iterator[Snapshot]:
    """The snapshots of these ids, in order; ``StorageError`` of kind ``object-not-found`` if one is missing."""
    for start in range(0, len(ids), at_once):
        wanted = ids[start : start + at_once]
        found = objects.get_many([(keys.snapshot(snapshot_id), None, None) for snapshot_id in wanted])
        for snapshot_id, data in zip(wanted, found, strict=True):
            yield _decoded_snapshot(snapshot_id, data)


def read_manifests(
    objects: ObjectStore, files: Sequence[tuple[ManifestId, int]], limits: ReadLimits
) -> Iterator[Manifest]:
    """The manifests of these (id, size) pairs, in order; an error if one is missing or damaged."""
    for batch in batches(files, limits):
        requests = [(keys.manifest(manifest_id), 0, size) for manifest_id, size in batch]
        found = objects.get_many(requests, concurrency=limits.max_concurrent_manifest_fetches)
        for (manifest_id, size), data in zip(batch, found, strict=True):
            yield _decoded_manifest(objects, manifest_id, size, data)


def batches(files: Sequence[tuple[ManifestId, int]], limits: ReadLimits) -> Iterator[Sequence[tuple[ManifestId, int]]]:
    """Runs of files that fit in memory together; a file that is too large on its own comes alone."""
    start, size = 0, 0
    for here, (_, more) in enumerate(files):
        full = size + more > limits.max_compressed_manifest_mem_bytes
        if here > start and (full or here - start == limits.max_concurrent_manifest_fetches):
            yield files[start:here]
            start, size = here, 0
        size += more
    if start < len(files):
        yield files[start:]


def _decoded_snapshot(snapshot_id: SnapshotId, data: Buffer | None) -> Snapshot:
    name = keys.snapshot(snapshot_id)
    with operation("fetch_snapshot", path=name):
        return Snapshot.decode(_existing(name, data), snapshot_id)


def _decoded_manifest(objects: ObjectStore, manifest_id: ManifestId, size: int, data: Buffer | None) -> Manifest:
    name = keys.manifest(manifest_id)
    with operation("fetch_manifest", path=name):
        try:
            return Manifest.decode(_existing(name, data), manifest_id)
        except FormatError:
            # Of another manifest's file that is longer, this is only the beginning, which does not tell whose it is.
            whole = objects.get(name)
            if whole is not None and len(whole) > size:
                Manifest.decode(whole, manifest_id)
            raise


def _existing(name: str, data: Buffer | None) -> Buffer:
    if data is None:
        raise error(
            "object-not-found", f"object not found: `{name}` is part of the repository's history but is missing"
        )
    return data
