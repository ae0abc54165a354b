"""A few bytes that stand for gigabytes: refused with a typed error, and memory stays in proportion to what they really hold."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.repo.sources import ROOT

COMMAND = [sys.executable, "-m", "tests.faults.amplifying"]

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from Linux's /proc")


def test_every_file_of_the_corpus_stays_small() -> None:
    done = subprocess.run(COMMAND, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) > 50
    for case in found:
        assert case["status"] == 0, case
        assert case["outcome"] == "done" or case["outcome"].startswith("typed "), case
        assert case["grew"] <= case["may"], case
    assert {case["outcome"] for case in found} > {"done", "typed invalid-file-format", "typed deserialization"}
