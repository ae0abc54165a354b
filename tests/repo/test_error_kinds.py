"""Errors are raised in one typed way: each kind that a source names is published, and belongs to the class that is raised.

A kind that is mistyped would otherwise reach users as it is, or as ``unknown``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from frazil import errors
from frazil.errors import CLASS_OF_KIND, ErrorKind, IcechunkError
from tests.repo.sources import ROOT, modules

CLASSES = {name: getattr(errors, name) for name in errors.__all__ if isinstance(getattr(errors, name), type)}
CLASSES = {name: cls for name, cls in CLASSES.items() if issubclass(cls, IcechunkError)}
# What the extension says to the package, and not to users.
INSIDE = {"precondition-failed", "invalid-input", "interrupted", "missing-bucket"}


def kind_of(node: ast.expr | None) -> str | None:
    """The value of a kind that is written out, as text or as a member."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "ErrorKind":
        return str(ErrorKind[node.attr])
    return None


def raised(tree: ast.Module) -> Iterator[tuple[int, str, str]]:
    """(line, function or class, kind) of every error that is made with a kind that is written out."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        name = node.func.id
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        if name == "error":
            kind = kind_of(node.args[0] if node.args else given.get("kind"))
        elif name in CLASSES:
            kind = kind_of(given.get("kind") or (node.args[1] if len(node.args) > 1 else None))
        else:
            continue
        if kind is not None and name != "ConflictError":
            yield node.lineno, name, kind


FOUND = [(f"{module}:{line}", name, kind) for module, tree in modules() for line, name, kind in raised(tree)]


def test_there_are_many() -> None:
    assert len(FOUND) > 100


def test_each_is_published_and_of_the_class() -> None:
    wrong = [
        (where, name, kind)
        for where, name, kind in FOUND
        if kind not in CLASS_OF_KIND
        or (name in CLASSES and kind != "unknown" and not issubclass(CLASSES[name], CLASS_OF_KIND[kind]))
    ]
    assert wrong == []


def test_the_extension_s_kinds_are_published() -> None:
    text = (ROOT / "rust/core/src/error.rs").read_text()
    kinds = set(re.findall(r'Self::\w+ => "([a-z-]+)"', text))
    assert len(kinds) > 15
    assert kinds <= {*CLASS_OF_KIND, *INSIDE}
