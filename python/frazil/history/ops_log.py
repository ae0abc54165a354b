"""The operations log: one entry a change of the ``repo`` object, spilling into its backups (format section 9.4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from frazil._core import RepoInfo
from frazil.format import keys

if TYPE_CHECKING:
    from frazil import _core


def prepended(
    log: Sequence[_core._UpdateTuple], entry: _core._UpdateTuple, *, backup: str, limit: int
) -> tuple[list[_core._UpdateTuple], str | None]:
    """``log`` with a new entry on top, and the backup that holds the rest of it if that changes.

    ``backup`` is the name under which the present state of the object is kept: the entry that was newest until now
    refers to it.  Beyond ``limit`` entries the first one that has a backup is dropped with all older ones, because its
    backup holds them; entries without one (of a migration) can only stay.
    """
    previous, *older = log
    kept: list[_core._UpdateTuple] = []
    for old in (entry, (*previous[:3], backup), *older):
        if len(kept) >= limit and old[3] is not None:
            return kept, old[3]
        kept.append(old)
    return kept, None


def read(info: RepoInfo, objects: _core.ObjectStore) -> Iterator[_core._UpdateTuple]:
    """The whole log, newest first; backups are fetched as the iteration reaches them.

    A backup that is gone ends the log.  Entries come with their effective backup path: the newest one of a backup file
    has none stored, and belongs to that file.
    """
    yield from info.updates()
    seen: set[str] = set()
    name = info.repo_before_updates
    while name is not None and name not in seen:
        seen.add(name)
        data = objects.get(keys.backup(name))
        if data is None:
            return
        page = RepoInfo.decode(data)
        for position, entry in enumerate(page.updates()):
            yield entry if position else (*entry[:3], entry[3] or name)
        name = page.repo_before_updates
