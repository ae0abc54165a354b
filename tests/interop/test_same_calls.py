"""The same calls on both packages, each in a process of its own: the same values, and the same errors by class and kind.

What differs is listed with its reason; anything else that differs fails, and so does a listed difference that is gone.
"""

import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from tests.contract.object_server import ObjectServer
from tests.interop.same_calls import CALLS

pytestmark = pytest.mark.interop

_REFUSED = "keys with empty, `.` or `..` segments cannot be addressed here: refused, where another place would be used"

DIFFERENCES: dict[str, str] = {
    **{f"the prefix {prefix!r}": _REFUSED for prefix in ("a//b", "a//", "//", "//x", "a/./b", "..")},
}
"""Call and reason."""


def _outcomes(package: str, folder: Path) -> dict[str, Any]:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "ASKED": str(folder / f"asked-{package}"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    with ObjectServer(buckets=("bucket", package)) as server:
        command = [sys.executable, "-m", "tests.interop.same_calls", package, server.url]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        installed = Version(metadata.version("icechunk"))
    except metadata.PackageNotFoundError:
        pytest.skip("the official package is not installed")
    if installed.major < 2:
        pytest.skip("the 1.x releases of the official package have other errors")
    folder = tmp_path_factory.mktemp("calls")
    return _outcomes("frazil", folder), _outcomes("icechunk", folder)


@pytest.mark.parametrize("name", CALLS)
def test_a_call_does_the_same(name, both):
    ours, theirs = both
    if name in DIFFERENCES:
        assert ours[name] != theirs[name], "no difference any more"
    else:
        assert ours[name] == theirs[name]


def test_every_difference_is_of_a_call():
    assert DIFFERENCES.keys() <= CALLS.keys()
