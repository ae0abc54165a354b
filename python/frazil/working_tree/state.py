"""Where a tree stands, and what it may do: base, changes, mode, and the lock under which all of it is decided."""

from __future__ import annotations

import os
import sys
import threading
import warnings
import weakref
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from frazil._core import ChunkReader, ChunkTable, KeyReader, Snapshot
from frazil.changes.change_set import ChangeSet
from frazil.config.enums import SessionMode
from frazil.errors import ErrorKind, ReadOnlyError, SessionStateError, StorageError, error
from frazil.forking import is_left_behind, renew_in_children
from frazil.format.ids import ChunkId, NodeId, SnapshotId
from frazil.format.node_path import ROOT, NodePath
from frazil.format.records import ManifestFile, NodeRecord
from frazil.open_repository.context import RepositoryContext

if TYPE_CHECKING:
    from frazil.session import Session
    from frazil.working_tree.tree import WorkingTree


class TreeOwner(Protocol):
    """What a tree knows of the session above it.  It does not hold the tree: a dropped session goes at once."""

    def new_session(self, tree: WorkingTree) -> Session: ...


class ForkFate:
    """What became of a fork, for the session that it is a fork of; it does not keep the fork."""

    def __init__(self, tree: TreeState | None = None) -> None:
        self._tree = weakref.ref(tree) if tree is not None else None
        self.holds_changes = tree is None
        """It was dropped with changes, or a copy of it was sent away."""

    def may_hold_changes(self) -> bool:
        tree = self._tree() if self._tree is not None else None
        return self.holds_changes or (tree is not None and (tree.has_changes() or tree.unmerged_forks > 0))

    def __reduce__(self) -> tuple[type[ForkFate], tuple[()]]:
        return ForkFate, ()


class TreeState:
    """Base snapshot, change set and mode.

    Whoever changes or publishes something takes ``lock`` first and asks ``ensure_...`` then, so that nobody decides on a
    state that another thread is about to end.  (No context managers of our own: Ctrl-C in the Python code of one would
    leave the lock taken.)
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
        self.fork_id = context.ids.backup_id() if is_fork else None
        """What tells a fork and its copies from the others."""
        self.fate = ForkFate(self)
        self.forks: Mapping[bytes, ForkFate] = {}
        """All forks of this tree, and the forks of those that were merged into it."""
        self.merged_forks: frozenset[bytes] = frozenset()
        self._start_empty()

    def _start_empty(self) -> None:
        """What a new tree and one from a pickle begin with."""
        self.lock = threading.RLock()
        self._is_left_behind = False
        renew_in_children(self)
        self.keys = KeyReader()
        """Nodes that the extension can answer for by itself; filled on first use, emptied by edits."""
        self._readers: dict[NodePath, ChunkReader] = {}
        self._nodes: dict[NodePath, NodeRecord] = {}
        """Records that were asked for before: one of an array with many manifests takes long to make."""
        self._uploaded: set[ChunkId] = set()
        self._process = os.getpid()
        self.loss_is_told = False
        """An error has told that the changes were not committed."""
        self.in_doubt: tuple[Snapshot, ...] = ()
        """Snapshots of these changes that may have been published: it was tried, and no answer came."""
        self.stored_manifests: Mapping[Hashable, ManifestFile] = {}
        """Those that the last attempt to commit has stored, if it came to nothing, by what they were made of."""

    # ---- state -----------------------------------------------------------------------------------------------------

    def new_session(self) -> Session:
        """A session object for whoever holds only the tree, such as a store."""
        assert self.owner is not None, "every tree is made by a session"
        return self.owner.new_session(self)  # type: ignore[arg-type]  # the only class that this is the state of

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
            self.forks, self.merged_forks = {}, frozenset()
            self.in_doubt = ()  # last: if Ctrl-C comes before, it is found out once more

    def replace(self, base: Snapshot, changes: ChangeSet) -> None:
        """Stand on another base with other changes (rebase, merge, discard)."""
        with self.lock:
            self._base = base
            self._base_id = SnapshotId(base.id)
            self.changes = changes
            self._forget()

    def discard(self) -> None:
        with self.lock:
            self._refuse_read_only()
            self.ensure_whole()
            self.in_doubt = ()
            self.replace(self.base, ChangeSet())

    def renew_locks(self) -> None:
        """In a forked child: what another thread was about to change here may be half done."""
        if is_left_behind(self.lock):
            self.lock = threading.RLock()
            self._is_left_behind = True

    def __del__(self) -> None:
        """Say that changes go.  Those of a fork may have gone elsewhere, and are counted where it comes from."""
        try:
            if self.is_fork and self.has_changes():
                self.fate.holds_changes = True
            is_lost = not (self.read_only or self.is_fork or self.loss_is_told or self.in_doubt) and self.has_changes()
        except AttributeError:  # it was never made
            return
        if is_lost and self._process == os.getpid() and not sys.is_finalizing():
            warnings.warn(
                f"a session on branch `{self.branch}` was dropped with changes that were neither committed nor discarded "
                "(`Session.discard_changes`)",
                ResourceWarning,
                stacklevel=2,
                source=self,
            )

    # ---- forks -----------------------------------------------------------------------------------------------------

    @property
    def unmerged_forks(self) -> int:
        """How many forks have not come back, as far as they may hold changes: those are in no commit of this tree."""
        missing = self.forks.keys() - self.merged_forks
        return sum(1 for fork_id in missing if self.forks[fork_id].may_hold_changes())

    def add_fork(self, fork: TreeState) -> None:
        assert fork.fork_id is not None
        self.forks = {**self.forks, fork.fork_id: fork.fate}

    def note_merged(self, fork: TreeState) -> None:
        """The changes of a fork, and of all that were merged into it, are part of this tree now."""
        if fork.fork_id is not None:
            self.forks = {**self.forks, **fork.forks, fork.fork_id: fork.fate}
            self.merged_forks |= fork.merged_forks | {fork.fork_id}

    # ---- what it may do --------------------------------------------------------------------------------------------

    def ensure_publishable(self) -> str:
        """The branch that a commit moves.  What comes of an attempt to commit is told, success or not."""
        if self.branch is None or self.read_only:
            raise SessionStateError(
                "commits are not allowed on read-only or forked sessions, merge forked sessions back into the "
                "session that they were forked from and commit that one",
                kind="commit-not-allowed",
            )
        self.ensure_whole()
        self.loss_is_told = True
        return self.branch

    def ensure_writable(self) -> None:
        self._refuse_read_only()
        self.ensure_known()

    def _refuse_read_only(self) -> None:
        if self.read_only:
            raise ReadOnlyError(
                "Read only sessions cannot modify the repository; open a writable session "
                "(`Repository.writable_session`) to write",
                kind="read-only-session",
            )

    def ensure_whole(self) -> None:
        """In a forked child, refuse what another thread of the parent had begun to change."""
        if self._is_left_behind:
            raise error(
                ErrorKind.CONCURRENCY,
                "another thread was changing or committing this session when this process was forked, and may be half done "
                "with it here; it goes on in the parent: open a session of its own in each process",
            )

    def ensure_known(self) -> None:
        """Further changes would be lost if the last attempt to publish turned out to have been successful."""
        self.ensure_whole()
        if self.in_doubt:
            raise error(
                ErrorKind.OUTCOME_UNKNOWN,
                "the last commit of this session ended without an answer, so it is not known whether it is part of the "
                "repository: call `commit` again, which looks for it and never commits twice, or `discard_changes`",
            )

    def ensure_editable(self) -> None:
        """Writable, and not a session that may only move nodes."""
        self.ensure_writable()
        if self.mode is SessionMode.rearrange:
            raise SessionStateError(
                "rearrange sessions can only move nodes; use a writable session to change data",
                kind="rearrange-session-only",
            )

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
            self.ensure_stored()

    def ensure_stored(self, files: Sequence[str] = ()) -> None:
        """Fail unless every chunk written here, and each of these files, is there and can be relied on.

        So a collection with a cut-off that is too new, or somebody's ``rm``, makes an error and never a commit that cannot
        be read.  It is asked where that costs no request.  After a failure nothing counts as stored that could be used
        again: writing the same data anew mends it.
        """
        objects = self.context.objects
        if not objects.always_compares:
            return
        try:
            objects.ensure_stored(files)
            for node_id, table in self.changes.chunks.items():
                self._ensure_chunks(node_id, table)
        except StorageError:
            self._uploaded.clear()
            self.stored_manifests = {}
            raise

    def _ensure_chunks(self, node_id: NodeId, table: ChunkTable) -> None:
        try:
            table.ensure_stored(self.context.objects)
        except StorageError as failure:
            names = {node.id: node.path for node in self.changes.new_nodes()}
            names |= {NodeId(found): NodePath(path) for path, _, found in self.base.paths(ROOT)}
            failure.add_operation(f"ensure_stored array={names.get(node_id)}")
            raise

    def __getstate__(self) -> dict[str, Any]:
        with self.lock:
            self.ensure_picklable()
            self.sync_chunks()
            self.fate.holds_changes = True  # its copies may get some, wherever they are
            return {
                "context": self.context,
                "base_id": self._base_id,
                "mode": self.mode,
                "branch": self.branch,
                "is_fork": self.is_fork,
                "changes": self.changes.copy(),
                "owner": self.owner,
                "fork_bases": dict(self.fork_bases),
                "fork_id": self.fork_id,
                "forks": {fork_id: fate for fork_id, fate in self.forks.items() if fate.may_hold_changes()},
                "merged_forks": self.merged_forks,
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
        self.fork_id = state["fork_id"]
        self.fate = ForkFate(self)
        self.forks = state["forks"]
        self.merged_forks = state["merged_forks"]
        self._start_empty()
