"""Making a new repository (format sections 9.2 and 10.2)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from frazil._core import RepoInfo, encode_snapshot, encode_transaction_log
from frazil.concurrency.offload import begin
from frazil.config import persistence
from frazil.errors import ErrorKind, IcechunkError, StorageConflict, error, operation
from frazil.format import keys, values
from frazil.format import snapshot_entry as entries
from frazil.format.ids import INITIAL_SNAPSHOT_ID
from frazil.format.object_attributes import attributes, metadata_storage_class
from frazil.format.records import SnapshotEntry
from frazil.history import stored_config
from frazil.history.base import History
from frazil.history.repo_object.change import UpdateTag
from frazil.history.repo_object.ref_changes import MAIN_BRANCH
from frazil.history.repo_object.repo_status import ONLINE
from frazil.history.repo_object.update import HeldRepo
from frazil.history.start import interrupted
from frazil.history.start.ignored_conditions import warn_if_ignored
from frazil.history.start.interrupted import InitialSnapshot
from frazil.history.start.opening import detect_spec_version
from frazil.history.stored_config import StoredConfig
from frazil.history.v1.history import HistoryV1
from frazil.history.v1.refs import RefFiles, put_mode
from frazil.history.v2 import HistoryV2
from frazil.open_repository.new_files import NewFile, write_files

if TYPE_CHECKING:
    from frazil.config import RepositoryConfig
    from frazil.open_repository.context import RepositoryContext

INITIAL_MESSAGE: Final = "Repository initialized"
_INITIAL_METADATA: Final[dict[str, Any]] = {"__icechunk": {"is_root": True}}


def create(context: RepositoryContext, config: RepositoryConfig | None, *, check_clean_root: bool = True) -> History:
    """Make an empty repository of ``context.spec_version``, with one snapshot and the branch main.

    ``config`` is what to save with it, None to save nothing.  A creation that was interrupted is finished.

    Raises ``InvalidInputError`` of kind ``parent-directory-not-clean``, and ``ConflictError`` of kind
    ``repo-info-updated`` if there is a repository already.
    """
    with operation("create_repository"):
        left = interrupted.ensure_clean(context) if check_clean_root else frozenset()
        # Asked before anything is written: the initial snapshot of a repository that is there must stay as it is.
        if (left or not check_clean_root) and detect_spec_version(context.objects, context.clock()) is not None:
            raise _exists()
        first = interrupted.initial_snapshot(context, left)
        if first is None:
            entry = SnapshotEntry(INITIAL_SNAPSHOT_ID, None, context.clock(), INITIAL_MESSAGE, _INITIAL_METADATA)
            first = InitialSnapshot(entry, _empty_snapshot(context, entry))
        stored = interrupted.stored_config(context, left, config)
        try:
            if context.spec_version == 1:
                return _create_v1(context, first, config, stored)
            return _create_v2(context, first, config)
        except StorageConflict:
            raise _exists() from None


def _exists() -> IcechunkError:
    return error(
        ErrorKind.REPO_INFO_UPDATED, "there is a repository already, or somebody else is creating it right now"
    )


def _create_v2(context: RepositoryContext, first: InitialSnapshot, config: RepositoryConfig | None) -> HistoryV2:
    entry, snapshot = first.entry, first.file
    write_files(context, [snapshot, NewFile(keys.transaction_log(entry.id), _empty_log(context))])
    checked = _begin_check(context, snapshot)
    info = RepoInfo.build(
        snapshots=[entries.to_tuple(entry)],
        branches=[(MAIN_BRANCH, entry.id)],
        tags=[],
        deleted_tags=[],
        status=(ONLINE, entry.flushed_at, None),
        metadata=[],
        config=persistence.to_flexbuffer(config) if config is not None else None,
        updates=[(int(UpdateTag.REPO_INITIALIZED), (), entry.flushed_at, None)],
    )
    data = info.encode(writer=context.writer, level=context.config.effective_compression().level)
    version = context.objects.put(
        keys.REPO,
        data,
        put_mode(context, None),
        attributes=attributes(context, "repo-info"),
        storage_class=metadata_storage_class(context),
    )
    checked()
    return HistoryV2(context, HeldRepo.of(info, version, context.clock(), data))


def _create_v1(
    context: RepositoryContext, first: InitialSnapshot, config: RepositoryConfig | None, stored: StoredConfig
) -> HistoryV1:
    """No transaction log; the ref of main is what makes it a repository, so it comes last."""
    entry, snapshot = first.entry, first.file
    write_files(context, [snapshot])
    checked = _begin_check(context, snapshot)
    if config is not None and stored.config is None:
        stored = StoredConfig(config, stored_config.write_v1(context, config, put_mode(context, None)))
    context.objects.sync()
    if RefFiles(context).swap_branch(MAIN_BRANCH, entry.id, expected=None) is not None:
        raise _exists()
    checked()
    return HistoryV1(context, stored)


def _begin_check(context: RepositoryContext, snapshot: NewFile) -> Callable[[], None]:
    """Find out, beside the next request, whether the store heeds conditions; the result waits for it."""
    if context.objects.always_compares:
        return lambda: None
    return begin(partial(warn_if_ignored, context, snapshot.key, snapshot.data, "snapshot"))


def put_snapshot(context: RepositoryContext, entry: SnapshotEntry) -> None:
    """Write the file of a snapshot without nodes."""
    write_files(context, [NewFile(keys.snapshot(entry.id), _empty_snapshot(context, entry))])


def _empty_snapshot(context: RepositoryContext, entry: SnapshotEntry) -> bytes:
    return encode_snapshot(
        base=None,
        removed=[],
        nodes=[],
        manifest_files=[],
        id=entry.id,
        parent_id=entry.parent_id,
        flushed_at=entry.flushed_at,
        message=entry.message,
        metadata=values.encode_items(entry.metadata, context.spec_version),
        spec_version=context.spec_version,
        chunk_lengths={},
        writer=context.writer,
        level=context.config.effective_compression().level,
    )


def _empty_log(context: RepositoryContext) -> bytes:
    return encode_transaction_log(
        id=INITIAL_SNAPSHOT_ID,
        new_groups=[],
        new_arrays=[],
        deleted_groups=[],
        deleted_arrays=[],
        updated_groups=[],
        updated_arrays=[],
        updated_chunks=[],
        moves=[],
        spec_version=context.spec_version,
        writer=context.writer,
        level=context.config.effective_compression().level,
    )
