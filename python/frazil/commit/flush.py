"""From a working tree to the files of a new snapshot: manifests, snapshot and transaction log.

``prepare`` reads what it must and builds every file in memory; ``store`` writes them.  Nothing here moves a branch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from frazil._core import Manifest, Snapshot, encode_snapshot
from frazil.changes import to_log
from frazil.changes.to_log import LogContents
from frazil.commit import manifests
from frazil.commit.manifests import ManifestContent, NewManifest
from frazil.concurrency.offload import begin
from frazil.format import keys, values, zarr_metadata
from frazil.format.ids import NodeId, SnapshotId
from frazil.format.node_path import ROOT, NodePath
from frazil.format.records import ManifestFile, NodeRecord, SnapshotEntry
from frazil.history.drift import ensure_not_ahead, time_after
from frazil.open_repository.new_files import NewFile, keep_manifest, keep_snapshot, write_files
from frazil.open_repository.preload import keep_preloaded
from frazil.working_tree import WorkingTree

if TYPE_CHECKING:
    from frazil.open_repository.context import RepositoryContext

_LONG_LOG = 50_000
"""Changed chunks from which on a transaction log is encoded beside the manifests: it takes some ten milliseconds."""


@dataclass(frozen=True, slots=True)
class PreparedSnapshot:
    """A snapshot that is ready to be stored: its entry in the history and all its new files."""

    entry: SnapshotEntry
    snapshot: Snapshot
    manifests: tuple[Manifest, ...]
    """Those of the new ones that the caches are to have."""
    files: tuple[NewFile, ...]
    contents: Mapping[ManifestContent, ManifestFile]
    """What the new manifests were made of, for an attempt after this one."""


@dataclass(frozen=True, slots=True)
class Replaced:
    """The commit that an amendment replaces (format section 8.2): the new one takes its parent and adds to its log."""

    entry: SnapshotEntry
    log: LogContents


@dataclass(slots=True)
class _Draft:
    """Files under construction."""

    nodes: list[NodeRecord] = field(default_factory=list)
    removed: list[NodePath] = field(default_factory=list)
    new_manifests: list[NewManifest] = field(default_factory=list)


def prepare(
    tree: WorkingTree,
    *,
    message: str,
    metadata: Mapping[str, Any],
    replaces: Replaced | None = None,
    rewrite: bool = False,
) -> PreparedSnapshot:
    """Build the files of a new snapshot on top of the tree's base.

    ``replaces`` is given by an amendment.  ``rewrite`` lays out the manifests of every array anew.
    """
    snapshot_id = tree.context.ids.snapshot_id()
    with tree.lock:
        base_nodes = ((NodePath(p), kind == "array", NodeId(i)) for p, kind, i in tree.base.paths(ROOT))
        log = to_log.from_changes(tree.changes, base_nodes if len(tree.changes.moves) else ())
        if replaces is not None:
            log = to_log.union(replaces.log, log)
        encode_log: Callable[[], bytes] = partial(_encode_log, tree.context, log, snapshot_id)
        if sum(map(len, log.updated_chunks.values())) >= _LONG_LOG:
            encode_log = begin(encode_log)
        draft = _draft(tree, rewrite=rewrite)
        base = tree.base
    return _encode(tree, base, draft, snapshot_id, encode_log, message, metadata, replaces)


def _encode_log(context: RepositoryContext, log: LogContents, snapshot_id: SnapshotId) -> bytes:
    level = context.config.effective_compression_level()
    return log.encode(snapshot_id, spec_version=context.spec_version, writer=context.writer, level=level)


def _draft(tree: WorkingTree, *, rewrite: bool) -> _Draft:
    draft = _Draft()
    changes = tree.changes
    arrays: list[NodeRecord] = []
    for path, is_array, node_id in tree.paths(ROOT) if rewrite else _touched(tree):
        node = tree.existing_node(path)
        edited = node_id in changes.updated or node_id in changes.chunks or changes.is_created(node)
        if is_array and (rewrite or edited):
            arrays.append(node)
        else:
            draft.nodes.append(node)
    nodes, draft.new_manifests = manifests.build(tree, arrays, rewrite=rewrite)
    draft.nodes.extend(nodes)
    draft.removed.extend(changes.deleted)
    if len(changes.moves):
        for base_path, _, _ in tree.base.paths(ROOT):
            if changes.moves.to_current(NodePath(base_path)) != base_path:
                draft.removed.append(NodePath(base_path))
    return draft


def _touched(tree: WorkingTree) -> list[tuple[NodePath, bool, NodeId]]:
    """The nodes that differ from the base: created, updated, with changed chunks, or moved."""
    changes = tree.changes
    if len(changes.moves):
        return [
            (changes.moves.to_current(NodePath(path)), kind == "array", NodeId(node_id))
            for path, kind, node_id in tree.base.paths(ROOT)
            if changes.moves.to_current(NodePath(path)) != path
        ]
    found = {node.id: (node.path, node.is_array, node.id) for node in (*changes.new_nodes(), *changes.updated.values())}
    wanted = {node_id for node_id, table in changes.chunks.items() if len(table)} - found.keys()
    if wanted:
        for path, kind, node_id in tree.base.paths(ROOT):
            if node_id in wanted:
                found[NodeId(node_id)] = (NodePath(path), kind == "array", NodeId(node_id))
    return list(found.values())


def _encode(
    tree: WorkingTree,
    base: Snapshot,
    draft: _Draft,
    snapshot_id: SnapshotId,
    encode_log: Callable[[], bytes],
    message: str,
    metadata: Mapping[str, Any],
    replaces: Replaced | None,
) -> PreparedSnapshot:
    context = tree.context
    spec, level = context.spec_version, context.config.effective_compression_level()
    flushed_at = time_after(
        context, base.flushed_at, written="the parent snapshot was written", key=keys.snapshot(SnapshotId(base.id))
    )
    parent_id = replaces.entry.parent_id if replaces is not None else SnapshotId(base.id)
    data = encode_snapshot(
        base=base,
        removed=draft.removed,
        nodes=[node.to_tuple() for node in draft.nodes],
        manifest_files=[(f.id, f.size_bytes, f.num_chunk_refs) for f in (new.file for new in draft.new_manifests)],
        id=snapshot_id,
        parent_id=parent_id,
        flushed_at=flushed_at,
        message=message,
        metadata=values.encode_items(metadata, spec),
        spec_version=spec,
        chunk_lengths=_chunk_lengths(draft.nodes) if spec == 1 else {},
        writer=context.writer,
        level=level,
    )
    files = [NewFile(keys.manifest(new.file.id), new.data) for new in draft.new_manifests if new.data is not None]
    files.append(NewFile(keys.snapshot(snapshot_id), data))
    files.append(NewFile(keys.transaction_log(snapshot_id), encode_log()))
    pruned = replaces.entry.pruned if replaces is not None else ()
    entry = SnapshotEntry(snapshot_id, parent_id, flushed_at, message, dict(metadata), pruned)
    kept = tuple(new.manifest for new in draft.new_manifests if new.manifest is not None)
    contents = {new.content: new.file for new in draft.new_manifests}
    return PreparedSnapshot(entry, Snapshot.decode(data, entry.id), kept, tuple(files), contents)


def _chunk_lengths(nodes: list[NodeRecord]) -> dict[str, tuple[int, ...]]:
    """The true chunk lengths that spec 1 stores beside the shape."""
    found: dict[str, tuple[int, ...]] = {}
    for node in nodes:
        if node.is_array:
            grid = zarr_metadata.parse(node.user_data).grid
            if grid is not None and grid.chunk_lengths is not None:
                found[node.path] = grid.chunk_lengths
    return found


def store(tree: WorkingTree, prepared: PreparedSnapshot) -> None:
    """Write the files; afterwards, on a durable disk, they and every chunk they refer to are on stable storage.

    Raises ``FormatError`` of kind ``snapshot-timestamp`` if their time is not that of the store, and ``StorageError`` if
    one of them, or a chunk, is gone already or did not reach the disk.
    """
    write_files(tree.context, prepared.files, fresh=True)
    tree.stored_manifests = prepared.contents
    tree.ensure_stored(
        [file.key for file in prepared.files] + [keys.manifest(f.id) for f in prepared.contents.values()]
    )
    ensure_not_ahead(tree.context, keys.snapshot(prepared.entry.id), nor_behind=True)
    keep_snapshot(tree.context, prepared.snapshot)
    keep_preloaded(tree.context, tree.base_id, prepared.entry.id)
    for manifest in prepared.manifests:
        keep_manifest(tree.context, manifest)
