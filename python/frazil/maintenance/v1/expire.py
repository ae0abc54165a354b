"""Expiration in spec 1: the oldest snapshot that stays is rewritten with the root as its parent (format section 13.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from frazil._core import Snapshot, encode_snapshot
from frazil.format import keys
from frazil.format.ids import SnapshotId
from frazil.maintenance.reachability.read import read_snapshots
from frazil.open_repository.new_files import NewFile, keep_snapshot, write_files

if TYPE_CHECKING:
    from frazil.format.records import SnapshotEntry
    from frazil.history.base import History
    from frazil.open_repository.context import RepositoryContext

_PROTECTED_BRANCH = "main"


@dataclass(frozen=True, slots=True)
class Cut:
    """``edge`` takes the root as its parent; ``released`` is what is old, but for the root.

    If even the tip is old it is the edge, and counts as released although its ref may stay.
    """

    edge: SnapshotId
    root: SnapshotId
    released: frozenset[SnapshotId]


def expire_files(
    context: RepositoryContext,
    history: History,
    older_than: int,
    *,
    delete_expired_branches: bool,
    delete_expired_tags: bool,
) -> set[SnapshotId]:
    """Cut the history below every ref, tags first; returns what was released.

    A snapshot that one ref released may still be the tip of another, and stays reachable from there.
    """
    history.ensure_writable()
    known: dict[SnapshotId, SnapshotEntry] = {}
    released: set[SnapshotId] = set()
    tags, branches = sorted(history.tags().items()), sorted(history.branches().items())
    for _, tip in (*tags, *branches):
        _ancestry(history, tip, known)  # all is read before anything is changed: a damaged file ends the run here
    for name, tip in tags:
        _expire_below(context, history, tip, older_than, known, released)
        if delete_expired_tags and known[tip].flushed_at < older_than:
            history.delete_tag(name)
    for name, tip in branches:
        _expire_below(context, history, tip, older_than, known, released)
        if delete_expired_branches and known[tip].flushed_at < older_than and name != _PROTECTED_BRANCH:
            history.delete_branch(name)
    return released


def _expire_below(
    context: RepositoryContext,
    history: History,
    tip: SnapshotId,
    older_than: int,
    known: dict[SnapshotId, SnapshotEntry],
    released: set[SnapshotId],
) -> None:
    cut = plan_cut(_ancestry(history, tip, known), older_than)
    if cut is None:
        return
    _rewrite(context, cut.edge, cut.root)
    known[cut.edge] = replace(known[cut.edge], parent_id=cut.root)
    released |= cut.released


def _ancestry(history: History, tip: SnapshotId, known: dict[SnapshotId, SnapshotEntry]) -> list[SnapshotEntry]:
    """From the tip back to the root; what another ref led to already is not read again."""
    chain: list[SnapshotEntry] = []
    here: SnapshotId | None = tip
    while here is not None:
        if here not in known:
            for entry in history.ancestry(here):
                if entry.id in known:
                    break
                known[entry.id] = entry
        chain.append(known[here])
        here = known[here].parent_id
    return chain


def plan_cut(chain: Sequence[SnapshotEntry], older_than: int) -> Cut | None:
    """Where to cut a history (newest first, down to the root); None if nothing is to be released."""
    root = chain[-1]
    edge = max((index for index, entry in enumerate(chain) if entry.flushed_at >= older_than), default=0)
    if not chain[edge + 1 : -1]:
        return None
    released = frozenset(entry.id for entry in chain[:-1] if entry.flushed_at < older_than)
    return Cut(chain[edge].id, root.id, released)


def _rewrite(context: RepositoryContext, snapshot_id: SnapshotId, parent_id: SnapshotId) -> None:
    """The same snapshot in the same place, with another parent."""
    (old,) = read_snapshots(context.objects, [snapshot_id], at_once=1)
    data = encode_snapshot(
        base=old,
        removed=[],
        nodes=[],
        manifest_files=[],
        id=snapshot_id,
        parent_id=parent_id,
        flushed_at=old.flushed_at,
        message=old.message,
        metadata=old.metadata,
        spec_version=1,
        chunk_lengths={},
        writer=context.writer,
        level=context.config.effective_compression_level(),
    )
    write_files(context, [NewFile(keys.snapshot(snapshot_id), data)])
    keep_snapshot(context, Snapshot.decode(data, snapshot_id))
