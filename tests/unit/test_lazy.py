"""``import frazil as icechunk`` and then ``icechunk.xarray.to_icechunk``: submodules are attributes of the package."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

from tests.repo.test_api_surface import SURFACE

NEEDS = {"xarray": "xarray", "dask": "dask", "vendor": "xarray", "testing": "hypothesis"}
OFFICIAL = sorted(module.removeprefix("icechunk.") for module in SURFACE if "." in module)


def run(script: str) -> str:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def test_the_official_modules_are_known() -> None:
    assert {"xarray", "dask", "distributed", "testing.strategies", "vendor.xarray", "_exceptions"} <= set(OFFICIAL)


def test_every_official_module_is_an_attribute() -> None:
    there = [module for module in OFFICIAL if find_spec(NEEDS.get(module.partition(".")[0], "frazil")) is not None]
    script = f"""
import types
import frazil as icechunk
for module in {there}:
    found = icechunk
    for part in module.split("."):
        found = getattr(found, part)
    assert type(found) is types.ModuleType, module
print("all")
"""
    assert run(script) == "all"


def test_a_function_of_one() -> None:
    pytest.importorskip("xarray")
    assert run("import frazil as icechunk; print(icechunk.xarray.to_icechunk.__name__)") == "to_icechunk"
    assert (
        run("from frazil.compat import install_as_icechunk as i; i(); import icechunk; icechunk.xarray; print(1)")
        == "1"
    )


def test_they_are_imported_when_they_are_asked_for() -> None:
    script = "import sys, frazil; print({'xarray', 'frazil.xarray', 'dask', 'frazil.testing'} & set(sys.modules))"
    assert run(script) == "set()"
    assert "xarray" in run("import frazil; print(dir(frazil))")


def test_one_that_lacks_a_package_says_so_and_is_no_attribute() -> None:
    hidden = "import sys; sys.modules['dask'] = None; import frazil; "
    assert run(hidden + "print(hasattr(frazil, 'dask'))") == "False"
    said = run(hidden + "frazil.dask")
    assert said.startswith("AttributeError: module 'frazil' has no attribute 'dask' here")
    assert "dask" in said
    assert "frazil[dask]" in run(hidden + "from frazil import dask")


def test_other_names_are_missing_as_ever() -> None:
    script = """
import frazil
for package, name in [(frazil, "xaray"), (frazil.testing, "nothing"), (frazil.vendor, "nothing")]:
    try:
        getattr(package, name)
    except AttributeError as missing:
        print(missing)
"""
    assert run(script).splitlines() == [
        "module 'frazil' has no attribute 'xaray'",
        "module 'frazil.testing' has no attribute 'nothing'",
        "module 'frazil.vendor' has no attribute 'nothing'",
    ]
