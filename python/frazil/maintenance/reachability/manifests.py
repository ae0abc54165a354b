"""The manifests of one snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frazil.format.ids import ManifestId, SnapshotId
from frazil.format.records import ManifestFile

if TYPE_CHECKING:
    from frazil.open_repository.context import RepositoryContext


def list_manifest_files(context: RepositoryContext, snapshot_id: SnapshotId) -> list[ManifestFile]:
    """Every manifest that the snapshot lists, by id; ``StorageError`` if there is no such snapshot."""
    listed = context.assets.snapshot(snapshot_id).manifest_files()
    return [ManifestFile(ManifestId(manifest_id), size, count) for manifest_id, size, count in listed]
