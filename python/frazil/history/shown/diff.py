"""The public form of what changed between two snapshots, or in a session."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from typing import Final

from frazil.display import Parts, Verbatim
from frazil.display.html import html
from frazil.names import public
from frazil.pickling import PicklesSlots

_CHUNKS_SHOWN: Final = 10


@public
@dataclass(slots=True, repr=False)
class Diff(PicklesSlots):
    """What changed, by absolute node paths.

    Parameters
    ----------
    new_groups, new_arrays, deleted_groups, deleted_arrays, updated_groups, updated_arrays
        Sets of paths.  A node that was deleted and made anew is in two of them.
    updated_chunks
        Coordinates of chunks that were written or deleted, sorted, by the path of their array.
    moved_nodes
        (from, to) of every node that moved, descendants included, by final path.
    """

    new_groups: set[str] = field(default_factory=set)
    new_arrays: set[str] = field(default_factory=set)
    deleted_groups: set[str] = field(default_factory=set)
    deleted_arrays: set[str] = field(default_factory=set)
    updated_groups: set[str] = field(default_factory=set)
    updated_arrays: set[str] = field(default_factory=set)
    updated_chunks: dict[str, list[list[int]]] = field(default_factory=dict)
    moved_nodes: list[tuple[str, str]] = field(default_factory=list)

    def is_empty(self) -> bool:
        """Whether nothing changed."""
        return not any(getattr(self, part.name) for part in fields(self))

    def __repr__(self) -> str:
        return "".join(self._sections())

    def __str__(self) -> str:
        return repr(self)

    def __display__(self) -> Parts:
        """The text, for displays that hold a diff."""
        return Parts("snapshots.Diff", (("changes", Verbatim(repr(self))),))

    def _repr_html_(self) -> str:
        return html(self)

    def _sections(self) -> Iterator[str]:
        yield from _paths("Groups created", self.new_groups)
        yield from _paths("Arrays created", self.new_arrays)
        yield from _paths("Group definitions updated", self.updated_groups)
        yield from _paths("Array definitions updated", self.updated_arrays)
        yield from _paths("Groups deleted", self.deleted_groups)
        yield from _paths("Arrays deleted", self.deleted_arrays)
        if self.updated_chunks:
            yield "Chunks updated:\n"
            for path in sorted(self.updated_chunks):
                yield from _chunks(path, self.updated_chunks[path])
        if self.moved_nodes:
            yield from _lines("Nodes moved/renamed", (f"{source} -> {target}" for source, target in self.moved_nodes))


def _paths(title: str, paths: set[str]) -> Iterator[str]:
    if paths:
        yield from _lines(title, sorted(paths))


def _lines(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield f"{title}:\n"
    for line in lines:
        yield f"    {line}\n"
    yield "\n"


def _chunks(path: str, coords: list[list[int]]) -> Iterator[str]:
    yield f"    {path}:\n"
    for index in coords[:_CHUNKS_SHOWN]:
        yield f"        {index}\n"
    if len(coords) > _CHUNKS_SHOWN:
        yield f"        ... {len(coords) - _CHUNKS_SHOWN} more\n"
