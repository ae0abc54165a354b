"""Paths of nodes: absolute, ``/`` between segments, the root is ``/`` (format section 6.1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NewType

from frazil.errors import error

NodePath = NewType("NodePath", str)

ROOT: Final = NodePath("/")


def parse(text: str) -> NodePath:
    """Check a path that a user gave.

    Raises ``InvalidInputError`` of kind ``invalid-path`` for relative paths and for empty, ``.`` and ``..`` segments.
    """
    if not text.startswith("/"):
        raise error("invalid-path", "could not create path from prefix: path must start with a `/` character")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise error("invalid-path", f"{text!r} has half of a surrogate pair, which no path can have") from None
    if text != ROOT and not {"", ".", ".."}.isdisjoint(text[1:].split("/")):
        raise error(
            "invalid-path",
            f"could not create path from prefix: path must be canonic, `{text}` has an empty, `.` or `..` segment",
        )
    return NodePath(text)


def from_relative(text: str) -> NodePath:
    """The path of a node by a relative or absolute name; ``""`` is the root."""
    stripped = text.strip("/")
    return parse(f"/{stripped}")


def to_relative(path: NodePath) -> str:
    """The path as Zarr's keys have it: no leading slash, ``""`` for the root."""
    return path[1:]


def child(path: NodePath, name: str) -> NodePath:
    """The path of a node one level down."""
    return NodePath(f"/{name}" if path == ROOT else f"{path}/{name}")


def parent(path: NodePath) -> NodePath | None:
    """The path one level up; None for the root."""
    if path == ROOT:
        return None
    return NodePath(path.rpartition("/")[0] or ROOT)


def name(path: NodePath) -> str:
    """The last segment; ``""`` for the root."""
    return path.rpartition("/")[2]


def ancestors(path: NodePath) -> Iterator[NodePath]:
    """Every path above, from the parent up to the root."""
    above = parent(path)
    while above is not None:
        yield above
        above = parent(above)


def is_descendant(path: NodePath, ancestor: NodePath) -> bool:
    """Strictly below."""
    if ancestor == ROOT:
        return path != ROOT
    return path.startswith(ancestor) and path[len(ancestor) : len(ancestor) + 1] == "/"


def is_same_or_below(path: NodePath, ancestor: NodePath) -> bool:
    """The path itself, or strictly below."""
    return path == ancestor or is_descendant(path, ancestor)


def rebase_path(path: NodePath, source: NodePath, target: NodePath) -> NodePath:
    """The path of a node at or below ``source`` after ``source`` became ``target``."""
    rest = path if source == ROOT else path[len(source) :]
    if target == ROOT:
        return NodePath(rest or ROOT)
    return NodePath(target if rest in ("", ROOT) else f"{target}{rest}")


def segments(path: NodePath) -> tuple[str, ...]:
    """The names from the root down, ``()`` for the root; also the key for sorting a parent before its children."""
    return () if path == ROOT else tuple(path[1:].split("/"))
