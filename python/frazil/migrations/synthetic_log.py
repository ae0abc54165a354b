"""The operations log that a migrated repository would have, had it been written by spec 2 (format section 11)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from frazil.errors import ErrorKind, error
from frazil.format.ids import SnapshotId
from frazil.format.records import SnapshotEntry
from frazil.history.repo_object.change import UpdateTag
from frazil.history.repo_object.ref_changes import MAIN_BRANCH

if TYPE_CHECKING:
    from frazil import _core

_MILLISECOND: Final = 1_000
_LAST_TIME: Final = 2**64 - 1
_Event = tuple[int, UpdateTag, tuple[Any, ...]]
"""(microseconds since 1970, what, fields)"""


def synthetic_log(
    *,
    branches: Mapping[str, SnapshotId],
    tags: Mapping[str, SnapshotId],
    deleted_tags: Mapping[str, SnapshotId],
    entries: Mapping[SnapshotId, SnapshotEntry],
    now: int,
) -> list[_core._UpdateTuple]:
    """One entry for everything that can be told from the files, newest first, none of them with a backup.

    ``entries`` holds every snapshot that a branch or tag leads to.  A deleted tag of any other snapshot counts as old as
    the repository.
    """
    beginning = list(chain(branches[MAIN_BRANCH], entries))[-1].flushed_at
    deleted = {
        name: entries[target].flushed_at if target in entries else beginning for name, target in deleted_tags.items()
    }
    events = [
        *_commits(branches, entries),
        *((entries[target].flushed_at + _MILLISECOND, UpdateTag.TAG_CREATED, (name,)) for name, target in tags.items()),
        *((time + _MILLISECOND, UpdateTag.TAG_CREATED, (name,)) for name, time in deleted.items()),
        *(
            (time + 2 * _MILLISECOND, UpdateTag.TAG_DELETED, (name, deleted_tags[name]))
            for name, time in deleted.items()
        ),
    ]
    return _numbered(sorted(events, key=lambda event: event[0]), now)


def _numbered(events: Iterable[_Event], now: int) -> list[_core._UpdateTuple]:
    """Events as log entries, newest first, no two at one time; on top the migration itself."""
    log: list[_core._UpdateTuple] = []
    last = 0
    for time, tag, fields in (*events, (now, UpdateTag.REPO_MIGRATED, (1, 2))):
        last = max(time, last + 1)
        if last > _LAST_TIME:
            raise error(ErrorKind.INVALID_FILE_FORMAT, "a snapshot is dated beyond every time that the format can hold")
        log.append((int(tag), fields, last, None))
    log.reverse()
    return log


def _commits(branches: Mapping[str, SnapshotId], entries: Mapping[SnapshotId, SnapshotEntry]) -> Iterator[_Event]:
    """The beginning, then the commits of main, then those that each other branch adds."""
    told: set[SnapshotId] = set()
    for name in sorted(branches, key=lambda name: (name != MAIN_BRANCH, name)):
        if name != MAIN_BRANCH:
            yield entries[branches[name]].flushed_at + _MILLISECOND, UpdateTag.BRANCH_CREATED, (name,)
        for entry in chain(branches[name], entries):
            if entry.id in told:
                break
            told.add(entry.id)
            if entry.parent_id is not None:
                yield entry.flushed_at, UpdateTag.NEW_COMMIT, (name, entry.id)
            elif name == MAIN_BRANCH:
                yield entry.flushed_at, UpdateTag.REPO_INITIALIZED, ()


def chain(start: SnapshotId, entries: Mapping[SnapshotId, SnapshotEntry]) -> Iterator[SnapshotEntry]:
    """``start`` and its ancestors, as far as ``entries`` knows them."""
    current: SnapshotId | None = start
    while current is not None and current in entries:
        yield entries[current]
        current = entries[current].parent_id
