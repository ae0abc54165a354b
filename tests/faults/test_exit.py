"""Scripts that end right after their last await neither crash nor hang.

No thread of ours calls into Python by itself, so there is nothing that the end of the interpreter could pull away.
"""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path

import pytest

from tests.contract.object_server import ObjectServer
from tests.faults.ending import KINDS

SCRIPT = Path(__file__).with_name("ending.py")


def end_often(path: Path, count: int) -> None:
    """Run ``count`` scripts of all kinds, on a directory and on a network store in turn."""
    with ObjectServer() as server:
        ways = [(kind, endpoint) for endpoint in ([], [server.url]) for kind in KINDS]

        def run(number: int, way: tuple[str, list[str]]) -> None:
            kind, endpoint = way
            place = f"repo-{number}" if endpoint else str(path / f"repo-{number}")
            done = subprocess.run(
                [sys.executable, "-X", "faulthandler", str(SCRIPT), kind, place, *endpoint],
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            ended = (done.returncode, done.stdout)
            assert ended == (0, "done\n"), f"{kind} {endpoint}: {ended} {done.stderr[-4000:]}"

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(run, range(count), islice(cycle(ways), count)))


def test_50_short_scripts_end_as_they_should(tmp_path: Path) -> None:
    end_often(tmp_path, 50)


@pytest.mark.soak
def test_1000_short_scripts_end_as_they_should(tmp_path: Path) -> None:
    end_often(tmp_path, 1000)
