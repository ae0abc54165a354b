"""asserted.toml names tests that exist, and leaves nothing without one unsaid."""

import ast
import tomllib
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
LIST: dict[str, list[str] | str] = tomllib.loads((Path(__file__).parent / "asserted.toml").read_text())["behaviour"]
REASON = "not covered: "


@cache
def names_in(file: Path) -> frozenset[str]:
    tree = ast.parse(file.read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(
        node.name for node in ast.walk(tree) if isinstance(node, functions) and node.name.startswith("test_")
    )


@pytest.mark.parametrize("behaviour", LIST)
def test_it_is_tested_or_said_why_not(behaviour: str) -> None:
    named = LIST[behaviour]
    if isinstance(named, str):
        assert len(named.removeprefix(REASON).split()) > 3
        assert named.startswith(REASON)
        return
    assert named
    for where in named:
        file, _, test = where.partition("::")
        assert test in names_in(TESTS / file), f"{where} does not exist"


def test_the_list_is_in_the_order_of_the_sections() -> None:
    sections = [[int(part) for part in behaviour.split()[0].split(".")] for behaviour in LIST]
    assert [s[0] for s in sections] == sorted(s[0] for s in sections)
