"""``import frazil`` is light: no optional package, no thread, no file."""

import json
import subprocess
import sys

import pytest

from tests.repo.sources import is_module

OPTIONAL = (
    "xarray",
    "dask",
    "distributed",
    "pyarrow",
    "pandas",
    "hypothesis",
    "pytest",
    "matplotlib",
    "click",
    "icechunk",
    "obstore",
    "botocore",
)


def loaded_by(statement: str) -> set[str]:
    """Top-level modules in a new process after a statement."""
    script = (
        f"import json, sys; {statement}; print(json.dumps(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


STATEMENTS = ["import frazil", "from frazil import *", *(["import frazil.cli"] if is_module("frazil.cli") else [])]


@pytest.mark.parametrize("statement", STATEMENTS)
def test_no_optional_package_is_loaded(statement: str) -> None:
    assert not loaded_by(statement) & set(OPTIONAL)


def test_importing_starts_no_thread() -> None:
    script = "import frazil, os; print(len(os.listdir('/proc/self/task')))"
    quiet = "import zarr, os; print(len(os.listdir('/proc/self/task')))"
    counts = [
        int(subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True).stdout)
        for text in (quiet, script)
    ]
    assert counts[0] == counts[1]
