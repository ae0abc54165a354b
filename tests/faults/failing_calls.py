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


def start(library: Path, program: str, *arguments: str) -> subprocess.Popen[str]:
    """A Python program whose calls fail as long as the file says so that ``FAILING_CALLS`` names."""
    environment = {**os.environ, "LD_PRELOAD": str(library), "FAILING_CALLS": str(faults_of(library))}
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", program, *arguments], env=environment, stderr=pipe, text=True)


def faults_of(library: Path) -> Path:
    """The file; nothing fails without it."""
    return library.with_suffix(".faults")


def run(library: Path, program: str, *arguments: str) -> None:
    """Run such a program to its end."""
    faults_of(library).unlink(missing_ok=True)
    finish(start(library, program, *arguments))


def finish(program: subprocess.Popen[str]) -> None:
    """It ends well."""
    with program:
        try:
            _, said = program.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            program.kill()
            raise
    assert program.returncode == 0, said
