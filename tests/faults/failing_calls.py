"""Programs whose calls of the operating system fail: what no disk at hand does when it is asked to."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("failing_calls.c")


def build(directory: Path) -> Path:
    """The library to be loaded before all others."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    library = directory / "failing_calls.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"], check=True)
    return library


def run(library: Path, program: str, *arguments: str) -> None:
    """Run a Python program whose calls fail as long as the file says so that ``FAILING_CALLS`` names."""
    faults = library.with_suffix(".faults")
    faults.unlink(missing_ok=True)
    environment = {**os.environ, "LD_PRELOAD": str(library), "FAILING_CALLS": str(faults)}
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr + done.stdout
