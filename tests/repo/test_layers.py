"""The layers of docs/design/0001, held."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.repo.sources import PACKAGE, ROOT, modules

# Who may import the compiled extension; everybody else asks one of these.
MAY_IMPORT_CORE = ("ids", "format", "storage", "assets", "changes", "codec_pipeline", "context")
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


def is_module(name: str) -> bool:
    path = PACKAGE.parent.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file() or path.with_suffix(".pyi").is_file()


def test_imports_point_down() -> None:
    tool = Path(sys.executable).with_name("lint-imports")
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run([tool, "--no-cache"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("name", "tree"), list(modules()), ids=lambda value: value if isinstance(value, str) else "")
def test_module_imports(name: str, tree: ast.Module) -> None:
    layer = [*name.split("."), ""][1]
    for target in imported(tree):
        if target == "frazil._core" or target.startswith("frazil._core."):
            assert layer in MAY_IMPORT_CORE, f"{name} imports the extension; ask {MAY_IMPORT_CORE} instead"
        # `from frazil import X` with X not a module goes through the front door and hides the layer.
        through_the_front = target.startswith("frazil.") and target.count(".") == 1 and not is_module(target)
        if layer and layer not in ABOVE_THE_PACKAGE:
            assert target != "frazil" or not through_the_front
            assert not through_the_front, f"{name} imports {target} from the package itself; import it from its module"
