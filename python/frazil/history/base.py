"""What both repository protocols can do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from frazil.format.records import SnapshotEntry
from frazil.ids import SnapshotId

if TYPE_CHECKING:
    from frazil.config import RepositoryConfig


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

    # ---- publishing ------------------------------------------------------------------------------------------------

    def ensure_writable(self) -> None:
        """``ReadOnlyError`` if the repository was set read-only (spec 2)."""

    def writable_tip(self, branch: str) -> SnapshotId:
        """``ensure_writable`` and ``branch_tip`` in one request."""

    def publish_commit(self, entry: SnapshotEntry, *, branch: str, expected: SnapshotId) -> None:
        """Make ``entry`` the tip of ``branch``, if the tip still is ``expected``; else ``ConflictError``."""

    def publish_detached(self, entry: SnapshotEntry) -> None:
        """Make a flushed snapshot known (spec 1 has nowhere to note it, and does nothing)."""
