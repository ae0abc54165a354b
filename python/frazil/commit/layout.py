"""Which manifests a large array gets where nobody configured splitting: a pure plan (docs/design/0006).

The manifests that an array has are boxes that do not overlap.  A change inside a box rewrites that manifest alone; what
is set outside of all boxes becomes a new manifest; small ones are merged before they become many.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Final

from frazil._core import ChunkTable
from frazil.commit.split import Keep, Step, Write
from frazil.format.ids import ManifestId
from frazil.format.records import ArrayData, Extents, ManifestRef

LARGE_ARRAY: Final = 25_000
"""References from which on an array is laid out here; a manifest with fewer is a small one."""

MANY_ARRAYS: Final = 16
"""A commit that changes the chunks of more arrays lays out all of them here."""

SMALL_MANIFESTS: Final = 16
"""As many small manifests may an array have; one more, and some are merged."""

_TOO_MANY: Final = 4 * SMALL_MANIFESTS
"""As many may be left where merging them would take rewriting large ones."""

_NEAR_SIZE: Final = 4
"""A manifest is merged with smaller ones only if all of them together have a quarter as many references.

So a reference is rewritten a few times on its way into a large manifest, not once every few commits.
"""


@dataclass(frozen=True, slots=True)
class _Piece:
    """What will be one manifest, or several if it turns out too large."""

    box: Extents
    old: tuple[ManifestRef, ...]
    count: int
    """References, or more."""
    touched: bool

    def steps(self) -> Step:
        if not self.touched and len(self.old) == 1 and self.old[0].extents == self.box:
            return Keep(self.old[0])
        return Write(self.box, self.old, self.touched)


def is_large(array: ArrayData, num_refs: Mapping[ManifestId, int], changes: ChunkTable | None) -> bool:
    """Whether the array may have so many references that one manifest is not enough.

    ``num_refs`` is the number of references of each manifest file, of which other arrays may have some.
    """
    known = sum(_count(ref, num_refs) for ref in array.manifests)
    return known + (len(changes) if changes is not None else 0) >= LARGE_ARRAY


def plan_layout(array: ArrayData, num_refs: Mapping[ManifestId, int], changes: ChunkTable | None) -> list[Step]:
    """The manifests of an array whose metadata or chunks changed."""
    grid: Extents = tuple((0, count) for count in array.num_chunks)
    if any(count == 0 for _, count in grid):
        return []
    inside = [ref for ref in array.manifests if _meets(ref.extents, grid)]
    boxes = [_clipped(ref.extents, grid) for ref in inside]
    touched, outside = changes.spread(grid, boxes) if changes is not None and len(changes) else ([], [])
    changed = set(touched)
    pieces = [
        _Piece(box, (ref,), _count(ref, num_refs), number in changed)
        for number, (ref, box) in enumerate(zip(inside, boxes, strict=True))
    ]
    new = [_Piece(box, (), count, touched=True) for box, count in outside]
    if len(new) > _TOO_MANY:
        new = [_joined(new)]
    for piece in new:
        pieces = _absorbing(piece, pieces)
    if changed or new:
        pieces = _merging_small(pieces)
    return [piece.steps() for piece in pieces]


def plan_anew(array: ArrayData, changes: ChunkTable | None) -> list[Step]:
    """All references of an array merged, to be cut from scratch."""
    grid: Extents = tuple((0, count) for count in array.num_chunks)
    if any(count == 0 for _, count in grid):
        return []
    return [Write(grid, array.manifests, changes is not None)]


# ---- merging ---------------------------------------------------------------------------------------------------------


def _absorbing(piece: _Piece, others: Sequence[_Piece]) -> list[_Piece]:
    """The pieces and one more, which takes in all that it meets until it meets no other."""
    rest = list(others)
    while met := [other for other in rest if _meets(other.box, piece.box)]:
        rest = [other for other in rest if not _meets(other.box, piece.box)]
        piece = _joined([*met, piece])
    return [*rest, piece]


def _merging_small(pieces: list[_Piece]) -> list[_Piece]:
    """The pieces with some of the small ones merged if they are many."""
    small = sorted((piece for piece in pieces if piece.count < LARGE_ARRAY), key=lambda piece: piece.count)
    if len(small) <= SMALL_MANIFESTS:
        return pieces
    chosen = _of_near_size(small)
    going = {id(piece) for piece in chosen}
    rest = [piece for piece in pieces if id(piece) not in going]
    whole = _joined(chosen)
    if not any(_meets(piece.box, whole.box) for piece in rest):
        return [*rest, whole]
    merged = _neighbours_merged(sorted(chosen, key=lambda piece: piece.box), rest)
    left = len(small) - len(chosen) + len(merged)
    return [*rest, *merged] if left <= _TOO_MANY else _absorbing(whole, rest)


def _of_near_size(small: Iterable[_Piece]) -> list[_Piece]:
    chosen: list[_Piece] = []
    total = 0
    for piece in small:
        if len(chosen) > 1 and piece.count > _NEAR_SIZE * total:
            break
        chosen.append(piece)
        total += piece.count
    return chosen


def _neighbours_merged(chosen: Sequence[_Piece], rest: Sequence[_Piece]) -> list[_Piece]:
    """Runs of ``chosen`` merged as far as their boxes then still meet no other."""
    merged: list[_Piece] = []
    for number, piece in enumerate(chosen):
        if merged:
            wider = _joined([merged[-1], piece])
            others = (*rest, *merged[:-1], *chosen[number + 1 :])
            if not any(_meets(other.box, wider.box) for other in others):
                merged[-1] = wider
                continue
        merged.append(piece)
    return merged


def _joined(pieces: Sequence[_Piece]) -> _Piece:
    axes = zip(*(piece.box for piece in pieces), strict=True)
    box = tuple((min(start for start, _ in axis), max(stop for _, stop in axis)) for axis in axes)
    old = {ref.id: ref for piece in pieces for ref in piece.old}
    count = sum(piece.count for piece in pieces)
    return _Piece(box, tuple(old.values()), count, any(piece.touched for piece in pieces))


# ---- boxes -----------------------------------------------------------------------------------------------------------


def _count(ref: ManifestRef, num_refs: Mapping[ManifestId, int]) -> int:
    """The references that the array has in a manifest, or more: no more than the file has, or chunks fit in the box."""
    return max(1, min(num_refs.get(ref.id, 0), prod(stop - start for start, stop in ref.extents)))


def _meets(a: Extents, b: Extents) -> bool:
    same_rank = len(a) == len(b)
    return same_rank and all(x[0] < y[1] and y[0] < x[1] for x, y in zip(a, b, strict=True))


def _clipped(box: Extents, grid: Extents) -> Extents:
    return tuple((start, min(stop, count)) for (start, stop), (_, count) in zip(box, grid, strict=True))
