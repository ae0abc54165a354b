"""Migration of a repository from spec 1 to spec 2 (format section 11).

Only the ``repo`` object is new, and writing it is the one step that counts: before it the repository is spec 1, after
it spec 2, whatever happens to the process.  Snapshots, manifests, transaction logs and chunks stay as they are.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from frazil._core import ObjectStore, RepoInfo, Snapshot, Version
from frazil.config import persistence
from frazil.errors import (
    ErrorKind,
    FormatError,
    IcechunkError,
    InvalidInputError,
    StorageConflict,
    error,
    operation,
)
from frazil.format import keys
from frazil.format import snapshot_entry as entries
from frazil.format.ids import SnapshotId, parse_snapshot_id
from frazil.format.object_attributes import attributes, metadata_storage_class
from frazil.format.records import SnapshotEntry
from frazil.history.repo_object.ref_changes import MAIN_BRANCH, circular, ref_not_found
from frazil.history.repo_object.repo_status import ONLINE
from frazil.history.v1.refs import delete_all, put_mode
from frazil.migrations.synthetic_log import chain, synthetic_log

if TYPE_CHECKING:
    from frazil.history.v1.history import HistoryV1
    from frazil.open_repository.context import RepositoryContext

_log = logging.getLogger(__name__)

_DEFAULT_CONCURRENCY: Final = 64


@dataclass(frozen=True, slots=True)
class Refs:
    """All refs of a repository of spec 1.

    ``deleted_tags`` are those whose file still tells their snapshot; ``deleted_names`` are all that were deleted.
    """

    branches: Mapping[str, SnapshotId]
    tags: Mapping[str, SnapshotId]
    deleted_tags: Mapping[str, SnapshotId]
    deleted_names: frozenset[str]


def migrate(
    context: RepositoryContext,
    history: HistoryV1,
    *,
    dry_run: bool,
    delete_unused_v1_files: bool = True,
    prefetch_concurrency: int | None = None,
) -> RepoInfo:
    """Make the repository one of spec 2, and return what its ``repo`` object says.

    Nobody may write to the repository meanwhile; a ref that moves is noticed, and the migration undone.

    Parameters
    ----------
    context, history
        The repository.
    dry_run
        Read and check everything, and write nothing.
    delete_unused_v1_files
        Delete the refs and ``config.yaml``, which spec 2 does not read.
    prefetch_concurrency
        How many snapshots to read at once.
    """
    with operation("migrate_v1_to_v2"):
        if not dry_run:
            context.objects.ensure_writable()
        refs = read_refs(history)
        known = _read_entries(context.objects, prefetch_concurrency or _DEFAULT_CONCURRENCY)
        info = plan(history, refs, known, now=context.clock())
        if dry_run:
            return info
        written = _write(context, info)
        _check(context.objects, history, refs, info, written)
        if delete_unused_v1_files:
            delete_v1_files(context.objects, written)
        return info


# ---- reading ---------------------------------------------------------------------------------------------------------


def read_refs(history: HistoryV1) -> Refs:
    refs = history.refs
    names = refs.names()
    return Refs(
        refs.read_branches(names.branches),
        refs.read_tags(names.tags),
        refs.read_tags(names.deleted_tags),
        names.deleted_tags,
    )


def _read_entries(objects: ObjectStore, concurrency: int) -> dict[SnapshotId, SnapshotEntry]:
    """The heads of all snapshot files: many at once, because following the ancestry reads one after the other."""
    prefix = f"{keys.SNAPSHOTS}/"
    names = [meta.key.removeprefix(prefix) for meta in objects.list(keys.SNAPSHOTS)]
    with ThreadPoolExecutor(concurrency, thread_name_prefix="frazil-migration") as threads:
        found = threads.map(lambda name: _read_entry(objects, name), names)
        return {entry.id: entry for entry in found if entry is not None}


def _read_entry(objects: ObjectStore, name: str) -> SnapshotEntry | None:
    """None for files that are no snapshots; whether one of them is missed turns out later."""
    try:
        snapshot_id = parse_snapshot_id(name)
        data = objects.get(keys.snapshot(snapshot_id))
        return entries.from_snapshot(Snapshot.decode(data, snapshot_id)) if data is not None else None
    except (FormatError, InvalidInputError) as failure:
        _log.info("skipped %s/%s: %s", keys.SNAPSHOTS, name, failure)
        return None


# ---- deciding --------------------------------------------------------------------------------------------------------


def plan(history: HistoryV1, refs: Refs, known: Mapping[SnapshotId, SnapshotEntry], *, now: int) -> RepoInfo:
    """The ``repo`` object to write: the snapshots that refs lead to, no others."""
    if MAIN_BRANCH not in refs.branches:
        raise ref_not_found(MAIN_BRANCH)
    needed: dict[SnapshotId, SnapshotEntry] = {}
    for target in (*refs.branches.values(), *refs.tags.values()):
        for entry in _ancestry(history, target, known):
            if entry.id in needed:
                break
            needed[entry.id] = entry
    config = history.load_config()
    log = synthetic_log(
        branches=refs.branches,
        tags=refs.tags,
        deleted_tags=refs.deleted_tags,
        entries=needed,
        now=now,
    )
    root = list(chain(refs.branches[MAIN_BRANCH], needed))[-1]
    return RepoInfo.build(
        snapshots=[entries.to_tuple(entry) for entry in needed.values()],
        branches=list(refs.branches.items()),
        tags=list(refs.tags.items()),
        deleted_tags=sorted(refs.deleted_names, key=str.encode),
        status=(ONLINE, root.flushed_at, None),
        metadata=[],
        config=persistence.to_flexbuffer(config) if config is not None else None,
        updates=log,
    )


def _ancestry(
    history: HistoryV1, start: SnapshotId, known: Mapping[SnapshotId, SnapshotEntry]
) -> Iterator[SnapshotEntry]:
    """As ``HistoryV1.ancestry``, from the entries read in advance; what is not among them is asked for again."""
    current: SnapshotId | None = start
    seen: set[SnapshotId] = set()
    while current is not None:
        if current in seen:
            raise circular(current)
        seen.add(current)
        entry = known.get(current) or history.entry(current)
        yield entry
        current = entry.parent_id


# ---- acting ----------------------------------------------------------------------------------------------------------


def _write(context: RepositoryContext, info: RepoInfo) -> Version:
    """Create ``repo``: from here on the repository is of spec 2, and others may change it."""
    context = replace(context, spec_version=2)
    try:
        return context.objects.put(
            keys.REPO,
            info.encode(writer=context.writer, level=context.config.effective_compression().level),
            put_mode(context, None),
            attributes=attributes(context, "repo-info"),
            storage_class=metadata_storage_class(context),
        )
    except StorageConflict:
        raise error(
            ErrorKind.INVALID_REPOSITORY_MIGRATION, "somebody else migrated the repository meanwhile; open it again"
        ) from None


def _check(objects: ObjectStore, history: HistoryV1, refs: Refs, info: RepoInfo, written: Version) -> None:
    """Read back what was written, and that no ref moved meanwhile; otherwise the repository is of spec 1 again."""
    try:
        if _is_at(objects, written):  # what somebody else has changed could be read
            stored = objects.get(keys.REPO)
            if stored is None or RepoInfo.decode(stored).updates() != info.updates():
                raise error(ErrorKind.REPO_INFO_UPDATED, "the migrated repository cannot be read back")
        if read_refs(history) != refs:
            raise error(
                ErrorKind.REPO_INFO_UPDATED,
                "a branch or tag changed during the migration, which was undone; run it again with no writers around",
            )
    except IcechunkError as failure:
        _undo(objects, written, failure)
        raise


def _is_at(objects: ObjectStore, written: Version) -> bool:
    found = objects.get_versioned(keys.REPO, written)
    return found is not None and found[0] is None


def _undo(objects: ObjectStore, written: Version, failure: IcechunkError) -> None:
    """Take back the ``repo`` object that was written, unless somebody has changed it since, which would be lost."""
    if not _is_at(objects, written):
        raise error(
            ErrorKind.INVALID_REPOSITORY_MIGRATION,
            "the repository is one of spec 2 now, and was changed since, so that this failure cannot be undone; look whether "
            f"branches and tags are as they should be: {failure.message}",
        ) from failure
    delete_all(objects, [keys.REPO])


def delete_v1_files(objects: ObjectStore, written: Version) -> None:
    """Delete what only spec 1 reads: first main, so that programs of spec 1 stop finding a repository at once.

    ``written`` is the version of the ``repo`` object that the migration has made.
    """
    main = keys.branch_ref(MAIN_BRANCH)
    try:
        delete_all(objects, [main])
    except IcechunkError as failure:
        if objects.head(main) is not None:  # nothing is lost: go back to spec 1 as it was
            _undo(objects, written, failure)
        raise
    # The repository is one of spec 2 now, with or without leftovers.
    rest = [meta.key for meta in objects.list(keys.REFS)]
    for key, reason in objects.delete_many([*rest, keys.CONFIG]):
        _log.warning("could not delete %s, which is not used any more: %s", key, reason)
