"""What the metadata files of a repository hold, as plain dictionaries for people and for JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from frazil import _core
from frazil.changes.to_log import LogContents, from_log
from frazil.clock import to_datetime
from frazil.errors import error, operation
from frazil.format import keys, values
from frazil.format import snapshot_entry as entries
from frazil.format.ids import ManifestId, SnapshotId, format_id
from frazil.format.records import NodeRecord
from frazil.history.v2 import HistoryV2, require_v2

if TYPE_CHECKING:
    from frazil._core import Buffer
    from frazil.history.base import History
    from frazil.open_repository.context import RepositoryContext

Json = dict[str, Any]

_FILE_TYPES: Final = {1: "snapshot", 2: "manifest", 4: "transaction-log", 6: "repo-info"}
_COMPRESSIONS: Final = {0: "none", 1: "zstd"}
_AVAILABILITIES: Final = {0: "Online", 1: "ReadOnly", 2: "Offline"}

_COMPOSITE_NOTE: Final = (
    "Synthetic composite: this snapshot's ancestry was collapsed by expiration; the log below merges its "
    "pruned-ancestor logs with its own log. `header` describes this snapshot's own log only."
)


def inspect_snapshot(context: RepositoryContext, snapshot_id: SnapshotId) -> Json:
    """The snapshot file: what was committed, its nodes and its manifests."""
    data = _read(context, "fetch_snapshot", keys.snapshot(snapshot_id))
    snapshot = _core.Snapshot.decode(data, snapshot_id)
    return {
        "id": format_id(snapshot.id),
        "header": _header(data),
        "flushed_at": _time(snapshot.flushed_at),
        "commit_message": snapshot.message,
        "metadata": values.decode_items(snapshot.metadata, snapshot.file_spec_version),
        "manifests": [
            {"id": format_id(manifest_id), "size_bytes": size, "num_chunk_refs": count}
            for manifest_id, size, count in snapshot.manifest_files()
        ],
        "nodes": [_node(NodeRecord.from_tuple(node)) for node in snapshot.nodes()],
    }


def _node(node: NodeRecord) -> Json:
    shown: Json = {"id": format_id(node.id), "path": node.path, "node_type": "group"}
    if node.array is None:
        return shown
    names = node.array.dimension_names or (None,) * len(node.array.shape)
    return {
        **shown,
        "node_type": "array",
        "shape": [
            {**({} if name is None else {"name": name}), "array_length": length, "num_chunks": count}
            for name, (length, count) in zip(names, node.array.shape, strict=True)
        ],
        "manifest_refs": [
            {"id": format_id(ref.id), "extents": [list(extent) for extent in ref.extents]}
            for ref in node.array.manifests
        ],
    }


def inspect_manifest(context: RepositoryContext, manifest_id: ManifestId) -> Json:
    """The manifest file: how many references of which kind it holds; ``size_bytes`` is its decoded size."""
    data = _read(context, "fetch_manifest", keys.manifest(manifest_id))
    manifest = _core.Manifest.decode(data, manifest_id)
    arrays = manifest.statistics()
    uses_compression, dictionary_bytes, num_compressed = manifest.compression()
    dictionary = {"dictionary_size_bytes": dictionary_bytes} if dictionary_bytes else {}
    return {
        "id": format_id(manifest.id),
        "header": _header(data),
        "size_bytes": manifest.nbytes,
        "num_arrays": len(arrays),
        "total_chunk_refs": manifest.num_refs,
        "total_inline": sum(inline for _, _, inline, _, _ in arrays),
        "total_native": sum(native for _, _, _, native, _ in arrays),
        "total_virtual": sum(virtual for _, _, _, _, virtual in arrays),
        "arrays": [
            {
                "node_id": format_id(node_id),
                "num_chunk_refs": count,
                "num_inline": inline,
                "num_native": native,
                "num_virtual": virtual,
            }
            for node_id, count, inline, native, virtual in arrays
        ],
        "compression": {
            # Spec 1 lacks the field, whose default is yes (format section 3.4).
            "uses_location_compression": uses_compression or manifest.file_spec_version == 1,
            **dictionary,
            "num_compressed_refs": num_compressed,
        },
    }


def inspect_transaction_log(context: RepositoryContext, history: History, snapshot_id: SnapshotId) -> Json:
    """The transaction log of a snapshot, merged with those of the ancestors that expiration took out below it."""
    data = _read(context, "fetch_transaction_log", keys.transaction_log(snapshot_id))
    own = from_log(_core.TransactionLog.decode(data, snapshot_id))
    pruned = _pruned(history, snapshot_id)
    if not pruned:
        return {"header": _header(data), **_log([own])}
    found = context.objects.get_many([(keys.transaction_log(log_id), None, None) for log_id in pruned])
    merged = {log_id: log for log_id, log in zip(pruned, found, strict=True) if log is not None}
    logs = [from_log(_core.TransactionLog.decode(log, log_id)) for log_id, log in merged.items()]
    return {
        "header": _header(data),
        **_log([*logs, own]),
        "synthetic_composite": {
            "note": _COMPOSITE_NOTE,
            "merged_pruned_ancestor_tx_logs": [format_id(log_id) for log_id in merged],
            "missing_tx_logs": [format_id(log_id) for log_id in pruned if log_id not in merged],
        },
    }


def _pruned(history: History, snapshot_id: SnapshotId) -> Sequence[SnapshotId]:
    """Only spec 2 remembers; a snapshot that is not listed has no history to remember."""
    if not isinstance(history, HistoryV2):
        return ()
    entry = history.read().snapshot(snapshot_id)
    return entries.from_tuple(entry).pruned if entry is not None else ()


def _log(logs: Sequence[LogContents]) -> Json:
    def ids(part: Callable[[LogContents], Iterable[bytes]]) -> list[str]:
        return [format_id(node_id) for node_id in sorted({node_id for log in logs for node_id in part(log)})]

    chunks: dict[bytes, _core.CoordSet] = {}
    for log in logs:
        for node_id, coords in log.updated_chunks.items():
            chunks[node_id] = chunks[node_id].union(coords) if node_id in chunks else coords
    return {
        "new_groups": ids(lambda log: log.new_groups),
        "new_arrays": ids(lambda log: log.new_arrays),
        "deleted_groups": ids(lambda log: log.deleted_groups),
        "deleted_arrays": ids(lambda log: log.deleted_arrays),
        "updated_groups": ids(lambda log: log.updated_groups),
        "updated_arrays": ids(lambda log: log.updated_arrays),
        "updated_chunks": [
            {"node_id": format_id(node_id), "chunks": [list(coords) for coords in chunks[node_id]]}
            for node_id in sorted(chunks)
        ],
        "moved_nodes": [{"from": move.source, "to": move.target} for log in logs for move in log.moves],
    }


def inspect_repo_info(context: RepositoryContext, history: History) -> Json:
    """The ``repo`` object (spec 2 only): refs, snapshots, and the newest part of the operations log."""
    require_v2(history, "inspect_repo_info")
    data = _read(context, "fetch_repo_info", keys.REPO)
    info = _core.RepoInfo.decode(data)
    before = {} if info.repo_before_updates is None else {"repo_before_updates": info.repo_before_updates}
    return {
        "header": _header(data),
        "spec_version": _spec(info.spec_version),
        "branches": {name: format_id(tip) for name, tip in info.branches()},
        "tags": {name: format_id(target) for name, target in info.tags()},
        "deleted_tags": info.deleted_tags(),
        "snapshots": [_snapshot_entry(entry) for entry in info.snapshots()],
        "metadata": values.decode_items(info.metadata, entries.REPO_SPEC_VERSION),
        "latest_updates": [_update(update) for update in info.updates()],
        **before,
    }


def _snapshot_entry(entry: _core._SnapshotEntry) -> Json:
    snapshot_id, parent_id, flushed_at, message, metadata, _ = entry
    return {
        "id": format_id(snapshot_id),
        **({} if parent_id is None else {"parent_id": format_id(parent_id)}),
        "flushed_at": _time(flushed_at),
        "message": message,
        "metadata": values.decode_items(metadata, entries.REPO_SPEC_VERSION),
    }


# ---- entries of the operations log -----------------------------------------------------------------------------------

_UPDATES: Final[Mapping[int, tuple[str, tuple[str, ...]]]] = {
    1: ("RepoInitializedUpdate", ()),
    2: ("RepoMigratedUpdate", ("from_version", "to_version")),
    3: ("ConfigChangedUpdate", ()),
    4: ("MetadataChangedUpdate", ()),
    5: ("TagCreatedUpdate", ("name",)),
    6: ("TagDeletedUpdate", ("name", "previous_snap_id")),
    7: ("BranchCreatedUpdate", ("name",)),
    8: ("BranchDeletedUpdate", ("name", "previous_snap_id")),
    9: ("BranchResetUpdate", ("name", "previous_snap_id")),
    10: ("NewCommitUpdate", ("branch", "new_snap_id")),
    11: ("CommitAmendedUpdate", ("branch", "previous_snap_id", "new_snap_id")),
    12: ("NewDetachedSnapshotUpdate", ("new_snap_id",)),
    13: ("GCRanUpdate", ()),
    14: ("ExpirationRanUpdate", ()),
    15: ("FeatureFlagChanged", ("id", "new_value", "is_set")),
    16: ("RepoStatusChangedUpdate", ("status",)),
}
"""Name and fields, in slot order, of each kind of update (format section 3.6)."""


def _update(update: _core._UpdateTuple) -> Json:
    tag, fields, updated_at, backup_path = update
    name, slots = _UPDATES.get(tag, (f"Unknown({tag})", ()))
    shown: Json = {slot: _field(slot, field) for slot, field in zip(slots, fields, strict=False)}
    if not shown.pop("is_set", True):
        shown["new_value"] = None
    backup = {} if backup_path is None else {"backup_path": backup_path}
    return {"update_type": {"type": name, **shown}, "updated_at": _time(updated_at), **backup}


def _field(slot: str, value: Any) -> Any:
    if slot.endswith("snap_id"):
        return format_id(value)
    if slot.endswith("_version"):
        return _spec(value)
    if slot == "status":
        availability, set_at, reason = value
        return {
            "availability": _AVAILABILITIES.get(availability, f"Unknown({availability})"),
            "set_at": _time(set_at),
            "limited_availability_reason": reason,
        }
    return value


# ---- parts of every file ---------------------------------------------------------------------------------------------


def _read(context: RepositoryContext, name: str, key: str) -> Buffer:
    with operation(name, path=key):
        data = context.objects.get(key)
        if data is None:
            raise error("object-not-found", f"object not found: `{key}`")
        return data


def _header(data: Buffer) -> Json:
    writer, spec_version, file_type, compression = _core.read_header(data)
    app_name, _, app_version = writer.partition("-")
    return {
        "written_by": writer,
        "app_name": app_name,
        "app_version": app_version,
        "spec_version": _spec(spec_version),
        "file_type": _FILE_TYPES.get(file_type, f"unknown ({file_type})"),
        "compression": _COMPRESSIONS.get(compression, f"unknown ({compression})"),
    }


def _spec(version: int) -> str:
    return f"{version}.0"


def _time(microseconds: int) -> str:
    """ISO 8601 in UTC with as many groups of three decimals as are needed."""
    if microseconds % 1_000_000 == 0:
        precision = "seconds"
    elif microseconds % 1_000 == 0:
        precision = "milliseconds"
    else:
        precision = "microseconds"
    return to_datetime(microseconds).isoformat(timespec=precision).removesuffix("+00:00") + "Z"
