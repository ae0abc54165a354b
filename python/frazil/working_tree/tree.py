"""The nodes and chunks that one session sees, and every edit of them.

The tree is the one mutable stage of the engine.  It knows nothing of branches' tips, commits or Zarr keys.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from frazil._core import ChunkReader, ChunkRef, ChunkTable, CoordSet
from frazil.changes.change_set import with_manifests
from frazil.config.enums import SessionMode
from frazil.errors import AlreadyExistsError, InvalidInputError, NodeNotFoundError, SessionStateError
from frazil.format import node_path, zarr_metadata
from frazil.format.ids import ChunkId, NodeId, SnapshotId
from frazil.format.node_path import ROOT, NodePath
from frazil.format.records import ArrayData, NodeRecord
from frazil.working_tree.state import TreeState

_MOST_NODES: Final = 4096
"""Records kept: walking a large hierarchy should not keep it all in memory."""


class WorkingTree(TreeState):
    """Base snapshot plus change set.

    Safe to share between threads: edits take the lock, reads of unchanged nodes do not.
    """

    # ---- nodes -----------------------------------------------------------------------------------------------------

    def node(self, path: NodePath) -> NodeRecord | None:
        """The node at ``path`` with the session's changes to it; arrays carry the manifests of the base."""
        found = self._nodes.get(path)
        if found is None:
            with self.lock:
                found = self._find_node(path)
                if found is not None:
                    if len(self._nodes) >= _MOST_NODES:
                        self._nodes.clear()
                    self._nodes[path] = found
        return found

    def _find_node(self, path: NodePath) -> NodeRecord | None:
        changes = self.changes
        made = changes.created.get(path)
        if made is not None:
            return made
        if path in changes.deleted:
            return None
        base_path: NodePath | None = path
        if len(changes.moves):
            base_path = changes.moves.to_base(path)
        found = self.base.node(base_path) if base_path is not None else None
        if found is None:
            return None
        record = NodeRecord.from_tuple(found)
        updated = changes.updated.get(record.id)
        if updated is not None:
            # Its manifests are those of the base that it was edited on, which a rebase or a merge may have left.
            record = updated if record.array is None else with_manifests(updated, record.array.manifests)
        if record.path != path:
            record = NodeRecord(record.id, path, record.user_data, record.array)
        return record

    def base_node(self, path: NodePath) -> NodeRecord | None:
        """The node at ``path`` without the session's changes."""
        found = self.base.node(path)
        return None if found is None else NodeRecord.from_tuple(found)

    def base_paths(self) -> dict[NodeId, NodePath]:
        """Where every node of the base is."""
        return {NodeId(node_id): NodePath(path) for path, _, node_id in self.base.paths(ROOT)}

    def published_base(self, base_id: SnapshotId) -> SnapshotId:
        """The commit under a base of a fork; the base itself if it is none that this tree knows."""
        while base_id in self.fork_bases:
            base_id = self.fork_bases[base_id]
        return base_id

    def existing_node(self, path: NodePath) -> NodeRecord:
        found = self.node(path)
        if found is None:
            raise NodeNotFoundError(f"node not found at `{path}`", kind="node-not-found")
        return found

    def existing_array(self, path: NodePath) -> NodeRecord:
        found = self.existing_node(path)
        if not found.is_array:
            raise InvalidInputError(f"not an array: `{path}` is a group", kind="not-an-array")
        return found

    def paths(self, prefix: NodePath = ROOT) -> list[tuple[NodePath, bool, NodeId]]:
        """(path, is array, node id) of the node at ``prefix`` and all below it, in no particular order."""
        changes = self.changes
        found: list[tuple[NodePath, bool, NodeId]] = []
        if len(changes.moves):
            for path, kind, node_id in self.base.paths(ROOT):
                here = changes.moves.to_current(NodePath(path))
                if node_path.is_same_or_below(here, prefix):
                    found.append((here, kind == "array", NodeId(node_id)))
            return found
        deleted = changes.deleted
        for path, kind, node_id in self.base.paths(prefix):
            if path not in deleted:
                found.append((NodePath(path), kind == "array", NodeId(node_id)))
        for node in changes.new_nodes():
            if node_path.is_same_or_below(node.path, prefix):
                found.append((node.path, node.is_array, node.id))
        return found

    def nodes(self, prefix: NodePath = ROOT) -> Iterator[NodeRecord]:
        """Every node at or below ``prefix``, in path order."""
        for path, _, _ in sorted(self.paths(prefix)):
            yield self.existing_node(path)

    def children(self, path: NodePath) -> set[str]:
        """Names of the nodes one level below ``path``."""
        changes = self.changes
        if not (changes.created or changes.deleted or len(changes.moves)):
            return set(self.base.children(path))
        if not len(changes.moves):
            names = {name for name in self.base.children(path) if node_path.child(path, name) not in changes.deleted}
            names.update(node_path.name(made) for made in changes.created if node_path.parent(made) == path)
            return names
        return {node_path.name(found) for found, _, _ in self.paths(path) if node_path.parent(found) == path}

    # ---- editing nodes ---------------------------------------------------------------------------------------------

    def set_metadata(self, path: NodePath, document: bytes) -> None:
        """Create the node at ``path`` or replace its metadata; identical bytes are not a change."""
        parsed = zarr_metadata.parse(document)
        self._check_spec(parsed)
        with self.lock:
            self.ensure_editable()
            found = self.node(path)
            array = parsed.array_data() if parsed.is_array else None
            if found is None:
                node_id = self.context.ids.node_id()
                self.changes.create(NodeRecord(node_id, path, document, array))
            elif found.is_array != parsed.is_array:
                kind = "array" if found.is_array else "group"
                raise AlreadyExistsError(
                    f"node already exists at `{path}`: it is a {kind}, delete it first", kind="node-already-exists"
                )
            elif found.user_data == document:
                return
            else:
                record = NodeRecord(found.id, path, document, array)
                if found.array is not None:
                    record = with_manifests(record, found.array.manifests)
                self.changes.update(record)
            self._forget(path)

    def _check_spec(self, parsed: zarr_metadata.ZarrMetadata) -> None:
        if self.context.spec_version == 1 and parsed.grid is not None and parsed.grid.name != "regular":
            raise InvalidInputError(
                f"repositories of spec version 1 cannot hold a {parsed.grid.name} chunk grid; "
                "please upgrade your on-disk format with `upgrade_icechunk_repository`",
                kind="invalid-array-metadata",
            )

    def delete_node(self, path: NodePath) -> None:
        """Delete a node, a group with everything below it; a missing node is no error."""
        with self.lock:
            self.ensure_editable()
            found = self.node(path)
            if found is None:
                return
            if not found.is_array:
                for below, _, _ in self.paths(path):
                    if below != path:
                        self.changes.delete(self.existing_node(below))
            self.changes.delete(found)
            self._forget()

    def clear(self) -> None:
        """Delete every node."""
        with self.lock:
            self.ensure_editable()
            for path, _, _ in self.paths(ROOT):
                self.changes.delete(self.existing_node(path))
            self._forget()

    def move(self, source: NodePath, target: NodePath) -> None:
        """Rename a node and its subtree (rearrange sessions; the checks are in the order of the public API)."""
        with self.lock:
            if self.node(source) is None:
                raise NodeNotFoundError(f"node not found at `{source}`", kind="node-not-found")
            if source == ROOT or node_path.is_same_or_below(target, source):
                raise SessionStateError(
                    f"cannot move `{source}` to `{target}`: a node cannot be moved into itself or its own descendant",
                    kind="move-into-self-or-descendant",
                )
            if self.node(target) is not None:
                raise AlreadyExistsError(
                    f"cannot move `{source}` to `{target}`: this would overwrite existing node `{target}`",
                    kind="move-wont-overwrite",
                )
            self._check_move_parent(source, target)
            self.ensure_writable()
            if self.mode is not SessionMode.rearrange:
                raise SessionStateError(
                    "nodes can only be moved in a rearrange session; open one with `Repository.rearrange_session`",
                    kind="non-rearrange-session",
                )
            self.changes.moves.add(source, target)
            self._forget()

    def _check_move_parent(self, source: NodePath, target: NodePath) -> None:
        parent = node_path.parent(target)
        found = self.node(parent) if parent is not None else None
        if found is None:
            raise SessionStateError(
                f"cannot move `{source}` to `{target}`: the destination's parent group does not exist",
                kind="move-destination-parent-missing",
            )
        if found.is_array:
            raise SessionStateError(
                f"cannot move `{source}` to `{target}`: `{parent}` is an array, not a group",
                kind="move-destination-parent-not-group",
            )

    # ---- chunks ----------------------------------------------------------------------------------------------------

    def chunk_reader(self, node: NodeRecord) -> ChunkReader:
        """Reads the chunks of an array as this session sees them; kept until the next edit of the node."""
        found = self._readers.get(node.path)
        if found is None:
            with self.lock:
                found = self._new_reader(node)
                if self.node(node.path) == node:
                    self._readers[node.path] = found
        return found

    def _new_reader(self, node: NodeRecord) -> ChunkReader:
        assert node.array is not None
        manifests = [(ref.id, self._manifest_size(ref.id), ref.extents) for ref in node.array.manifests]
        table = self.changes.chunks.get(node.id)
        return ChunkReader(self.context.assets, node.id, node.array.num_chunks, manifests, table)

    def _manifest_size(self, manifest_id: bytes) -> int:
        """The file size that the base lists; 0 makes the reader report the manifest as unknown when it is needed."""
        listed = self.base.manifest_file(manifest_id)
        return listed[1] if listed else 0

    def set_chunk(self, node: NodeRecord, coords: Sequence[int], ref: ChunkRef) -> None:
        with self.lock:
            self.ensure_editable()
            node = self._current(node)
            self.check_coords(node, coords)
            self._table(node).set(coords, ref)

    def delete_chunk(self, node: NodeRecord, coords: Sequence[int]) -> None:
        """Delete the reference, whether or not it exists; outside the grid this does nothing."""
        with self.lock:
            self.ensure_editable()
            if self._is_there(node) and self.in_grid(node, coords):
                self._table(node).delete(coords)

    def delete_chunks(self, node: NodeRecord, chosen: CoordSet) -> None:
        with self.lock:
            self.ensure_editable()
            if self._is_there(node):
                table = self._table(node)
                for coords in chosen:
                    table.delete(coords)

    def table_of(self, node: NodeRecord) -> ChunkTable:
        """The chunk changes of an array, to edit in bulk; the caller holds the lock, and has checked what it puts there."""
        with self.lock:
            self.ensure_editable()
            return self._table(self._current(node))

    def _current(self, node: NodeRecord) -> NodeRecord:
        """The array as it is now; another thread may have deleted, replaced or resized it since it was looked up."""
        found = self.node(node.path)
        if found is None or found.id != node.id:
            raise NodeNotFoundError(
                f"node not found at `{node.path}`: it was deleted or replaced while it was written to",
                kind="node-not-found",
            )
        return found

    def _is_there(self, node: NodeRecord) -> bool:
        found = self.node(node.path)
        return found is not None and found.id == node.id

    def _table(self, node: NodeRecord) -> ChunkTable:
        if node.id not in self.changes.chunks:
            self._forget(node.path)
        return self.changes.table(node)

    def check_coords(self, node: NodeRecord, coords: Sequence[int]) -> None:
        """Right rank, inside the grid; a zero-length dimension takes index 0, dropped at commit (format 12.1)."""
        if not self.in_grid(node, coords):
            counts = list(array_of(node).num_chunks)
            raise InvalidInputError(
                f"invalid chunk index {list(coords)} for array `{node.path}`: its chunk grid is {counts}",
                kind="invalid-chunk-index",
            )

    @staticmethod
    def in_grid(node: NodeRecord, coords: Sequence[int]) -> bool:
        assert node.array is not None
        counts = node.array.num_chunks
        return len(coords) == len(counts) and all(0 <= i < max(n, 1) for i, n in zip(coords, counts, strict=True))

    def has_uploaded(self, chunk_id: ChunkId) -> bool:
        """Whether this session stored a chunk of this content-derived name.

        Other sessions' chunks of the same name never count: they may be torn, or about to be collected.
        """
        return chunk_id in self._uploaded

    def note_upload(self, chunk_id: ChunkId) -> None:
        with self.lock:
            self._uploaded.add(chunk_id)

    # ---- the extension's shortcut ----------------------------------------------------------------------------------

    def register(self, node: NodeRecord) -> None:
        """Let the extension answer for this node's keys until the next edit of it."""
        with self.lock:
            current = self.node(node.path)
            if current is None or current.id != node.id:
                return
            if current.array is None:
                self.keys.register(current.path, current.user_data, None)
                return
            parsed = zarr_metadata.parse(current.user_data)
            if parsed.key_encoding.is_default:
                self.keys.register(current.path, current.user_data, self.chunk_reader(current))


def array_of(node: NodeRecord) -> ArrayData:
    """The array part of a node that is known to be an array."""
    assert node.array is not None
    return node.array
