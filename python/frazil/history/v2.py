"""The history of a repository of spec 2: everything mutable is in the one ``repo`` object (format section 9)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from frazil._core import RepoInfo
from frazil.config import persistence
from frazil.errors import ErrorKind, error
from frazil.format import snapshot_entry as entries
from frazil.format import values
from frazil.format.ids import SnapshotId
from frazil.format.records import SnapshotEntry
from frazil.history import stored_config
from frazil.history.repo_object import commit_changes, features, ops_log, ref_changes, repo_status
from frazil.history.repo_object.change import Change, UpdateTag
from frazil.history.repo_object.ref_changes import circular, snapshot_not_found
from frazil.history.repo_object.update import Ahead, HeldRepo, IsDone, Mutation, RepoObject, Result
from frazil.history.shown.ops_log_entry import Update

if TYPE_CHECKING:
    from frazil.config import FeatureFlag, RepositoryConfig, RepoStatus
    from frazil.history.base import History
    from frazil.history.shown.snapshot_info import SnapshotInfo
    from frazil.open_repository.context import RepositoryContext

_FIRST_PAGE: Final = 32
_LAST_PAGE: Final = 4096


class HistoryV2:
    """Refs, ancestry, status, flags and operations log of spec 2.  Safe to share between threads."""

    spec_version: Final = 2

    def __init__(self, context: RepositoryContext, held: HeldRepo | None = None) -> None:
        self.context = context
        self._repo = RepoObject(context, held)

    def read(self) -> RepoInfo:
        """The present state of the ``repo`` object."""
        return self._repo.read()

    def update(
        self, mutate: Mutation[Result], *, even_if_read_only: bool = False, ahead: Ahead | None = None
    ) -> Result:
        """Change the ``repo`` object as ``mutate`` decides; see ``RepoObject.update``."""
        return self._repo.update(mutate, even_if_read_only=even_if_read_only, ahead=ahead)

    # ---- configuration ---------------------------------------------------------------------------------------------

    def load_config(self) -> RepositoryConfig | None:
        return stored_config.from_repo(self.read())

    def save_config(self, config: RepositoryConfig) -> None:
        change: Change[None] = Change({"config": persistence.to_flexbuffer(config)}, UpdateTag.CONFIG_CHANGED, None)
        self.update(lambda _: change)

    # ---- refs ------------------------------------------------------------------------------------------------------

    def branches(self) -> dict[str, SnapshotId]:
        return {name: SnapshotId(tip) for name, tip in self.read().branches()}

    def branch_names(self) -> set[str]:
        return set(self.branches())

    def tags(self) -> dict[str, SnapshotId]:
        return {name: SnapshotId(target) for name, target in self.read().tags()}

    def tag_names(self) -> set[str]:
        return set(self.tags())

    def branch_tip(self, name: str) -> SnapshotId:
        return ref_changes.branch_tip(self.read(), name)

    def tag_target(self, name: str) -> SnapshotId:
        return ref_changes.tag_target(self.read(), name)

    def create_branch(self, name: str, target: SnapshotId) -> None:
        self.update(partial(ref_changes.create_branch, name=name, target=target))

    def reset_branch(self, name: str, target: SnapshotId, *, expected: SnapshotId | None = None) -> None:
        self.update(partial(ref_changes.reset_branch, name=name, target=target, expected=expected))

    def delete_branch(self, name: str) -> None:
        self.update(partial(ref_changes.delete_branch, name=name))

    def create_tag(self, name: str, target: SnapshotId) -> None:
        self.update(partial(ref_changes.create_tag, name=name, target=target))

    def delete_tag(self, name: str) -> None:
        self.update(partial(ref_changes.delete_tag, name=name))

    # ---- snapshots -------------------------------------------------------------------------------------------------

    def entry(self, snapshot_id: SnapshotId) -> SnapshotEntry:
        found = self.read().snapshot(snapshot_id)
        if found is None:
            raise snapshot_not_found(snapshot_id)
        return entries.from_tuple(found)

    def ancestry(self, snapshot_id: SnapshotId) -> Iterator[SnapshotEntry]:
        info = self.read()
        if info.snapshot(snapshot_id) is None:
            raise snapshot_not_found(snapshot_id)
        return _walk(info, snapshot_id)

    def commits(self, snapshot_id: SnapshotId) -> Iterator[SnapshotInfo]:
        info = self.read()
        if info.snapshot(snapshot_id) is None:
            raise snapshot_not_found(snapshot_id)
        return info.commits(snapshot_id)

    def tip_and_ancestry(self, branch: str) -> tuple[SnapshotId, Iterator[SnapshotEntry]]:
        info = self.read()
        tip = ref_changes.branch_tip(info, branch)
        return tip, _walk(info, tip)

    # ---- publishing ------------------------------------------------------------------------------------------------

    def ensure_writable(self) -> None:
        """``ReadOnlyError`` if the storage can only be read, or the repository was set read-only."""
        self.context.objects.ensure_writable()
        repo_status.ensure_online(self.read())

    def writable_tip(self, branch: str) -> SnapshotId:
        """``ensure_writable`` and ``branch_tip`` in one request."""
        self.context.objects.ensure_writable()
        info = self.read()
        repo_status.ensure_online(info)
        return ref_changes.branch_tip(info, branch)

    def likely_tip(self, branch: str) -> SnapshotId | None:
        held = self._repo.held
        tip = held.info.branch(branch) if held is not None else None
        return SnapshotId(tip) if tip is not None else None

    @property
    def can_look_ahead(self) -> bool:
        return self._repo.can_look_ahead

    def look_ahead(self, branch: str | None, expected: SnapshotId) -> Ahead | None:
        def is_welcome(info: RepoInfo) -> bool:
            return repo_status.is_online(info) and (branch is None or info.branch(branch) == expected)

        return self._repo.look_ahead(is_welcome)

    def publish_commit(
        self, entry: SnapshotEntry, *, branch: str, expected: SnapshotId, ahead: Ahead | None = None
    ) -> None:
        change = partial(commit_changes.commit, entry=entry, branch=branch, expected=expected)
        self._repo.update(change, ahead=ahead, is_done=_lists(entry))

    def publish_amend(
        self, entry: SnapshotEntry, *, branch: str, expected: SnapshotId, ahead: Ahead | None = None
    ) -> None:
        """Put ``entry`` in the place of ``expected``, if that still is the tip of ``branch``; else ``ConflictError``."""
        change = partial(commit_changes.amend, entry=entry, branch=branch, expected=expected)
        self._repo.update(change, ahead=ahead, is_done=_lists(entry))

    def publish_detached(self, entry: SnapshotEntry, ahead: Ahead | None = None) -> None:
        self._repo.update(partial(commit_changes.detached, entry=entry), ahead=ahead, is_done=_lists(entry))

    def published(self, candidates: Iterable[SnapshotId], branch: str | None, base: SnapshotId) -> SnapshotId | None:  # noqa: ARG002 - every snapshot is listed, whatever branch has it
        info = self.read()
        return next((candidate for candidate in candidates if info.snapshot(candidate) is not None), None)

    # ---- metadata, status and flags of the repository ---------------------------------------------------------------

    def metadata(self) -> dict[str, Any]:
        return _metadata(self.read())

    def set_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Replace the metadata of the repository."""
        self.update(lambda _: _metadata_change(metadata))

    def update_metadata(self, metadata: Mapping[str, Any]) -> dict[str, Any]:
        """Set the given top-level keys and leave the others; returns the result."""
        return self.update(lambda info: _metadata_change({**_metadata(info), **metadata}))

    def status(self) -> RepoStatus:
        return repo_status.from_fields(self.read().status)

    def set_status(self, status: RepoStatus) -> None:
        """Allowed in any status."""
        change = repo_status.set_status(status)
        self.update(lambda _: change, even_if_read_only=True)

    def feature_flags(self) -> list[FeatureFlag]:
        return features.flags(self.read())

    def set_feature_flag(self, name: str, setting: bool | None) -> None:  # noqa: FBT001 - as the public method
        """Turn a feature on or off, or back to its default with None."""
        self.update(partial(features.set_feature, name=name, value=setting))

    def ops_log(self) -> Iterator[Update]:
        """Everything that was ever done to the repository, newest first; older parts are fetched on the way."""
        return map(Update.of, ops_log.read(self.read(), self.context.objects))

    def ensure_flag(self, name: str, what: str) -> None:
        """``SessionStateError`` if the feature is turned off; ``what`` says what was attempted."""
        features.require_feature(self.read(), features.by_name(name), what)


def require_v2(history: History, operation: str) -> HistoryV2:
    """The history as one of spec 2, for what spec 1 cannot do.  Raises ``FormatError``."""
    if isinstance(history, HistoryV2):
        return history
    raise error(
        ErrorKind.UNSUPPORTED_SPEC_VERSION,
        "repository version error, this operation requires a repository that is at least version 2.0, please upgrade "
        f"your on-disk format before executing this operation ({operation})",
    )


def _lists(entry: SnapshotEntry) -> IsDone:
    return lambda info: info.snapshot(entry.id) is not None


def _walk(info: RepoInfo, start: SnapshotId) -> Iterator[SnapshotEntry]:
    """The ancestry, decoded a page at a time: the first entries are there at once, all of them without many calls."""
    current: bytes | None = start
    size = _FIRST_PAGE
    left = info.num_snapshots
    while current is not None:
        page = info.ancestry(current, size)
        left -= len(page)
        if left < 0:
            raise circular(SnapshotId(current))
        yield from map(entries.from_tuple, page)
        current = page[-1][1]
        size = min(2 * size, _LAST_PAGE)


def _metadata(info: RepoInfo) -> dict[str, Any]:
    return values.decode_items(info.metadata, entries.REPO_SPEC_VERSION)


def _metadata_change(metadata: Mapping[str, Any]) -> Change[dict[str, Any]]:
    items = values.encode_items(metadata, entries.REPO_SPEC_VERSION)
    return Change({"metadata": items}, UpdateTag.METADATA_CHANGED, dict(metadata))
