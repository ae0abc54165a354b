"""What one session sees: the base snapshot with the session's changes over it, and every edit of it.

The tree is the one mutable stage of the engine.  It knows nothing of branches' tips, commits or Zarr keys.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from frazil import node_path
from frazil._core import ChunkReader, ChunkRef, ChunkTable, CoordSet, KeyReader, Snapshot
from frazil.changes.change_set import ChangeSet, with_manifests
from frazil.context import RepositoryContext
from frazil.errors import (
    AlreadyExistsError,
    InvalidInputError,
    NodeNotFoundError,
    ReadOnlyError,
    SessionStateError,
)
from frazil.format import zarr_metadata
from frazil.format.records import ArrayData, ManifestFile, NodeRecord
from frazil.ids import ChunkId, NodeId, SnapshotId
from frazil.node_path import ROOT, NodePath
from frazil.session_mode import SessionMode

if TYPE_CHECKING:
    from frazil.session import Session


_MOST_NODES: Final = 4096
"""Records kept: walking a large hierarchy should not keep it all in memory."""


class TreeOwner(Protocol):
    """What a tree knows of the session above it."""

    def new_session(self) -> Session: ...


class WorkingTree:
    """Base snapshot plus change set.

    Safe to share between threads: edits take the lock, reads of unchanged nodes do not.
    """

    def __init__(
        self,
        context: RepositoryContext,
        base: Snapshot,
        *,
        mode: SessionMode,
        branch: str | None = None,
        is_fork: bool = False,
        changes: ChangeSet | None = None,
    ) -> None:
        self.context = context
        self._base: Snapshot | None = base
        self._base_id = SnapshotId(base.id)
        self.mode = mode
        self.branch = branch
        self.is_fork = is_fork
        self.changes = changes if changes is not None else ChangeSet()
        self.owner: TreeOwner | None = None
        """The session that this is the tree of; set by that session."""
        self.fork_bases: dict[SnapshotId, SnapshotId] = {}
        """The anonymous snapshots of this tree's changes that forks of it stand on, and the base under each."""
        self._start_empty()

    def _start_empty(self) -> None:
        """What a new tree and one from a pickle begin with."""
        self.lock = threading.RLock()
        self.keys = KeyReader()
        """Nodes that the extension can answer for by itself; filled on first use, emptied by edits."""
        self._readers: dict[NodePath, ChunkReader] = {}
        self._nodes: dict[NodePath, NodeRecord] = {}
        """Records that were asked for before: one of an array with many manifests takes long to make."""
        self._uploaded: set[ChunkId] = set()
        self.stored_manifests: Mapping[Hashable, ManifestFile] = {}
        """Those that the last attempt to commit has stored, if it came to nothing, by what they were made of."""

    # ---- state -----------------------------------------------------------------------------------------------------

    def new_session(self) -> Session:
        """A session object for whoever holds only the tree, such as a store."""
        assert self.owner is not None, "every tree is made by a session"
        return self.owner.new_session()

    @property
    def base_id(self) -> SnapshotId:
        return self._base_id

    @property
    def base(self) -> Snapshot:
        """The snapshot under the changes; fetched on first use after a pickle."""
        if self._base is None:
            self._base = self.context.assets.snapshot(self._base_id)
        return self._base

    @property
    def is_loaded(self) -> bool:
        """Whether the base is at hand."""
        return self._base is not None

    @property
    def read_only(self) -> bool:
        return self.mode is SessionMode.readonly

    def has_changes(self) -> bool:
        return not self.changes.is_empty()

    def settle(self, base: Snapshot) -> None:
        """The changes were written as ``base``: from here on the tree is a read-only view of it."""
        with self.lock:
            self.replace(base, ChangeSet())
            self.stored_manifests = {}
            self.mode = SessionMode.readonly
            self.branch = None
            self.is_fork = False

    def replace(self, base: Snapshot, changes: ChangeSet) -> None:
        """Stand on another base with other changes (rebase, merge, discard)."""
        with self.lock:
            self._base = base
            self._base_id = SnapshotId(base.id)
            self.changes = changes
            self._forget()

    def discard(self) -> None:
        self.ensure_writable()
        self.replace(self.base, ChangeSet())

    def ensure_writable(self) -> None:
        if self.read_only:
            raise ReadOnlyError(
                "Read only sessions cannot modify the repository; open a writable session "
                "(`Repository.writable_session`) to write",
                kind="read-only-session",
            )

    def ensure_editable(self) -> None:
        """Writable, and not a session that may only move nodes."""
        self.ensure_writable()
        if self.mode is SessionMode.rearrange:
            raise SessionStateError(
                "rearrange sessions can only move nodes; use a writable session to change data",
                kind="rearrange-session-only",
            )

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
            self.check_coords(node, coords)
            self._table(node).set(coords, ref)

    def delete_chunk(self, node: NodeRecord, coords: Sequence[int]) -> None:
        """Delete the reference, whether or not it exists; outside the grid this does nothing."""
        with self.lock:
            self.ensure_editable()
            if self.in_grid(node, coords):
                self._table(node).delete(coords)

    def delete_chunks(self, node: NodeRecord, chosen: CoordSet) -> None:
        with self.lock:
            self.ensure_editable()
            table = self._table(node)
            for coords in chosen:
                table.delete(coords)

    def table_of(self, node: NodeRecord) -> ChunkTable:
        """The chunk changes of an array, to edit in bulk; the caller has checked what it puts there."""
        with self.lock:
            self.ensure_editable()
            return self._table(node)

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
        return len(coords) == len(counts) and all(i < max(n, 1) for i, n in zip(coords, counts, strict=True))

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

    def _forget(self, path: NodePath | None = None) -> None:
        """The node at ``path`` (or any node) changed: ask Python again."""
        self.keys.forget(path)
        if path is None:
            self._readers.clear()
            self._nodes.clear()
        else:
            self._readers.pop(path, None)
            self._nodes.pop(path, None)

    # ---- pickling --------------------------------------------------------------------------------------------------

    def ensure_picklable(self) -> None:
        """A writable session has one place; forks and read-only sessions may travel."""
        if not (self.read_only or self.is_fork):
            raise ValueError(
                "You must opt-in to pickle writable sessions in a distributed context using Session.fork(). "
                "Send the fork to the workers, and merge what comes back with Session.merge()."
            )

    def sync_chunks(self) -> None:
        """Put the chunks written here on stable storage, since the session that commits them may be unable to.

        A disk only knows of the files that were written through it by the same process and the same handle.
        """
        if self.changes.chunks:
            self.context.objects.sync()

    def __getstate__(self) -> dict[str, Any]:
        self.ensure_picklable()
        with self.lock:
            self.sync_chunks()
            return {
                "context": self.context,
                "base_id": self._base_id,
                "mode": self.mode,
                "branch": self.branch,
                "is_fork": self.is_fork,
                "changes": self.changes.copy(),
                "owner": self.owner,
                "fork_bases": dict(self.fork_bases),
            }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.context = state["context"]
        self._base = None
        self._base_id = state["base_id"]
        self.mode = state["mode"]
        self.branch = state["branch"]
        self.is_fork = state["is_fork"]
        self.changes = state["changes"]
        self.owner = state["owner"]
        self.fork_bases = state["fork_bases"]
        self._start_empty()


def array_of(node: NodeRecord) -> ArrayData:
    """The array part of a node that is known to be an array."""
    assert node.array is not None
    return node.array
