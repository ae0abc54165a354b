"""Renames of a rearrange session: a short list of moves, applied to paths on the way in and out (format section 8.3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from frazil.format.node_path import NodePath, is_same_or_below, rebase_path
from frazil.pickling import PicklesSlots


@dataclass(slots=True)
class MoveList(PicklesSlots):
    """Moves in the order in which they were made."""

    moves: list[tuple[NodePath, NodePath]] = field(default_factory=list)

    def add(self, source: NodePath, target: NodePath) -> None:
        self.moves.append((source, target))

    def to_current(self, base_path: NodePath) -> NodePath:
        """Where the node that the base snapshot has at ``base_path`` is now."""
        path = base_path
        for source, target in self.moves:
            if is_same_or_below(path, source):
                path = rebase_path(path, source, target)
        return path

    def to_base(self, path: NodePath) -> NodePath | None:
        """Where the node now at ``path`` is in the base snapshot; None if nothing can be there any more."""
        for source, target in reversed(self.moves):
            if is_same_or_below(path, target):
                path = rebase_path(path, target, source)
            elif is_same_or_below(path, source):
                return None
        return path

    def sources(self) -> Iterable[NodePath]:
        """The subtree roots that ever moved, as paths of the base snapshot where that still means something."""
        return (source for source, _ in self.moves)

    def __len__(self) -> int:
        return len(self.moves)

    def copy(self) -> MoveList:
        return MoveList(list(self.moves))
