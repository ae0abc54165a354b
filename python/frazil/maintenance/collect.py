"""Garbage collection: delete what no branch or tag leads to and what was not written lately (format section 13.3).

The order of the steps is what makes it safe beside writers.  First the ``repo`` object forgets the snapshots that go,
in one conditional update that starts over if a writer came to depend on them; then their files go, from snapshots down
to chunks, so that an interrupted run leaves nothing that refers to a missing file.  Files that a writer has not
published yet are protected by their age alone: ``older_than`` must lie before the start of every open session.

A chunk that is named by its content may be garbage when it is listed and written anew before it is deleted.  Where that
may happen, its age is looked up again right before; what remains of the danger is the time of one request.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from frazil.errors import IcechunkError, error
from frazil.format import keys
from frazil.format.ids import INITIAL_SNAPSHOT_ID, ManifestId, SnapshotId
from frazil.history.repo_object.backoff import update_delays
from frazil.history.repo_object.change import Change, UpdateTag
from frazil.history.v2 import HistoryV2
from frazil.maintenance.reachability import fingerprints
from frazil.maintenance.reachability.fingerprints import Fingerprints
from frazil.maintenance.reachability.links import Link, Links, mend_to_nearest, reachable
from frazil.maintenance.reachability.listing import Mask, Page, is_older, pages
from frazil.maintenance.reachability.mark import chunks_of, manifests_of, walk
from frazil.maintenance.reachability.read import ReadLimits, read_snapshots
from frazil.maintenance.reachability.repo_links import edits_for, links_of, tips_of
from frazil.maintenance.summary import GCSummary
from frazil.maintenance.sweep import SweepLimits, Swept, count, doomed, sweep

if TYPE_CHECKING:
    from frazil._core import ObjectStore, RepoInfo, Snapshot
    from frazil.history.base import History
    from frazil.open_repository.context import RepositoryContext


_MOST_LOOKS: Final = 100
"""At the refs of spec 1, before they are taken to change faster than they can be followed."""


@dataclass(frozen=True, slots=True)
class CollectionPlan:
    """Which of the listed snapshots stay."""

    seen: Links
    """The history that was decided on."""
    kept: frozenset[SnapshotId]

    @property
    def dropped(self) -> frozenset[SnapshotId]:
        return frozenset(self.seen.keys() - self.kept)


@dataclass(frozen=True, slots=True)
class Keeping:
    """The ids of everything that stays."""

    snapshots: Fingerprints
    logs: Fingerprints
    manifests: Fingerprints
    chunks: Fingerprints


class HistoryMovedError(Exception):
    """A writer came to depend on a snapshot that was about to be dropped."""


def garbage_collect(
    context: RepositoryContext,
    history: History,
    older_than: int,
    *,
    dry_run: bool = False,
    extra_roots: Sequence[SnapshotId] = (),
    reading: ReadLimits | None = None,
    sweeping: SweepLimits | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> GCSummary:
    """Delete unreachable objects that the store dates before ``older_than`` (microseconds since 1970).

    ``extra_roots`` are snapshots to be treated as if a branch pointed to them.  A dry run counts and touches nothing.
    A file of the kept history that is missing or damaged ends the run before anything is deleted.
    """
    history.ensure_writable()
    older_than -= context.objects.time_lag  # what was written a moment later may be dated a moment before
    reading, sweeping = reading or ReadLimits(), sweeping or SweepLimits()
    if not isinstance(history, HistoryV2):
        keeping = _keep_v1(context.objects, history, extra_roots, reading)
    else:
        keeping = _keep_v2(context, history, older_than, extra_roots, reading, dry_run=dry_run, sleep=sleep)
    look_again = context.content_ids or context.objects.always_compares
    summary = _sweep_all(context.objects, keeping, older_than, sweeping, dry_run=dry_run, look_again=look_again)
    if not dry_run:
        context.objects.remove_leftovers(older_than)
    return summary


# ---- what stays ------------------------------------------------------------------------------------------------------


def _keep_v1(objects: ObjectStore, history: History, extra_roots: Sequence[SnapshotId], reading: ReadLimits) -> Keeping:
    """What refs lead to, also those that were set, to a forgotten snapshot perhaps, while all of that was being read.

    What is left is a ref that is set to such a snapshot while its file is being deleted; spec 1 has nothing that could
    forbid it (docs/design/0012).
    """
    kept: set[SnapshotId] = set()
    manifests: dict[ManifestId, int] = {}
    chunks = Fingerprints()
    tips = {*_tips_v1(history), *extra_roots}
    for _ in range(_MOST_LOOKS):
        found = manifests_of(_noted(walk(objects, tips, reading, known=kept), kept))
        new = {manifest_id: size for manifest_id, size in found.items() if manifest_id not in manifests}
        manifests |= new
        chunks_of(objects, new, reading, chunks)
        tips = _tips_v1(history) - kept
        if not tips:
            return Keeping(Fingerprints.of(kept), Fingerprints.of(kept), Fingerprints.of(manifests), chunks)
    raise _gave_up(_MOST_LOOKS)


def _tips_v1(history: History) -> set[SnapshotId]:
    return {*history.branches().values(), *history.tags().values()}


def _noted(snapshots: Iterable[Snapshot], ids: set[SnapshotId]) -> Iterator[Snapshot]:
    """The snapshots, whose ids are added to ``ids`` as they pass."""
    for snapshot in snapshots:
        ids.add(SnapshotId(snapshot.id))
        yield snapshot


def _keep_v2(
    context: RepositoryContext,
    history: HistoryV2,
    older_than: int,
    extra_roots: Sequence[SnapshotId],
    reading: ReadLimits,
    *,
    dry_run: bool,
    sleep: Callable[[float], None],
) -> Keeping:
    """Decide, read what the kept snapshots refer to, and make the ``repo`` object forget the others."""
    objects = context.objects
    attempts = 0
    for delay in update_delays(context):
        sleep(delay)
        attempts += 1
        info = history.read()
        collectable = partial(_is_collectable, ages=_snapshot_ages(objects, older_than), older_than=older_than)
        plan = plan_collection(links_of(info), [*tips_of(info), *extra_roots], collectable)
        kept = [*plan.kept, *(root for root in extra_roots if root not in plan.kept)]
        snapshots = read_snapshots(objects, kept, at_once=reading.max_snapshots_in_memory)
        manifests = manifests_of(snapshots)
        chunks = chunks_of(objects, manifests, reading)
        try:
            decide = partial(drop_snapshots, plan=plan)
            listed, logs = decide(info).result if dry_run else history.update(decide)
        except HistoryMovedError:
            continue
        snapshot_ids, log_ids = Fingerprints.of({*kept, *listed}), Fingerprints.of({*kept, *logs})
        return Keeping(snapshot_ids, log_ids, Fingerprints.of(manifests), chunks)
    raise _gave_up(attempts)


def _gave_up(attempts: int) -> IcechunkError:
    return error(
        "update-attempts-exhausted",
        f"garbage collection gave up after {attempts} attempts, too many concurrent changes to what it would drop",
    )


def plan_collection(
    links: Links, roots: Iterable[SnapshotId], is_collectable: Callable[[Link], bool]
) -> CollectionPlan:
    """Keep what one of ``roots`` leads to, and what is not collectable."""
    kept = reachable(links, roots)
    kept |= {link.id for link in links.values() if not is_collectable(link)}
    return CollectionPlan(links, frozenset(kept))


def _snapshot_ages(objects: ObjectStore, older_than: int) -> dict[bytes, bool]:
    """Whether each stored snapshot is old."""
    return {
        snapshot_id: bool(old)
        for page in pages(objects, keys.SNAPSHOTS)
        for snapshot_id, old in zip(page.raw_ids(), is_older(page.last_modified, older_than), strict=True)
    }


def _is_collectable(link: Link, ages: Mapping[bytes, bool], older_than: int) -> bool:
    """By the age of its file; a file that is missing, which nothing brings back, goes by what the history says."""
    return ages.get(link.id, link.flushed_at < older_than)


def drop_snapshots(info: RepoInfo, plan: CollectionPlan) -> Change[tuple[set[SnapshotId], set[SnapshotId]]]:
    """Take the dropped snapshots out of the history as it is now; results in the snapshots and logs that stay.

    Raises ``HistoryMovedError`` if a ref or a new snapshot has come to depend on one of them.
    """
    links = links_of(info)
    dropped = plan.dropped & links.keys()
    new = links.keys() - plan.seen.keys()
    if any(tip in dropped for tip in tips_of(info)) or any(links[snapshot].parent_id in dropped for snapshot in new):
        raise HistoryMovedError
    mended = mend_to_nearest(links, dropped, INITIAL_SNAPSHOT_ID)
    after = {**links, **{link.id: link for link in mended}}
    kept = links.keys() - dropped
    logs = kept | {log for snapshot in kept for log in after[snapshot].pruned}
    return Change(edits_for(info, drop=dropped, mended=mended), UpdateTag.GC_RAN, (set(kept), set(logs)))


# ---- what goes -------------------------------------------------------------------------------------------------------


def _sweep_all(
    objects: ObjectStore,
    keeping: Keeping,
    older_than: int,
    limits: SweepLimits,
    *,
    dry_run: bool,
    look_again: bool,
) -> GCSummary:
    """Sweep one kind after the other, from what refers to what is referred to; the names are the summary's.

    ``look_again`` is about chunks; other files never get the same name twice.
    """
    phases = (
        ("snapshots", keys.SNAPSHOTS, keeping.snapshots),
        ("transaction_logs", keys.TRANSACTIONS, keeping.logs),
        ("manifests", keys.MANIFESTS, keeping.manifests),
        ("chunks", keys.CHUNKS, keeping.chunks),
    )
    swept: dict[str, Swept] = {}
    skipped: list[str] = []
    for name, prefix, kept in phases:
        if any(earlier.failed for earlier in swept.values()):
            skipped.append(name)
            continue
        batches = doomed(
            pages(objects, prefix),
            is_old=lambda page: is_older(page.last_modified, older_than),
            is_kept=partial(_is_among, kept),
        )
        if dry_run:
            swept[name] = count(batches)
        else:
            swept[name] = sweep(objects, prefix, batches, limits, look_again=look_again and name == "chunks")
    return _summary(swept, skipped)


def _is_among(kept: Fingerprints, page: Page) -> Mask:
    return kept.contains(fingerprints.of_packed(page.ids))


def _summary(swept: dict[str, Swept], skipped: list[str]) -> GCSummary:
    def deleted(name: str) -> int:
        return swept[name].deleted if name in swept else 0

    return GCSummary(
        bytes_deleted=sum(phase.bytes for phase in swept.values()),
        chunks_deleted=deleted("chunks"),
        manifests_deleted=deleted("manifests"),
        snapshots_deleted=deleted("snapshots"),
        transaction_logs_deleted=deleted("transaction_logs"),
        objects_failed_to_delete=sum(phase.failed for phase in swept.values()),
        throttled_batches=sum(phase.throttled_batches for phase in swept.values()),
        delete_errors=[line for phase in swept.values() for line in phase.errors],
        skipped_phases=skipped,
    )
