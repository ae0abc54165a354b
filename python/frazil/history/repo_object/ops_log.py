"""The operations log: one entry a change of the ``repo`` object, spilling into its backups (format section 9.4).

``RepoInfo.edit`` writes it: the whole log went through Python at every commit otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from frazil._core import RepoInfo
from frazil.format import keys

if TYPE_CHECKING:
    from frazil import _core


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
