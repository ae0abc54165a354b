"""The layers of docs/design/0001, held."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.repo.sources import PACKAGE, ROOT, is_module, modules

# The extension's classes are values that any layer may hold.  Its functions have owners, and everybody else asks
# those: so ids are typed, and metadata values decoded, in one place.
OWNERS = {
    "encode_id": ("format",),
    "decode_id": ("format",),
    "random_id": ("format", "storage"),
    "content_id": ("format",),
    # The stored configuration is a metadata value too, and config may not ask format, which stands above it.
    "flexbuffer_to_json": ("format", "config"),
    "json_to_flexbuffer": ("format", "config"),
    "msgpack_to_json": ("format", "config"),
    "json_to_msgpack": ("format", "config"),
    "read_header": ("format", "maintenance"),  # `inspect` shows headers
}
# These know nothing of the extension but what hides secrets: the bottom can be read without it, and the top asks the
# layers below.
WITHOUT_CORE = ("errors", "names", "clock", "display", "integrations", "cli", "compat")
# One rule for what is a secret, for the extension's own errors too.
SECRETS = {"without_secrets", "address_without_secrets", "is_secret"}
# Who stands above `frazil` itself and may import its public names.
ABOVE_THE_PACKAGE = ("cli", "compat", "testing")


def imported(tree: ast.Module) -> set[str]:
    """Every module named by an import statement, wherever it stands."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module)
            found |= {f"{node.module}.{name.name}" for name in node.names}
    return found


def test_imports_point_down() -> None:
    tool = Path(sys.executable).with_name("lint-imports")
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run([tool, "--no-cache"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_table_of_layers_is_the_linters() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    held = [set(re.findall(r"\w+", layer)) for contract in contracts for layer in contract["layers"]]
    table = (ROOT / "ARCHITECTURE.md").read_text().partition("## The layers")[2].partition("\n## ")[0]
    rows = [set(re.findall(r"`(\w+)`", row)) for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)]
    # The extension stands below all of them.
    assert [row for row in rows if row] == held


def core_names(tree: ast.Module) -> set[str]:
    """What a module takes from the extension, as `from frazil._core import x` or as `_core.x`."""
    named = {target.removeprefix("frazil._core.") for target in imported(tree) if target.startswith("frazil._core.")}
    return named | {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "_core"
    }


@pytest.mark.parametrize(("name", "tree"), list(modules()), ids=lambda value: value if isinstance(value, str) else "")
def test_the_extension_is_asked_where_it_belongs(name: str, tree: ast.Module) -> None:
    layer = [*name.split("."), ""][1]
    foreign = {what: OWNERS[what] for what in core_names(tree) & set(OWNERS) if layer not in OWNERS[what]}
    assert not foreign, f"{name} calls the extension; ask these layers instead: {foreign}"
    assert layer not in WITHOUT_CORE or core_names(tree) <= SECRETS, f"{name} may not import the extension"


@pytest.mark.parametrize(("name", "tree"), list(modules()), ids=lambda value: value if isinstance(value, str) else "")
def test_nobody_comes_through_the_front_door(name: str, tree: ast.Module) -> None:
    # `from frazil import X` with X not a module reaches every layer, and hides which.
    layer = [*name.split("."), ""][1]
    through = [
        target
        for target in imported(tree)
        if target.startswith("frazil.") and target.count(".") == 1 and not is_module(target)
    ]
    assert not layer or layer in ABOVE_THE_PACKAGE or not through, f"import {through} from the modules that define them"
