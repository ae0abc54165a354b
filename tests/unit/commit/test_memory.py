"""What references take in memory while they are added, committed and read back."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("references_in_memory.py")
COLUMNS = 1_000


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is measured by Linux's /proc")
@pytest.mark.timeout(3600)
def test_references_take_little_memory(amount: Callable[[int, int], int], tmp_path: Path) -> None:
    rows = amount(300, 10_000)
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path / "repo"), str(rows), str(COLUMNS)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["counted"] == rows * COLUMNS
    # What one batch of 100,000 takes on its way in stays with the allocator.
    assert found["held"] <= 32 * rows * COLUMNS + (64 << 20)
    assert found["peak"] - found["before"] <= 170 * rows * COLUMNS + (128 << 20)
    assert found["peak"] < 2 << 30
