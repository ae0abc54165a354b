"""A package that is missing is named, with the extra that brings it."""

import subprocess
import sys
from importlib import import_module

import pytest

from frazil.integrations.optional import needs

# A process in which one package cannot be imported.
WITHOUT = """
import sys
sys.modules[{package!r}] = None
try:
    import {module}
except ModuleNotFoundError as missing:
    print(missing.name, "|", missing)
"""


@pytest.mark.parametrize(
    ("module", "package"),
    [("frazil.xarray", "xarray"), ("frazil.vendor.xarray", "xarray"), ("frazil.dask", "dask")],
)
def test_the_message_names_the_extra(module: str, package: str):
    script = WITHOUT.format(module=module, package=package)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    said = f"{package} | {package} is not installed; `pip install 'frazil[{package}]'` brings it"
    assert done.stdout.strip() == said


def test_distributed_needs_neither():
    script = WITHOUT.format(module="frazil.distributed", package="dask") + "print('dask' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"  # only the entry that forbids it


def test_xarray_is_written_without_dask():
    script = """
import sys
sys.modules["dask"] = None
import numpy, xarray, frazil
from frazil.xarray import is_dask_collection, to_icechunk
session = frazil.Repository.create(frazil.in_memory_storage()).writable_session("main")
to_icechunk(xarray.Dataset({"a": ("x", numpy.arange(3))}), session)
print(xarray.open_zarr(session.store, consolidated=False).a.values.tolist(), is_dask_collection(1))
"""
    pytest.importorskip("xarray")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[0, 1, 2] False", done.stderr


def test_another_missing_module_is_not_explained_away():
    with pytest.raises(ModuleNotFoundError, match="No module named 'no_such_package'"), needs("xarray", extra="xarray"):
        import_module("no_such_package")
