"""docs/performance.md says what the stored results say."""

import subprocess
import sys

from tests.repo.sources import ROOT


def test_the_document_is_made_from_the_results() -> None:
    command = [sys.executable, str(ROOT / "benches" / "document.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
