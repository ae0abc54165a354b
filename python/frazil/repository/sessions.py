"""Opening sessions on a repository."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from frazil._core import Snapshot
from frazil.concurrency.offload import in_thread
from frazil.config.enums import SessionMode
from frazil.history.v2 import require_v2
from frazil.open_repository.preload import start_preloading
from frazil.repository.state import RepositoryPart
from frazil.session import Session, SessionState
from frazil.working_tree import WorkingTree

if TYPE_CHECKING:
    from frazil.conflicts import ConflictSolver
    from frazil.store import IcechunkStore


class Sessions(RepositoryPart):
    """Readers and writers."""

    def readonly_session(
        self,
        branch: str | None = None,
        *,
        tag: str | None = None,
        snapshot_id: str | None = None,
        as_of: datetime | None = None,
    ) -> Session:
        """A view of one snapshot.

        Parameters
        ----------
        branch, tag, snapshot_id
            Exactly one of them.
        as_of
            With ``branch``: the newest snapshot of the branch written at or before this time (with time zone).

        Raises
        ------
        RefNotFoundError
            There is no such branch or tag.
        SnapshotNotFoundError
            There is no such snapshot, or none as old as ``as_of``.
        """
        base = self._snapshot_of(
            branch if as_of is None else None, lambda: self._version(branch, tag, snapshot_id, as_of)
        )
        return self._open(base, SessionMode.readonly, None)

    def writable_session(self, branch: str) -> Session:
        """A session on the tip of a branch, whose changes a commit publishes there."""
        self._context.objects.ensure_writable()  # before the likely snapshot is asked for
        base = self._snapshot_of(branch, lambda: self._history.writable_tip(branch))
        return self._open(base, SessionMode.writable, branch)

    def rearrange_session(self, branch: str) -> Session:
        """A session that can only move nodes (spec 2)."""
        v2 = require_v2(self._history, "rearrange_session")
        tip = v2.writable_tip(branch)
        v2.ensure_flag("move_node", "create rearrange session")
        return self._open(self._context.assets.snapshot(tip), SessionMode.rearrange, branch)

    def _open(self, base: Snapshot, mode: SessionMode, branch: str | None) -> Session:
        state = self._state
        start_preloading(state.context, base)
        tree = WorkingTree(state.context, base, mode=mode, branch=branch)
        return Session(SessionState(tree, dict(state.default_metadata), state.history))

    @contextmanager
    def transaction(
        self,
        branch: str,
        *,
        message: str,
        metadata: dict[str, Any] | None = None,
        rebase_with: ConflictSolver | None = None,
        rebase_tries: int = 1000,
    ) -> Iterator[IcechunkStore]:
        """A store whose changes are committed if the block ends well, and dropped if it raises.

        Examples
        --------
        >>> with repo.transaction("main", message="add a group") as store:
        ...     zarr.create_group(store, path="g")
        """
        session = self.writable_session(branch)
        try:
            yield session.store
        except BaseException:
            session._session.tree.loss_is_told = True  # noqa: SLF001 - our own class; by this very exception
            raise
        session.commit(message, metadata, rebase_with=rebase_with, rebase_tries=rebase_tries)

    readonly_session_async = in_thread(readonly_session)
    writable_session_async = in_thread(writable_session)
    rearrange_session_async = in_thread(rearrange_session)
