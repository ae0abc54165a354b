"""``kill -9`` at any point of a commit leaves the old or the new state."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest


def kill(path: Path, kills: int, seed: int) -> str:
    script = Path(__file__).with_name("killing.py")
    done = subprocess.run(
        [sys.executable, str(script), str(path / "repo"), str(kills), str(seed)],
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    print(done.stdout)
    return done.stdout


def test_200_kills_leave_the_old_or_the_new_state(tmp_path: Path) -> None:
    out = kill(tmp_path, 200, random.randrange(2**32))
    assert out.startswith("200 kills")
    assert " 0 commits reported" not in out, "no commit ever succeeded, so nothing was tested"


@pytest.mark.soak
def test_1000_kills_leave_the_old_or_the_new_state(tmp_path: Path) -> None:
    assert kill(tmp_path, 1000, random.randrange(2**32)).startswith("1000 kills")
