"""From a working tree to the files of a new snapshot: manifests, snapshot and transaction log.

``prepare`` reads what it must and builds every file in memory; ``store`` writes them.  Nothing here moves a branch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from frazil._core import Manifest, ManifestBuilder, Snapshot, encode_snapshot
from frazil.assets import NewFile, keep_manifest, keep_snapshot, write_files
from frazil.changes import to_log
from frazil.changes.change_set import with_manifests
from frazil.changes.to_log import LogContents
from frazil.commit.split import Keep, Step, manifests_to_read, plan_array, split_edges
from frazil.errors import FormatError
from frazil.format import keys, values, zarr_metadata
from frazil.format.records import ManifestFile, ManifestRef, NodeRecord, SnapshotEntry
from frazil.ids import ManifestId, NodeId, SnapshotId
from frazil.node_path import ROOT, NodePath
from frazil.preload import keep_preloaded
from frazil.working_tree import WorkingTree, array_of

if TYPE_CHECKING:
    from frazil.config import ManifestSplittingConfig

_MAX_CLOCK_SKEW_US = 600 * 1_000_000


@dataclass(frozen=True, slots=True)
class PreparedSnapshot:
    """A snapshot that is ready to be stored: its entry in the history and all its new files."""

    entry: SnapshotEntry
    snapshot: Snapshot
    manifests: tuple[Manifest, ...]
    files: tuple[NewFile, ...]


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
    new_manifests: list[tuple[ManifestFile, bytes]] = field(default_factory=list)
    # Stays empty; builders made like it share one dictionary for locations, which takes as long to train as 1,000
    # references to encode.
    pattern: ManifestBuilder = field(default_factory=ManifestBuilder)


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
    with tree.lock:
        draft = _draft(tree, rewrite=rewrite)
        base_nodes = ((NodePath(p), kind == "array", NodeId(i)) for p, kind, i in tree.base.paths(ROOT))
        log = to_log.from_changes(tree.changes, base_nodes if len(tree.changes.moves) else ())
        base = tree.base
    if replaces is not None:
        log = to_log.union(replaces.log, log)
    return _encode(tree, base, draft, log, message, metadata, replaces)


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
    _add_arrays(tree, draft, arrays, rewrite=rewrite)
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


def _add_arrays(tree: WorkingTree, draft: _Draft, arrays: list[NodeRecord], *, rewrite: bool) -> None:
    manifest_config = tree.context.config.effective_manifest()
    plans = {node.path: _plan(tree, node, manifest_config.splitting, rewrite=rewrite) for node in arrays}
    wanted = manifests_to_read(plans)
    sizes = {ref.id: tree.base.manifest_file(ref.id) for ref in wanted}
    missing = next((manifest_id for manifest_id, listed in sizes.items() if listed is None), None)
    if missing is not None:
        raise FormatError(
            f"manifest information cannot be found for `{keys.manifest(missing)}`: the snapshot "
            f"`{keys.snapshot(tree.base_id)}` refers to it but does not list it",
            kind="manifest-info-not-found",
        )
    files = [(manifest_id, listed[1]) for manifest_id, listed in sizes.items() if listed is not None]
    concurrency = manifest_config.max_concurrent_manifest_fetches_during_commit or 0
    loaded = dict(zip(sizes, tree.context.assets.manifests(files, concurrency=concurrency), strict=True))
    for node in arrays:
        manifests = tuple(
            ref for step in plans[node.path] if (ref := _run(tree, draft, node, step, loaded)) is not None
        )
        draft.nodes.append(with_manifests(node, manifests))


def _plan(
    tree: WorkingTree, node: NodeRecord, splitting: ManifestSplittingConfig | None, *, rewrite: bool
) -> list[Step]:
    array = array_of(node)
    changed = tree.changes.chunks.get(node.id)
    return plan_array(array, split_edges(node.path, array, splitting), changed, rewrite=rewrite)


def _run(
    tree: WorkingTree, draft: _Draft, node: NodeRecord, step: Step, loaded: Mapping[ManifestId, Manifest]
) -> ManifestRef | None:
    if isinstance(step, Keep):
        return step.manifest
    builder = ManifestBuilder(like=draft.pattern)
    changes = tree.changes.chunks.get(node.id) if step.touched else None
    added = builder.add_array(node.id, step.region, [loaded[ref.id] for ref in step.old], changes)
    if added is None:
        return None
    count, extents = added
    manifest_id = tree.context.ids.manifest_id()
    data = finish_manifest(tree, builder, manifest_id)
    draft.new_manifests.append((ManifestFile(manifest_id, len(data), count), data))
    return ManifestRef(manifest_id, extents)


def finish_manifest(tree: WorkingTree, builder: ManifestBuilder, manifest_id: ManifestId) -> bytes:
    """Encode a manifest as this repository is configured."""
    context = tree.context
    locations = context.config.effective_manifest().effective_location_compression()
    return builder.finish(
        id=manifest_id,
        spec_version=context.spec_version,
        writer=context.writer,
        level=context.config.effective_compression_level(),
        min_virtual_refs=locations.min_num_chunks,
        dictionary_samples=locations.dictionary_max_training_samples,
        dictionary_bytes=locations.dictionary_max_size_bytes,
        location_level=locations.compression_level,
    )


def _encode(
    tree: WorkingTree,
    base: Snapshot,
    draft: _Draft,
    log: LogContents,
    message: str,
    metadata: Mapping[str, Any],
    replaces: Replaced | None,
) -> PreparedSnapshot:
    context = tree.context
    spec, level = context.spec_version, context.config.effective_compression_level()
    snapshot_id = context.ids.snapshot_id()
    flushed_at = _next_timestamp(context.clock(), base.flushed_at)
    parent_id = replaces.entry.parent_id if replaces is not None else SnapshotId(base.id)
    data = encode_snapshot(
        base=base,
        removed=draft.removed,
        nodes=[node.to_tuple() for node in draft.nodes],
        manifest_files=[(f.id, f.size_bytes, f.num_chunk_refs) for f, _ in draft.new_manifests],
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
    log_data = log.encode(snapshot_id, spec_version=spec, writer=context.writer, level=level)
    files = [NewFile(keys.manifest(file.id), content) for file, content in draft.new_manifests]
    files.append(NewFile(keys.snapshot(snapshot_id), data))
    files.append(NewFile(keys.transaction_log(snapshot_id), log_data))
    pruned = replaces.entry.pruned if replaces is not None else ()
    entry = SnapshotEntry(snapshot_id, parent_id, flushed_at, message, dict(metadata), pruned)
    manifests = tuple(Manifest.decode(content) for _, content in draft.new_manifests)
    return PreparedSnapshot(entry, Snapshot.decode(data), manifests, tuple(files))


def _next_timestamp(now: int, base: int) -> int:
    """Strictly after the base; a base that is far ahead of this machine's clock is a clock that has drifted."""
    if now > base:
        return now
    if base - now > _MAX_CLOCK_SKEW_US:
        raise FormatError(
            "snapshot timestamp is invalid, please verify if the machine clock has drifted: the parent snapshot was "
            f"written {(base - now) / 1e6:.0f} s in the future of this machine's clock",
            kind="snapshot-timestamp",
        )
    return base + 1


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
    """Write the files; afterwards, on a durable disk, they and every chunk they refer to are on stable storage."""
    write_files(tree.context, prepared.files)
    keep_snapshot(tree.context, prepared.snapshot)
    for manifest in prepared.manifests:
        keep_manifest(tree.context, manifest)
    keep_preloaded(tree.context, tree.base_id, SnapshotId(prepared.snapshot.id))
