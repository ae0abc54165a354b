"""What must be kept: from snapshots to their manifests to their chunks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

from frazil.format.ids import ManifestId, SnapshotId
from frazil.maintenance.reachability import fingerprints
from frazil.maintenance.reachability.fingerprints import Fingerprints
from frazil.maintenance.reachability.read import ReadLimits, read_manifests, read_snapshots

if TYPE_CHECKING:
    from frazil._core import ObjectStore, Snapshot


def manifests_of(snapshots: Iterable[Snapshot]) -> dict[ManifestId, int]:
    """The manifests that the snapshots list, with their sizes."""
    return {
        ManifestId(manifest_id): size for snapshot in snapshots for manifest_id, size, _ in snapshot.manifest_files()
    }


def chunks_of(
    objects: ObjectStore, manifests: dict[ManifestId, int], limits: ReadLimits, found: Fingerprints | None = None
) -> Fingerprints:
    """The chunk objects that the manifests refer to, added to ``found``; a manifest that cannot be read is an error."""
    found = Fingerprints() if found is None else found
    for manifest in read_manifests(objects, list(manifests.items()), limits):
        found.add(fingerprints.of_packed(manifest.chunk_ids()))
    return found


def walk(
    objects: ObjectStore, tips: Iterable[SnapshotId], limits: ReadLimits, *, known: Collection[SnapshotId] = ()
) -> Iterator[Snapshot]:
    """The snapshots at ``tips`` and all their ancestors, each once, by the parents that spec 1 writes into the files.

    Those that are ``known`` are left out, with what is only reached through them.
    """
    waiting = [tip for tip in dict.fromkeys(tips) if tip not in known]
    seen = {*waiting, *known}
    while waiting:
        parents: list[SnapshotId] = []
        for snapshot in read_snapshots(objects, waiting, at_once=limits.max_snapshots_in_memory):
            yield snapshot
            if snapshot.parent_id is not None and SnapshotId(snapshot.parent_id) not in seen:
                seen.add(SnapshotId(snapshot.parent_id))
                parents.append(SnapshotId(snapshot.parent_id))
        waiting = parents
