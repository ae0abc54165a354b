"""What the pipeline asks of a store before it goes past it to the working tree."""

from __future__ import annotations

from abc import ABC, abstractmethod

from frazil.working_tree import WorkingTree


class TreeStore(ABC):
    """A Zarr store whose chunks the pipeline may read and write by itself."""

    @property
    @abstractmethod
    def direct_tree(self) -> WorkingTree | None:
        """The tree below; None if the store does more than passing on what the tree holds."""
