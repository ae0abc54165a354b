"""No test file is forgotten: every one is named so that pytest finds it, and yields at least one test."""

import ast
import re
import subprocess
import sys
from pathlib import Path

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


def test_every_test_file_yields_a_test() -> None:
    # In a process of its own: this run may have been asked for a part only.  `-m` lets soak tests be collected too.
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--collect-only",
        "-q",
        "-rs",
        "-p",
        "no:cacheprovider",
        "-m",
        "soak or not soak",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    collected = {line.partition("::")[0] for line in done.stdout.splitlines() if "::" in line}
    # Modules that skip themselves as a whole, with their reason.
    collected |= set(re.findall(r"^SKIPPED \[\d+\] (tests/[\w/]+\.py):\d+: .", done.stdout, re.MULTILINE))
    files = {str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("test_*.py")}
    assert files == collected
