"""Paths without a slash in front."""

from __future__ import annotations


def absolute(path: str) -> str:
    """With a slash in front; the root ``""`` is ``/``."""
    return f"/{path}"


def child_names_at(parent: str, all_paths: set[str]) -> set[str]:
    """Names of the nodes right below ``parent``."""
    prefix = f"{parent}/" if parent else ""
    below = (path.removeprefix(prefix) for path in all_paths if path.startswith(prefix))
    return {rest for rest in below if rest and "/" not in rest}


def is_descendant(path: str, ancestor: str) -> bool:
    """Whether a path lies below another one, and is not the same."""
    return path != ancestor and (ancestor == "" or path.startswith(f"{ancestor}/"))


def joined(parent: str, name: str) -> str:
    """The path of a child."""
    return f"{parent}/{name}" if parent else name
