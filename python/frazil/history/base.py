"""What both repository protocols can do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Protocol

from frazil.format.ids import SnapshotId
from frazil.format.records import SnapshotEntry

if TYPE_CHECKING:
    from frazil.config import RepositoryConfig
    from frazil.history.repo_object.update import Ahead
    from frazil.history.shown.snapshot_info import SnapshotInfo


class History(Protocol):
    """Refs, ancestry and publishing, over one ``repo`` object (spec 2) or one file a ref (spec 1).

    Every question asks the store, so that it sees what other writers did; answers are plain values.
    """

    @property
    def spec_version(self) -> int: ...

    # ---- configuration ---------------------------------------------------------------------------------------------

    def load_config(self) -> RepositoryConfig | None:
        """The configuration that was saved with the repository."""

    def save_config(self, config: RepositoryConfig) -> None: ...

    # ---- refs ------------------------------------------------------------------------------------------------------

    def branches(self) -> dict[str, SnapshotId]: ...
    def tags(self) -> dict[str, SnapshotId]: ...
    def branch_names(self) -> set[str]:
        """The names alone, which spec 1 has without reading the refs."""

    def tag_names(self) -> set[str]: ...
    def branch_tip(self, name: str) -> SnapshotId:
        """``RefNotFoundError`` if there is no such branch."""

    def tag_target(self, name: str) -> SnapshotId: ...
    def create_branch(self, name: str, target: SnapshotId) -> None: ...
    def reset_branch(self, name: str, target: SnapshotId, *, expected: SnapshotId | None = None) -> None: ...
    def delete_branch(self, name: str) -> None: ...
    def create_tag(self, name: str, target: SnapshotId) -> None: ...
    def delete_tag(self, name: str) -> None: ...

    # ---- snapshots -------------------------------------------------------------------------------------------------

    def entry(self, snapshot_id: SnapshotId) -> SnapshotEntry:
        """``SnapshotNotFoundError`` (spec 2) or ``StorageError`` (spec 1) if it is not known."""

    def ancestry(self, snapshot_id: SnapshotId) -> Iterator[SnapshotEntry]:
        """The snapshot and its ancestors, newest first."""

    def commits(self, snapshot_id: SnapshotId) -> Iterator[SnapshotInfo]:
        """What people see of ``ancestry``."""

    def tip_and_ancestry(self, branch: str) -> tuple[SnapshotId, Iterator[SnapshotEntry]]:
        """The tip of a branch and its ``ancestry``, as of one moment.  Raises as ``branch_tip``."""

    # ---- publishing ------------------------------------------------------------------------------------------------

    def ensure_writable(self) -> None:
        """``ReadOnlyError`` if the storage can only be read, or the repository was set read-only (spec 2)."""

    def writable_tip(self, branch: str) -> SnapshotId:
        """``ensure_writable`` and ``branch_tip`` in one request."""

    def likely_tip(self, branch: str) -> SnapshotId | None:
        """The tip of ``branch`` as far as it is known without asking the store."""

    @property
    def can_look_ahead(self) -> bool:
        """Whether ``look_ahead`` saves a publication anything."""

    def look_ahead(self, branch: str | None, expected: SnapshotId) -> Ahead | None:
        """Do what a publication that is about to come does not need its files for; no branch moves.

        ``branch`` is the one that shall move if it is at ``expected``, None if none will.  Refusals are left to the
        publication.
        """

    def publish_commit(
        self, entry: SnapshotEntry, *, branch: str, expected: SnapshotId, ahead: Ahead | None = None
    ) -> None:
        """Make ``entry`` the tip of ``branch``, if the tip still is ``expected``; else ``ConflictError``."""

    def publish_detached(self, entry: SnapshotEntry, ahead: Ahead | None = None) -> None:
        """Make a flushed snapshot known (spec 1 has nowhere to note it, and does nothing)."""

    def published(self, candidates: Iterable[SnapshotId], branch: str | None, base: SnapshotId) -> SnapshotId | None:
        """Which of these snapshots were made known after ``base``, on ``branch`` if it is given."""
