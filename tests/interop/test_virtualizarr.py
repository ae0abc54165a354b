"""VirtualiZarr, unchanged, on top of Frazil."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(
        importlib.util.find_spec("virtualizarr") is None,
        reason="VirtualiZarr is not installed: pip install virtualizarr",
    ),
]


def test_virtualizarr_writes_into_frazil_and_reads_it_back(tmp_path: Path) -> None:
    # A process of its own: nothing else may have imported the official package.
    script = Path(__file__).with_name("virtualizarr_roundtrip.py")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, script, tmp_path], env=environment, capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("round trip done\n")
