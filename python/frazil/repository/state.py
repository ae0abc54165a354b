"""What one open repository consists of, and how it is found again after a pickle."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from frazil._core import Snapshot
from frazil.clock import from_datetime
from frazil.concurrency.offload import begin
from frazil.format.ids import SnapshotId, parse_snapshot_id
from frazil.history.ancestry import as_of
from frazil.history.base import History
from frazil.history.start.opening import history_of
from frazil.open_repository.context import RepositoryContext


@dataclass(eq=False, slots=True)
class OpenRepository:
    """The services of one repository object, shared by everything that came out of it."""

    context: RepositoryContext
    history: History
    default_metadata: dict[str, Any] = field(default_factory=dict)
    is_retired: bool = False
    """Set by a migration: the repository behind this object is now another one."""

    def __getstate__(self) -> dict[str, Any]:
        return {"context": self.context, "default_metadata": dict(self.default_metadata)}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.context = state["context"]
        self.history = history_of(self.context)
        self.default_metadata = dict(state["default_metadata"])
        self.is_retired = False


class RepositoryPart:
    """What the parts of ``Repository`` share."""

    _repository: OpenRepository

    @property
    def _state(self) -> OpenRepository:
        if self._repository.is_retired:
            raise RuntimeError(
                "This repository has been invalidated by upgrade_icechunk_repository(). Use the new Repository object "
                "returned by that function instead."
            )
        return self._repository

    @property
    def _context(self) -> RepositoryContext:
        return self._state.context

    @property
    def _history(self) -> History:
        return self._state.history

    def _snapshot_of(self, branch: str | None, resolve: Callable[[], SnapshotId]) -> Snapshot:
        """The snapshot that ``resolve`` names by asking the store.

        Over a network the one that ``branch`` was at when it was last looked at is fetched meanwhile: mostly it still is.
        """
        assets = self._context.assets
        likely = self._history.likely_tip(branch) if branch is not None and not self._context.objects.is_local else None
        if likely is None:
            return assets.snapshot(resolve())
        likely_snapshot = begin(partial(assets.snapshot, likely))
        found = resolve()
        return likely_snapshot() if found == likely else assets.snapshot(found)

    def _known_snapshot(self, text: str) -> SnapshotId:
        """The id of a snapshot that the history knows."""
        snapshot_id = parse_snapshot_id(text)
        self._history.entry(snapshot_id)
        return snapshot_id

    def _version(
        self,
        branch: str | None,
        tag: str | None,
        snapshot_id: str | None,
        when: datetime | None = None,
    ) -> SnapshotId:
        """Resolve the one of ``branch``, ``tag`` and ``snapshot_id`` that is given."""
        if sum(given is not None for given in (branch, tag, snapshot_id)) != 1:
            raise ValueError("Must provide one of branch, tag, or snapshot_id")
        if when is not None and branch is None:
            raise ValueError("as_of argument must be provided together with a branch name")
        if branch is not None:
            if when is not None:
                return as_of(self._history, branch, from_datetime(when))
            return self._history.branch_tip(branch)
        if tag is not None:
            return self._history.tag_target(tag)
        assert snapshot_id is not None
        return self._known_snapshot(snapshot_id)
