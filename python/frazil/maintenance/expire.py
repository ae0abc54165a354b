"""Expiration: old commits leave the history; their files stay until garbage collection (format sections 13.1, 13.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from frazil.format.ids import INITIAL_SNAPSHOT_ID, SnapshotId
from frazil.history.repo_object.change import Change, UpdateTag
from frazil.history.v2 import HistoryV2
from frazil.maintenance.reachability.links import Link, Links, mend_to_root
from frazil.maintenance.reachability.repo_links import edits_for, links_of
from frazil.maintenance.v1.expire import expire_files

if TYPE_CHECKING:
    from frazil._core import RepoInfo
    from frazil.history.base import History
    from frazil.open_repository.context import RepositoryContext

_PROTECTED_BRANCH = "main"


@dataclass(frozen=True, slots=True)
class Expiration:
    """What an expiration does to the history."""

    released: frozenset[SnapshotId]
    mended: tuple[Link, ...]
    branches: tuple[str, ...] = ()
    """Branches to be deleted."""
    tags: tuple[str, ...] = ()


def expire_snapshots(
    context: RepositoryContext,
    history: History,
    older_than: int,
    *,
    delete_expired_branches: bool = False,
    delete_expired_tags: bool = False,
) -> set[SnapshotId]:
    """Release the snapshots that were flushed before ``older_than`` (microseconds since 1970); returns their ids.

    Roots are never released, nor the tips of branches and tags unless their deletion is asked for, nor that of
    ``main``.  What stays is linked to the root.
    """
    if not isinstance(history, HistoryV2):
        return expire_files(
            context,
            history,
            older_than,
            delete_expired_branches=delete_expired_branches,
            delete_expired_tags=delete_expired_tags,
        )

    def mutate(info: RepoInfo) -> Change[set[SnapshotId]]:
        plan = plan_expiration(
            links_of(info),
            branches={name: SnapshotId(tip) for name, tip in info.branches()},
            tags={name: SnapshotId(target) for name, target in info.tags()},
            older_than=older_than,
            delete_expired_branches=delete_expired_branches,
            delete_expired_tags=delete_expired_tags,
        )
        edits = edits_for(info, drop=plan.released, mended=plan.mended)
        if plan.branches:
            edits["branches"] = dict.fromkeys(plan.branches)
        if plan.tags:
            edits["tags"] = dict.fromkeys(plan.tags)
            edits["deleted_tags"] = sorted({*info.deleted_tags(), *plan.tags}, key=str.encode)
        return Change(edits, UpdateTag.EXPIRATION_RAN, set(plan.released))

    return history.update(mutate)


def plan_expiration(
    links: Links,
    *,
    branches: Mapping[str, SnapshotId],
    tags: Mapping[str, SnapshotId],
    older_than: int,
    delete_expired_branches: bool,
    delete_expired_tags: bool,
) -> Expiration:
    """Decide what to release and which refs to delete (format section 13.1)."""
    expired = {link.id for link in links.values() if link.parent_id is not None and link.flushed_at < older_than}
    lost_branches = [
        name
        for name, tip in branches.items()
        if delete_expired_branches and tip in expired and name != _PROTECTED_BRANCH
    ]
    lost_tags = [name for name, target in tags.items() if delete_expired_tags and target in expired]
    kept_tips = {tip for name, tip in branches.items() if name not in lost_branches}
    kept_tips |= {target for name, target in tags.items() if name not in lost_tags}
    released = frozenset(expired - kept_tips)
    mended = mend_to_root(links, released, INITIAL_SNAPSHOT_ID)
    return Expiration(released, tuple(mended), tuple(lost_branches), tuple(lost_tags))
