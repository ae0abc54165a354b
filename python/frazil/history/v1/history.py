"""The history of a repository of spec 1: one file a ref, ancestry in the snapshot files (format section 10)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from frazil._core import PutMode, RepoInfo, Version
from frazil.concurrency.offload import begin
from frazil.errors import ErrorKind, IcechunkError, StorageConflict, commit_conflict, error
from frazil.format import keys
from frazil.format import snapshot_entry as entries
from frazil.format.ids import SnapshotId, format_id
from frazil.format.records import SnapshotEntry
from frazil.history import stored_config
from frazil.history.repo_object.ref_changes import branch_conflict, circular, ref_not_found, refuse_main
from frazil.history.shown.snapshot_info import info_of
from frazil.history.stored_config import StoredConfig
from frazil.history.v1.refs import OtherTip, RefFiles, put_mode

if TYPE_CHECKING:
    from frazil.config import RepositoryConfig
    from frazil.history.repo_object.update import Ahead
    from frazil.history.shown.snapshot_info import SnapshotInfo
    from frazil.open_repository.context import RepositoryContext

_Read = TypeVar("_Read")


class HistoryV1:
    """Branches, tags and snapshots of spec 1.  Safe to share between threads."""

    spec_version: Final = 1

    def __init__(self, context: RepositoryContext, config: StoredConfig | None = None) -> None:
        self.context = context
        self.refs = RefFiles(context)
        self._config = config

    # ---- configuration ---------------------------------------------------------------------------------------------

    def load_config(self) -> RepositoryConfig | None:
        return stored_config.read_v1(self.context.objects).config

    def save_config(self, config: RepositoryConfig) -> None:
        """Write ``config.yaml``, if it still is the one that was read when the repository was opened."""
        self.ensure_writable()
        stored = self._config or stored_config.read_v1(self.context.objects)
        try:
            self._config = StoredConfig(config, self._write_config(config, stored.version))
        except StorageConflict:
            raise error(ErrorKind.CONFIG_UPDATED, "config was updated by other session") from None
        self._check_afterwards()

    def _write_config(self, config: RepositoryConfig, version: Version | None) -> Version:
        context = self.context
        mode = put_mode(context, version)
        if version is not None:
            backup = keys.backup_name(keys.CONFIG, context.clock(), context.ids.backup_id())
            context.objects.copy(keys.CONFIG, keys.backup(backup), version if mode != PutMode.OVERWRITE else None)
        return stored_config.write_v1(context, config, mode)

    # ---- branches --------------------------------------------------------------------------------------------------

    def branches(self) -> dict[str, SnapshotId]:
        return self.refs.read_branches(self.branch_names())

    def branch_names(self) -> set[str]:
        return set(self.refs.names().branches)

    def branch_tip(self, name: str) -> SnapshotId:
        return self.refs.branch(name)

    def create_branch(self, name: str, target: SnapshotId) -> None:
        self._ensure_writable_and_known(target)
        _expect(None, self.refs.swap_branch(name, target, expected=None))
        self._check_afterwards()

    def reset_branch(self, name: str, target: SnapshotId, *, expected: SnapshotId | None = None) -> None:
        self._ensure_writable_and_known(target)
        if expected is None:
            self.refs.move_branch(name, target)
            self._check_afterwards()
            return
        found = self.refs.swap_branch(name, target, expected=expected)
        if found is not None and found.tip is None:
            raise ref_not_found(name)
        _expect(expected, found)
        self._check_afterwards()

    def delete_branch(self, name: str) -> None:
        refuse_main(name)
        self.ensure_writable()
        self.refs.delete_branch(name)
        self._check_afterwards()

    # ---- tags ------------------------------------------------------------------------------------------------------

    def tags(self) -> dict[str, SnapshotId]:
        return self.refs.read_tags(self.tag_names())

    def tag_names(self) -> set[str]:
        return set(self.refs.names().tags)

    def tag_target(self, name: str) -> SnapshotId:
        return self.refs.tag(name)

    def create_tag(self, name: str, target: SnapshotId) -> None:
        self._ensure_writable_and_known(target)
        self.refs.create_tag(name, target)
        self._check_afterwards()

    def delete_tag(self, name: str) -> None:
        self.ensure_writable()
        self.refs.delete_tag(name)
        self._check_afterwards()

    # ---- snapshots -------------------------------------------------------------------------------------------------

    def entry(self, snapshot_id: SnapshotId) -> SnapshotEntry:
        return entries.from_snapshot(self.context.assets.snapshot(snapshot_id))

    def ancestry(self, snapshot_id: SnapshotId) -> Iterator[SnapshotEntry]:
        return self._walk(self.entry(snapshot_id), {snapshot_id})

    def _walk(self, entry: SnapshotEntry, seen: set[SnapshotId]) -> Iterator[SnapshotEntry]:
        yield entry
        while (parent := entry.parent_id) is not None:
            if parent in seen:
                raise circular(parent)
            seen.add(parent)
            entry = self.entry(parent)
            yield entry

    def commits(self, snapshot_id: SnapshotId) -> Iterator[SnapshotInfo]:
        return map(info_of, self.ancestry(snapshot_id))

    def tip_and_ancestry(self, branch: str) -> tuple[SnapshotId, Iterator[SnapshotEntry]]:
        tip = self.branch_tip(branch)
        return tip, self.ancestry(tip)

    # ---- publishing ------------------------------------------------------------------------------------------------

    def ensure_writable(self) -> None:
        """Spec 1 has no status that could forbid writing, but a repository that was upgraded takes no refs any more, and a
        storage that can only be read takes nothing.

        Asked before something is written, beside other requests where there are any.  An upgrade that comes between then
        and the write is found by ``_check_afterwards``: it writes ``repo`` first and looks at the refs again then, while
        we look for ``repo`` after we wrote a ref, so one of the two sees the other.
        """
        self.context.objects.ensure_writable()
        if self.context.objects.head(keys.REPO) is not None:
            raise _upgraded()

    def _ensure_writable_and_known(self, target: SnapshotId) -> None:
        self._beside_check(partial(self.entry, target))

    def _beside_check(self, read: Callable[[], _Read]) -> _Read:
        """What is read, if the repository takes changes; that comes first where it does not."""
        self.context.objects.ensure_writable()
        if self.context.objects.is_local:
            self.ensure_writable()
            return read()
        check = begin(self.ensure_writable)
        try:
            return read()
        finally:
            check()

    def _check_afterwards(self) -> None:
        if self.context.objects.head(keys.REPO) is not None:
            raise error(
                ErrorKind.OUTCOME_UNKNOWN,
                "the repository was upgraded to spec version 2 at the same moment, and this change may not be part of it: "
                "open it again with `Repository.open`, and look",
            )

    def writable_tip(self, branch: str) -> SnapshotId:
        return self._beside_check(partial(self.branch_tip, branch))

    def likely_tip(self, branch: str) -> SnapshotId | None:
        """Nothing is kept of refs."""

    @property
    def can_look_ahead(self) -> bool:
        objects = self.context.objects
        return not (objects.is_local or objects.is_read_only)

    def look_ahead(
        self,
        branch: str | None,  # noqa: ARG002 - see below
        expected: SnapshotId,  # noqa: ARG002 - see below
    ) -> Ahead | None:
        """Only ``ensure_writable``: a ref is read and written in one go."""
        self.ensure_writable()
        return None

    def publish_commit(
        self,
        entry: SnapshotEntry,
        *,
        branch: str,
        expected: SnapshotId,
        ahead: Ahead | None = None,  # noqa: ARG002 - there never is anything
    ) -> None:
        found = self.refs.swap_branch(branch, entry.id, expected=expected)
        if found is not None and not (found.was_sent and self.published([entry.id], branch, expected) is not None):
            raise commit_conflict(format_id(expected), format_id(found.tip) if found.tip is not None else None)
        self._check_afterwards()

    def publish_detached(self, entry: SnapshotEntry, ahead: Ahead | None = None) -> None:
        """Spec 1 has nowhere to note it: only its id leads to the snapshot."""

    def published(self, candidates: Iterable[SnapshotId], branch: str | None, base: SnapshotId) -> SnapshotId | None:
        wanted = set(candidates)
        upgraded = self.context.objects.get(keys.REPO)
        if upgraded is not None:
            info = RepoInfo.decode(upgraded)
            found = next((candidate for candidate in wanted if info.snapshot(candidate) is not None), None)
            if found is None:
                raise _upgraded()
            return found
        if branch is None:
            return None
        for entry in self.tip_and_ancestry(branch)[1]:
            if entry.id in wanted:
                return entry.id
            if entry.id == base:
                break
        return None


def _upgraded() -> IcechunkError:
    return error(
        ErrorKind.UNSUPPORTED_SPEC_VERSION,
        "the repository was upgraded to spec version 2 since it was opened here, so what is written as spec 1 would be in "
        "no branch that anybody sees: open it again with `Repository.open`, and make the change there",
    )


def _expect(expected: SnapshotId | None, found: OtherTip | None) -> None:
    if found is not None:
        raise branch_conflict(expected, found.tip)
