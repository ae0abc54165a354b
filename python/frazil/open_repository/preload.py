"""Fetching manifests before anybody asks for them (format section 7.3): a warm-up of the cache, and nothing else."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import cache, partial
from itertools import islice
from typing import Final

from frazil._core import Snapshot
from frazil.concurrency import offload
from frazil.config.effective import EffectivePreload
from frazil.config.preload_condition import ManifestPreloadCondition
from frazil.errors import IcechunkError
from frazil.format import node_path
from frazil.format.ids import ManifestId, SnapshotId
from frazil.format.node_path import ROOT, NodePath
from frazil.open_repository.context import RepositoryContext

_log = logging.getLogger(__name__)

_CONCURRENCY: Final = 8
"""Requests at once: a warm-up should not stand in the way of what the session does meanwhile."""


def start_preloading(context: RepositoryContext, snapshot: Snapshot) -> None:
    """Begin to fetch, in a thread, what the configuration wants in the cache when a session opens on ``snapshot``.

    The same snapshot again soon is no new work.
    """
    wanted = context.config.effective_manifest().effective_preload()
    snapshot_id = SnapshotId(snapshot.id)
    if not is_enabled(wanted) or snapshot_id in context.preloaded:
        return
    context.preloaded.append(snapshot_id)
    offload.begin(partial(preload, context, snapshot, wanted))  # nobody waits for it, or hears of its failure


def keep_preloaded(context: RepositoryContext, base_id: SnapshotId, snapshot_id: SnapshotId) -> None:
    """A snapshot was written on another: what is new in it is in the cache anyway, so there is nothing more to fetch."""
    if base_id in context.preloaded:
        context.preloaded.append(snapshot_id)


def is_enabled(wanted: EffectivePreload) -> bool:
    """Whether there can be anything to fetch at all."""
    never = wanted.preload_if == ManifestPreloadCondition.false()
    return wanted.max_total_refs > 0 and wanted.max_arrays_to_scan > 0 and not never


def preload(context: RepositoryContext, snapshot: Snapshot, wanted: EffectivePreload) -> None:
    """Fetch into the cache; whoever needs a manifest that could not be had is told then."""
    # What does not fit in the cache would be fetched for nothing.
    room = context.config.effective_caching().num_chunk_refs
    try:
        context.assets.manifests(plan(snapshot, wanted, room=room), concurrency=_CONCURRENCY)
    except IcechunkError as problem:
        _log.debug("manifests were not fetched ahead: %s", problem)


def plan(snapshot: Snapshot, wanted: EffectivePreload, *, room: int) -> list[tuple[ManifestId, int]]:
    """(id, file size) of the manifests to fetch, of no more than ``room`` references in all."""
    chosen: dict[ManifestId, int] = {}
    left = min(wanted.max_total_refs, room)
    for path in islice(_arrays(snapshot), wanted.max_arrays_to_scan):
        # Many manifests of one array are of few sizes.
        holds = cache(partial(wanted.preload_if.matches, path, node_path.name(path)))
        node = snapshot.node(path)
        manifests = node[3][2] if node is not None and node[3] is not None else ()
        for raw_id, _ in manifests:
            manifest_id = ManifestId(raw_id)
            file = snapshot.manifest_file(raw_id)
            if file is None or manifest_id in chosen:
                continue
            _, size, num_refs = file
            if num_refs <= left and holds(num_refs):
                chosen[manifest_id] = size
                left -= num_refs
    return list(chosen.items())


def _arrays(snapshot: Snapshot) -> Iterator[NodePath]:
    """The paths of arrays, siblings in the order of their names.

    A level at a time, so that the first few of a very large hierarchy cost little.
    """
    waiting = [ROOT]
    while waiting:
        path = waiting.pop()
        if snapshot.node_kind(path) == "array":
            yield path
        else:
            waiting += [node_path.child(path, name) for name in sorted(snapshot.children(path), reverse=True)]
