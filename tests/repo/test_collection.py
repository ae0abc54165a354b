"""No test file is forgotten: every one is named so that pytest finds it, and yields at least one test."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import FILES_WITH_TESTS
from tests.repo.sources import ROOT


def defines_tests(path: Path) -> bool:
    tree = ast.parse(path.read_text(), str(path))
    return any(
        (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"))
        or (isinstance(node, ast.ClassDef) and node.name.startswith("Test"))
        for node in tree.body
    )


def test_files_with_tests_are_named_so() -> None:
    sources = [path for path in (ROOT / "tests").rglob("*.py") if path.name != "conftest.py"]
    assert not [
        str(path.relative_to(ROOT)) for path in sources if defines_tests(path) and not path.name.startswith("test_")
    ]


def is_a_run_of_everything(config: pytest.Config) -> bool:
    return config.args == config.getini("testpaths") and not config.option.ignore and not config.option.deselect


def collected_elsewhere() -> set[str]:
    """The same from a process of its own, for a run that was asked for a part only."""
    # `-m` lets soak tests be collected too.
    command = ["-m", "pytest", "--collect-only", "-q", "-rs", "-p", "no:cacheprovider", "-m"]
    done = subprocess.run(
        [sys.executable, *command, "soak or not soak"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    collected = {line.partition("::")[0] for line in done.stdout.splitlines() if "::" in line}
    # Modules that skip themselves as a whole, with their reason.
    return collected | set(re.findall(r"^SKIPPED \[\d+\] (tests/[\w/]+\.py):\d+: .", done.stdout, re.MULTILINE))


def test_every_test_file_yields_a_test(request: pytest.FixtureRequest) -> None:
    everything = is_a_run_of_everything(request.config)
    collected = request.config.stash[FILES_WITH_TESTS] if everything else collected_elsewhere()
    files = {str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("test_*.py")}
    assert files == collected
