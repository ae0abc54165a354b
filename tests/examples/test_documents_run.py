"""The Python code in the documents runs, as a reader would run it: top to bottom, in an empty folder."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.repo.sources import ROOT, tracked

CODE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
# The reference has signatures, which are no programs.
DOCUMENTS = [path for path in sorted(tracked("*.md", ":!docs/reference.md")) if CODE.search(path.read_text())]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_code_runs(path: Path, tmp_path: Path) -> None:
    script = tmp_path / "document.py"
    script.write_text("\n".join(CODE.findall(path.read_text())))
    done = subprocess.run(
        [sys.executable, "-W", "error", script.name], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
