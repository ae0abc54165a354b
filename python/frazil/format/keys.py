"""Where each object of a repository lives (format section 1.1)."""

from __future__ import annotations

from frazil.format.ids import ChunkId, ManifestId, SnapshotId, format_id

REPO = "repo"
CONFIG = "config.yaml"
REFS = "refs"
SNAPSHOTS = "snapshots"
MANIFESTS = "manifests"
TRANSACTIONS = "transactions"
CHUNKS = "chunks"
OVERWRITTEN = "overwritten"

_YEAR_3000_MS = 32_503_680_000_000


def snapshot(snapshot_id: SnapshotId) -> str:
    return f"{SNAPSHOTS}/{format_id(snapshot_id)}"


def manifest(manifest_id: ManifestId) -> str:
    return f"{MANIFESTS}/{format_id(manifest_id)}"


def transaction_log(snapshot_id: SnapshotId) -> str:
    return f"{TRANSACTIONS}/{format_id(snapshot_id)}"


def chunk(chunk_id: ChunkId) -> str:
    return f"{CHUNKS}/{format_id(chunk_id)}"


def branch_ref(name: str) -> str:
    """Spec 1 only; the store writes special characters of names in its own way (format section 10.1)."""
    return f"{REFS}/branch.{name}/ref.json"


def tag_ref(name: str) -> str:
    """Spec 1 only; a tombstone beside it says that the tag was deleted."""
    return f"{REFS}/tag.{name}/ref.json"


def backup_name(source: str, now: int, random_part: bytes) -> str:
    """The name of a backup of ``source`` made at ``now`` (microseconds), newest sorting first (format section 1.4)."""
    return f"{source}.{_YEAR_3000_MS - now // 1000:014d}.{format_id(random_part)}"


def backup(name: str) -> str:
    return f"{OVERWRITTEN}/{name}"
