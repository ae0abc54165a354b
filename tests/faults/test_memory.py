"""A process that reads and commits for long holds no more memory late than early."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("staying.py")

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from Linux's /proc")

SLACK_KIB = 12 << 10
"""What an allocator may keep more or less of; an array of the script has 16 MiB, so that one forgotten shows."""


def stay(path: Path, rounds: int) -> list[int]:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(path / "repo"), str(rounds)],
        capture_output=True,
        text=True,
        timeout=5 * 3600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return [int(line) for line in done.stdout.split()]


def has_plateau(held: list[int]) -> bool:
    """The last quarter is no higher than the second."""
    quarter = len(held) // 4
    return max(held[-quarter:]) <= max(held[quarter : 2 * quarter]) + SLACK_KIB


def test_a_slope_is_seen() -> None:
    assert has_plateau([100_000 + number % 7 * 1000 for number in range(100)])
    assert not has_plateau([100_000 + number * 1000 for number in range(100)])


def test_120_rounds_of_reading_and_committing_reach_a_plateau(tmp_path: Path) -> None:
    held = stay(tmp_path, 120)
    assert has_plateau(held), held


@pytest.mark.soak
def test_10000_rounds_of_reading_and_committing_reach_a_plateau(tmp_path: Path) -> None:
    held = stay(tmp_path, 10_000)
    assert has_plateau(held), held[:: max(1, len(held) // 200)]
