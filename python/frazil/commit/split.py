"""Which manifests an array gets by the configuration: a pure plan, nothing is read or written (format section 7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING

from frazil._core import ChunkTable, RegionGrid
from frazil.format import node_path
from frazil.format.node_path import NodePath
from frazil.format.records import ArrayData, Extents, ManifestRef

if TYPE_CHECKING:
    from frazil.config import ManifestSplitCondition, ManifestSplitDimCondition, ManifestSplittingConfig

Edges = tuple[tuple[int, ...], ...]
"""Ascending cut positions per dimension, first 0 and last the number of chunks."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Leave a manifest as it is."""

    manifest: ManifestRef


@dataclass(frozen=True, slots=True)
class Write:
    """Write one manifest: the references of ``old`` in ``region``, with the session's changes there if ``touched``."""

    region: Extents
    old: tuple[ManifestRef, ...]
    touched: bool


Step = Keep | Write


def split_edges(path: NodePath, array: ArrayData, splitting: ManifestSplittingConfig | None) -> Edges:
    """Where the array is cut (format section 7.1): per dimension, the first rule that matches decides."""
    counts = array.num_chunks
    names = array.dimension_names or (None,) * len(counts)
    sizes: dict[int, int] = {}
    for condition, dimensions in (splitting.split_sizes or ()) if splitting else ():
        if not _matches_path(condition, path):
            continue
        for axis, name in enumerate(names):
            if axis not in sizes:
                size = _first_size(dimensions, axis, name)
                if size is not None:
                    sizes[axis] = size
    return tuple(_edges(count, sizes.get(axis)) for axis, count in enumerate(counts))


def _edges(count: int, size: int | None) -> tuple[int, ...]:
    if not size or size >= count:
        return (0, count)
    cuts = list(range(0, count, size))
    return (*cuts, count)


def _first_size(dimensions: Sequence[tuple[ManifestSplitDimCondition, int]], axis: int, name: str | None) -> int | None:
    return next((size for condition, size in dimensions if _matches_dimension(condition, axis, name)), None)


def _matches_dimension(condition: ManifestSplitDimCondition, axis: int, name: str | None) -> bool:
    return condition.matches(axis, name)


def _matches_path(condition: ManifestSplitCondition, path: NodePath) -> bool:
    return condition.matches(path, node_path.name(path))


def plan_array(array: ArrayData, edges: Edges, changes: ChunkTable | None, *, rewrite: bool = False) -> list[Step]:
    """The manifests of one array whose metadata or chunks changed (format section 7.2).

    Regions are visited row-major.  A region with changes (every region, in a rewrite) gets one new manifest that
    gathers whatever overlaps it; elsewhere a manifest that lies inside its region is kept, and one that straddles an
    edge is cut.
    """
    if any(edge[-1] == 0 for edge in edges):
        return []
    grid = RegionGrid(edges)
    touched = set(grid.touched(changes)) if changes is not None else set()
    written: dict[int, list[ManifestRef]] = {number: [] for number in (range(len(grid)) if rewrite else touched)}
    steps: list[tuple[int, Step]] = []
    holders = grid.holders([manifest.extents for manifest in array.manifests])
    for manifest, holder in zip(array.manifests, holders, strict=True):
        for number in (holder,) if holder is not None else grid.overlapping(manifest.extents):
            if number in written:
                written[number].append(manifest)
            elif holder is not None:
                steps.append((number, Keep(manifest)))
            else:
                steps.append((number, Write(grid.region(number), (manifest,), touched=False)))
    for number, old in written.items():
        steps.append((number, Write(grid.region(number), tuple(old), number in touched)))
    return [step for _, step in sorted(steps, key=itemgetter(0))]


def manifests_to_read(plans: Mapping[NodePath, Sequence[Step]]) -> list[ManifestRef]:
    """Every old manifest that a plan reads, once."""
    found = {
        manifest.id: manifest
        for steps in plans.values()
        for step in steps
        if isinstance(step, Write)
        for manifest in step.old
    }
    return list(found.values())
