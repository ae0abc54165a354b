"""What some tests are skipped without: on a developer's machine it may be missing, where ``CI`` is set it may not."""

import os
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

import pytest

COMPANIONS = (
    "icechunk",
    "xarray",
    "xarray.tests",
    "dask.array",
    "distributed",
    "pyarrow",
    "numcodecs",
    "botocore",
    "virtualizarr",
)

pytestmark = pytest.mark.skipif(os.environ.get("CI", "") in ("", "0", "false"), reason="only where CI is set")


@pytest.mark.parametrize("module", COMPANIONS)
def test_no_test_is_skipped_for_want_of_a_package(module: str) -> None:
    assert find_spec(module) is not None, "`make setup` installs it"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the 2.x releases of the official package need Python 3.12")
def test_the_official_package_knows_both_versions_of_the_format() -> None:
    try:
        installed = version("icechunk")
    except PackageNotFoundError:
        installed = "0"
    assert int(installed.partition(".")[0]) >= 2
