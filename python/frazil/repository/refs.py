"""Branches and tags of a repository."""

from __future__ import annotations

from frazil.concurrency.offload import in_thread
from frazil.format.ids import format_id, parse_snapshot_id
from frazil.repository.state import RepositoryPart


class Refs(RepositoryPart):
    """Names for snapshots: branches move, tags stay."""

    def create_branch(self, branch: str, snapshot_id: str) -> None:
        """Start a branch at a snapshot.

        Raises
        ------
        AlreadyExistsError
            There is a branch of this name.
        SnapshotNotFoundError
            There is no such snapshot.
        """
        self._history.create_branch(branch, parse_snapshot_id(snapshot_id))

    def list_branches(self) -> set[str]:
        """The names of all branches."""
        return self._history.branch_names()

    def lookup_branch(self, branch: str) -> str:
        """The id of the branch's tip; ``RefNotFoundError`` if there is no such branch."""
        return format_id(self._history.branch_tip(branch))

    def reset_branch(self, branch: str, snapshot_id: str, *, from_snapshot_id: str | None = None) -> None:
        """Point a branch at any snapshot.

        Parameters
        ----------
        branch
            A branch that exists.
        snapshot_id
            The new tip.
        from_snapshot_id
            Do so only if this is the tip now.

        Raises
        ------
        ConflictError
            The tip is not ``from_snapshot_id``.
        """
        expected = parse_snapshot_id(from_snapshot_id) if from_snapshot_id is not None else None
        self._history.reset_branch(branch, parse_snapshot_id(snapshot_id), expected=expected)

    def delete_branch(self, branch: str) -> None:
        """Delete a branch; its snapshots stay until garbage collection.  ``main`` cannot be deleted."""
        self._history.delete_branch(branch)

    def create_tag(self, tag: str, snapshot_id: str) -> None:
        """Give a snapshot a name that never moves; a name once used, even by a deleted tag, is not to be had again."""
        self._history.create_tag(tag, parse_snapshot_id(snapshot_id))

    def list_tags(self) -> set[str]:
        """The names of all tags."""
        return self._history.tag_names()

    def lookup_tag(self, tag: str) -> str:
        """The id of the tagged snapshot; ``RefNotFoundError`` if there is no such tag."""
        return format_id(self._history.tag_target(tag))

    def delete_tag(self, tag: str) -> None:
        """Delete a tag, for good."""
        self._history.delete_tag(tag)

    create_branch_async = in_thread(create_branch)
    list_branches_async = in_thread(list_branches)
    lookup_branch_async = in_thread(lookup_branch)
    reset_branch_async = in_thread(reset_branch)
    delete_branch_async = in_thread(delete_branch)
    create_tag_async = in_thread(create_tag)
    list_tags_async = in_thread(list_tags)
    lookup_tag_async = in_thread(lookup_tag)
    delete_tag_async = in_thread(delete_tag)
