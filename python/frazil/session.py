"""Sessions: one transaction on a repository."""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from frazil.changes import merge as _merge
from frazil.changes import to_log
from frazil.changes.change_set import ChangeSet
from frazil.commit import publish
from frazil.concurrency.offload import in_thread, run_in_thread
from frazil.config.enums import ChunkType, SessionMode
from frazil.config.fields import boolean, integer, integers
from frazil.display import Parts, StructuralDisplay
from frazil.errors import ConflictError, SessionStateError, UnmergedForkWarning, error
from frazil.format import node_path, values
from frazil.format.ids import NodeId, SnapshotId, format_id
from frazil.format.node_path import ROOT, NodePath
from frazil.history.base import History
from frazil.history.diff import translate
from frazil.history.shown.diff import Diff
from frazil.history.start.opening import history_of
from frazil.names import public
from frazil.rebase import rebase_tree
from frazil.store import IcechunkStore
from frazil.store.raw import RawStore
from frazil.store.virtual_refs import all_virtual_chunk_locations
from frazil.working_tree import WorkingTree
from frazil.working_tree import reindex as _reindex

if TYPE_CHECKING:
    from frazil.config import RepositoryConfig
    from frazil.conflicts import ConflictSolver


@dataclass(eq=False, slots=True)
class SessionState:
    """The tree that all ``Session`` and store objects of one session share, and what commits of it need besides."""

    tree: WorkingTree
    default_metadata: Mapping[str, Any] = field(default_factory=dict)
    _history: History | None = None

    def __post_init__(self) -> None:
        self.tree.owner = SessionOrigin(self.default_metadata, self._history)

    @property
    def history(self) -> History:
        """Made again after a pickle."""
        if self._history is None:
            self._history = history_of(self.tree.context)
        return self._history

    def __getstate__(self) -> dict[str, Any]:
        return {"tree": self.tree, "default_metadata": dict(self.default_metadata)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.tree = state["tree"]
        self.default_metadata = state["default_metadata"]
        self._history = None
        self.__post_init__()


@dataclass(frozen=True, slots=True)
class SessionOrigin:
    """What a tree keeps, to make session objects for whoever holds only the tree."""

    default_metadata: Mapping[str, Any]
    history: History | None

    def new_session(self, tree: WorkingTree) -> Session:
        state = SessionState(tree, self.default_metadata, self.history)
        return ForkSession(state) if tree.is_fork else Session(state)

    def __reduce__(self) -> tuple[Any, ...]:
        return SessionOrigin, (dict(self.default_metadata), None)


@public
class Session(StructuralDisplay):
    """A view of one snapshot, and in a writable session the place where changes gather until they are committed.

    Obtained from a repository: ``readonly_session``, ``writable_session``, ``rearrange_session``.  It never sees what
    others commit after it was opened.  Safe to share between threads.
    """

    _session: SessionState

    def __init__(self, session: SessionState) -> None:
        self._session = session

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Session) and other._tree is self._tree

    def __hash__(self) -> int:
        return hash(id(self._tree))

    def __display__(self) -> Parts:
        fields: list[tuple[str, object]] = [("read_only", self.read_only), ("snapshot_id", self.snapshot_id)]
        if not self.read_only:
            fields += [("branch", self.branch), ("has_uncommitted_changes", self.has_uncommitted_changes)]
        return Parts("session.Session", tuple(fields))

    def __getstate__(self) -> dict[str, Any]:
        self._tree.ensure_picklable()
        return {"_session": self._session}

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, dict) or not isinstance(state.get("_session"), SessionState):
            raise ValueError("Invalid state")
        self._session = state["_session"]

    @property
    def _tree(self) -> WorkingTree:
        return self._session.tree

    # ---- what it is ------------------------------------------------------------------------------------------------

    @property
    def read_only(self) -> bool:
        """True for read-only sessions, and for any session after it was committed."""
        return self._tree.read_only

    @property
    def mode(self) -> SessionMode:
        """Read only, writable, or rearranging."""
        return self._tree.mode

    @property
    def snapshot_id(self) -> str:
        """The snapshot that the session is based on; after a commit the new one."""
        return format_id(self._tree.base_id)

    @property
    def branch(self) -> str | None:
        """The branch that a commit moves; None for read-only sessions and forks."""
        return self._tree.branch

    @property
    def has_uncommitted_changes(self) -> bool:
        """Whether there is anything to commit."""
        return self._tree.has_changes()

    @property
    def config(self) -> RepositoryConfig:
        """A copy of the repository's effective configuration."""
        return deepcopy(self._tree.context.config)

    @property
    def store(self) -> IcechunkStore:
        """The Zarr store of this session."""
        return IcechunkStore(RawStore(self._tree))

    # ---- publishing ------------------------------------------------------------------------------------------------

    def commit(
        self,
        message: str,
        metadata: dict[str, Any] | None = None,
        *,
        rebase_with: ConflictSolver | None = None,
        rebase_tries: int | None = 1000,
        allow_empty: bool = False,
        strict_forks: bool = False,
    ) -> str:
        """Make the changes the new tip of the branch; afterwards the session is a read-only view of it.

        Parameters
        ----------
        message
            What was done; may be empty.
        metadata
            JSON values kept with the snapshot; arrays, ranges and numbers of other kinds become such.
        rebase_with
            If somebody else moved the branch, put the changes on top of theirs as this solver decides, and try again.
        rebase_tries
            How often to do so, at most.
        allow_empty
            Make a snapshot even if nothing changed.
        strict_forks
            Refuse to commit while forks of this session are not merged back; otherwise there is an
            ``UnmergedForkWarning`` with their number.

        Returns
        -------
        str
            The id of the new snapshot.

        Raises
        ------
        ConflictError
            The branch moved; the session keeps its changes.
        RebaseFailedError
            The solver left conflicts; the session keeps its changes.
        SessionStateError
            ``no-changes-to-commit``, ``commit-not-allowed`` for read-only sessions and forks, or ``unmerged-forks``.
        """
        rebase_tries = integer("rebase_tries", 1000 if rebase_tries is None else rebase_tries, 0, 2**32 - 1)
        items = self._metadata(metadata)
        # Held throughout: between an attempt and its rebase another thread would find the session writable.
        with self._tree.lock:
            self._tree.ensure_publishable()
            self._answer_for_forks(strict=boolean("strict_forks", strict_forks), may_be_empty=allow_empty)
            if rebase_with is None:
                return self._commit_once(message, items, allow_empty=allow_empty)
            rebases = 0
            while True:
                attempt = _with_reserved(items, {"rebase_attempts": rebases})
                try:
                    return self._commit_once(message, attempt, allow_empty=allow_empty)
                except ConflictError as conflict:
                    if rebases >= rebase_tries or conflict.kind != "commit-conflict":
                        raise
                rebase_tree(self._tree, self._session.history, rebase_with)
                rebases += 1

    def _commit_once(self, message: str, metadata: Mapping[str, Any], *, allow_empty: bool) -> str:
        history = self._session.history
        empty = boolean("allow_empty", allow_empty)
        return format_id(publish.commit(self._tree, history, message=message, metadata=metadata, allow_empty=empty))

    def _answer_for_forks(self, *, strict: bool = False, may_be_empty: bool = True) -> None:
        """Say that forks are not part of what is about to be published; the caller holds the lock."""
        tree = self._tree
        count = tree.unmerged_forks
        if count == 0 or tree.in_doubt or not (strict or may_be_empty or tree.has_changes()):
            return  # without changes of its own, the error that comes names them
        text = (
            f"{_forks(count)} of this session {'was' if count == 1 else 'were'} not merged back, so this commit has nothing "
            "of what was written there: call `Session.merge` with all of them first"
        )
        if strict:
            raise SessionStateError(text, kind="unmerged-forks")
        warnings.warn(text, UnmergedForkWarning, stacklevel=3)

    def amend(self, message: str, *, metadata: dict[str, Any] | None = None, allow_empty: bool = False) -> str:
        """Replace the tip of the branch by a commit that also holds this session's changes (spec 2).

        The parent of the new snapshot is the parent of the one that it replaces.  Returns the new id.
        """
        items = self._metadata(metadata)
        history = self._session.history
        empty = boolean("allow_empty", allow_empty)
        with self._tree.lock:
            self._tree.ensure_publishable()
            self._answer_for_forks(may_be_empty=empty)
            return format_id(publish.amend(self._tree, history, message=message, metadata=items, allow_empty=empty))

    def flush(self, message: str, *, metadata: dict[str, Any] | None = None) -> str:
        """Write an anonymous snapshot, which only its id leads to; no branch moves.  Returns the id."""
        if self._tree.is_fork:  # which it stays
            raise error("unknown", "cannot flush a forked session, merge it into the session that it was forked from")
        items = self._metadata(metadata)
        with self._tree.lock:
            self._tree.ensure_whole()
            self._answer_for_forks()
            return format_id(publish.flush(self._tree, self._session.history, message=message, metadata=items))

    def _metadata(self, metadata: dict[str, Any] | None) -> dict[str, Any]:
        return {**self._session.default_metadata, **values.normalise(metadata)}

    def rebase(self, solver: ConflictSolver) -> None:
        """Put the changes on top of what others have committed to the branch since.

        Raises
        ------
        RebaseFailedError
            The solver left conflicts.  The session keeps its changes, on the last snapshot that fitted.
        """
        with self._tree.lock:
            self._tree.ensure_publishable()
            published = publish.settle_published(self._tree, self._session.history)
            if published is not None:
                raise SessionStateError(
                    f"there is nothing to rebase: the session was committed as {format_id(published)}, though no answer "
                    "came then",
                    kind="commit-not-allowed",
                )
            rebase_tree(self._tree, self._session.history, solver)

    def discard_changes(self) -> None:
        """Drop everything not committed."""
        self._tree.discard()

    def status(self) -> Diff:
        """What a commit would change, against the base snapshot."""
        tree = self._tree
        with tree.lock:
            base_nodes = [
                (NodePath(path), kind == "array", NodeId(node_id)) for path, kind, node_id in tree.base.paths(ROOT)
            ]
            log = to_log.from_changes(tree.changes, base_nodes)
            now = tree.paths()
        return translate([log], old=base_nodes, new=now)

    # ---- cooperative writers ---------------------------------------------------------------------------------------

    def fork(self) -> ForkSession:
        """A session for another thread, process or machine to write through; ``merge`` takes its changes back.

        A commit warns of forks that were not merged back (``UnmergedForkWarning``), but for those that still are where
        they were made and hold no changes.
        If this session has changes they are first written as an anonymous snapshot, so that the fork sees them.
        """
        tree = self._tree
        with tree.lock:
            if tree.read_only:
                raise SessionStateError(
                    "cannot fork a read-only session, open a writable one; read-only sessions can be pickled as they "
                    "are",
                    kind="cannot-fork-read-only-session",
                )
            tree.ensure_known()
            base = tree.base
            if tree.has_changes():
                base = tree.context.assets.snapshot(publish.store_unregistered(tree, message="base of a fork"))
                tree.fork_bases[SnapshotId(base.id)] = tree.base_id
            forked = WorkingTree(tree.context, base, mode=SessionMode.writable, is_fork=True)
            tree.add_fork(forked)
        return ForkSession(SessionState(forked, self._session.default_metadata))

    def merge(self, *others: ForkSession) -> None:
        """Take over the changes of forks, in this order; of a chunk that two of them wrote the last one's wins.

        Raises
        ------
        SessionStateError
            ``merge-failed`` if two of them created the same node; nothing is merged then.
        """
        tree = self._tree
        tree.ensure_writable()  # before the others are looked at; asked again under the lock
        # Threads that share a session may each give it back.
        others = tuple(other for other in others if other._tree is not tree)  # noqa: SLF001 - our own class
        # Their locks are let go before ours is taken: two sessions may be merged into each other at the same time.
        taken = [part for other in others if (part := _part_of(other._tree)) is not None]  # noqa: SLF001 - our own class
        with tree.lock:
            tree.ensure_writable()
            if not taken:
                return
            parts = []
            for fork, changes in taken:
                # A fork of a fork that was merged here saw our changes as far as that fork had.
                tree.fork_bases |= fork.fork_bases
                saw_ours = fork.base_id in tree.fork_bases
                # A fork is never rebased, however different the bases of two are.
                is_behind = not tree.is_fork and tree.published_base(fork.base_id) != tree.base_id
                parts.append(_merge.Part(changes, fork, saw_ours=saw_ours, is_behind=is_behind))
            tree.replace(tree.base, _merge.merge_all(tree.changes, parts, base=tree))
            for fork, _ in taken:
                tree.note_merged(fork)

    # ---- nodes and chunks ------------------------------------------------------------------------------------------

    def move(self, from_path: str, to_path: str) -> None:
        """Rename a group or array with everything below it (rearrange sessions, spec 2)."""
        if self._tree.context.spec_version < 2:
            raise error(
                "unsupported-spec-version",
                "moving nodes needs a repository of spec version 2; please upgrade your on-disk format with "
                "`upgrade_icechunk_repository`",
            )
        source, target = node_path.parse(from_path), node_path.parse(to_path)
        self._tree.move(source, target)

    def get_node_id(self, path: str) -> str:
        """The id of a node, which moves and metadata updates keep; 13 characters."""
        return format_id(self._tree.existing_node(node_path.parse(path)).id)

    def chunk_type(self, array_path: str, chunk_coordinates: Sequence[int]) -> ChunkType:
        """How a chunk is stored; ``uninitialized`` if it is not, or lies outside the grid."""
        coords = integers("chunk_coordinates", chunk_coordinates, 0, 2**32 - 1)
        node = self._tree.existing_array(node_path.parse(array_path))
        found = self._tree.chunk_reader(node).lookup(tuple(coords))
        return ChunkType.uninitialized if found is None else ChunkType(found.kind)

    async def chunk_coordinates(self, array_path: str, batch_size: int = 1000) -> AsyncIterator[tuple[int, ...]]:
        """Coordinates of every chunk that exists, uncommitted ones included, each once."""
        if not array_path.startswith("/"):
            raise ValueError(f"Invalid path: {array_path!r} must start with a `/`")
        integer("batch_size", batch_size, 1, 2**64 - 1)
        node = self._tree.existing_array(node_path.parse(array_path))
        for coords in await run_in_thread(lambda: self._tree.chunk_reader(node).coords()):
            yield coords

    def shift_array(self, array_path: str, chunk_offset: Iterable[int]) -> None:
        """Move every chunk of an array by ``chunk_offset`` (in chunks); those that leave the grid are dropped."""
        _reindex.shift(
            self._tree, node_path.parse(array_path), integers("chunk_offset", chunk_offset, -(2**63), 2**63 - 1)
        )

    def reindex_array(
        self,
        array_path: str,
        forward: Callable[[Iterable[int]], Iterable[int] | None],
        backward: Callable[[Iterable[int]], Iterable[int] | None] | None = None,
    ) -> None:
        """Move every chunk of an array to the index that ``forward`` gives for its own; None drops it.

        With ``backward`` (new index to old) the positions whose source has no chunk are cleared.  Arrays whose chunks differ in
        length are refused, whatever the functions do.
        """
        _reindex.reindex(self._tree, node_path.parse(array_path), forward, backward)

    def all_virtual_chunk_locations(self) -> list[str]:
        """The location of every virtual chunk, duplicates kept, ``vcc://`` names replaced by their prefixes."""
        return all_virtual_chunk_locations(self._tree)

    # ---- coroutine twins -------------------------------------------------------------------------------------------

    commit_async = in_thread(commit)
    amend_async = in_thread(amend)
    flush_async = in_thread(flush)
    rebase_async = in_thread(rebase)
    discard_changes_async = in_thread(discard_changes)
    status_async = in_thread(status)
    fork_async = in_thread(fork)
    merge_async = in_thread(merge)
    move_async = in_thread(move)
    get_node_id_async = in_thread(get_node_id)
    chunk_type_async = in_thread(chunk_type)
    shift_array_async = in_thread(shift_array)
    reindex_array_async = in_thread(reindex_array)
    all_virtual_chunk_locations_async = in_thread(all_virtual_chunk_locations)


@public
class ForkSession(Session):
    """A writable session that cannot commit: its changes go back by ``merge``.

    It pickles, with its changes, so that it can be sent to other processes and back.
    """


def _part_of(fork: WorkingTree) -> tuple[WorkingTree, ChangeSet] | None:
    """A fork and what it has to give; None if it is read-only."""
    with fork.lock:
        if fork.read_only:
            return None
        if not fork.is_fork:
            raise SessionStateError(
                "only forked sessions can be merged; fork a session with `Session.fork`", kind="merge-not-allowed"
            )
        fork.sync_chunks()
        return fork, fork.changes.copy()


def _forks(count: int) -> str:
    return "1 fork" if count == 1 else f"{count} forks"


def _with_reserved(metadata: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    """Add to the object that the library owns inside snapshot metadata (format section 6.6)."""
    reserved = metadata.get("__icechunk")
    return {**metadata, "__icechunk": {**(reserved if isinstance(reserved, dict) else {}), **ours}}
