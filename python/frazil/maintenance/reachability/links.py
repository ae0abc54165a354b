"""The chain of snapshots, and how it is mended when some are taken out (format section 13)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from frazil.errors import error
from frazil.format.ids import SnapshotId, format_id

Links = Mapping[SnapshotId, "Link"]


@dataclass(frozen=True, slots=True)
class Link:
    """A snapshot and its parent.  ``pruned`` are the logs of ancestors that were taken out below it, oldest first."""

    id: SnapshotId
    parent_id: SnapshotId | None
    flushed_at: int
    pruned: tuple[SnapshotId, ...] = ()


def reachable(links: Links, starts: Iterable[SnapshotId]) -> set[SnapshotId]:
    """The snapshots that one of ``starts`` is or descends from; starts that are not known are left out."""
    found: set[SnapshotId] = set()
    for start in starts:
        here: SnapshotId | None = start
        while here is not None and here in links and here not in found:
            found.add(here)
            here = links[here].parent_id
    return found


def ancestors(links: Links, link: Link) -> Iterator[Link]:
    """From the parent back to the root; ``FormatError`` if the way is a circle."""
    for _ in range(len(links)):
        if link.parent_id is None or link.parent_id not in links:
            return
        link = links[link.parent_id]
        yield link
    raise error("invalid-file-format", f"snapshot {format_id(link.id)} is among its own ancestors")


def mend_to_nearest(links: Links, gone: AbstractSet[SnapshotId], initial: SnapshotId) -> list[Link]:
    """Give every remaining snapshot whose parent is gone its nearest remaining ancestor (format section 13.3)."""

    def nearest(lost: Iterable[Link]) -> tuple[SnapshotId, list[Link]]:
        passed: list[Link] = []
        for ancestor in lost:
            if ancestor.id not in gone:
                return ancestor.id, passed
            passed.append(ancestor)
        return initial, passed

    return _mend(links, gone, nearest)


def mend_to_root(links: Links, gone: AbstractSet[SnapshotId], initial: SnapshotId) -> list[Link]:
    """Give every remaining snapshot whose parent is gone the root of its history (format section 13.1).

    All ancestors in between are skipped, remaining ones too.
    """

    def root(lost: Iterable[Link]) -> tuple[SnapshotId, list[Link]]:
        passed = list(lost)
        if passed and passed[-1].parent_id is None:
            return passed.pop().id, passed
        return initial, passed

    return _mend(links, gone, root)


def _mend(
    links: Links, gone: AbstractSet[SnapshotId], new_parent: Callable[[Iterable[Link]], tuple[SnapshotId, list[Link]]]
) -> list[Link]:
    mended: list[Link] = []
    for link in links.values():
        if link.id in gone or link.parent_id is None or link.parent_id not in gone:
            continue
        parent_id, skipped = new_parent(ancestors(links, link))
        logs = [log for ancestor in reversed(skipped) for log in (*ancestor.pruned, ancestor.id)]
        mended.append(replace(link, parent_id=parent_id, pruned=(*logs, *link.pruned)))
    return mended
