"""xarray's own tests mark some of theirs; these marks are said to pytest, and acted on, as xarray's runner does it."""

import pytest

MARKS = {
    "flaky": "xarray: may fail now and then",
    "network": "xarray: needs a network",
    "mypy": "xarray: runs mypy",
    "skip_if_param": "xarray: not for one parameter",
    "skip_with_dask_array": "xarray: not with the package dask_array",
}


def pytest_configure(config: pytest.Config) -> None:
    for name, text in MARKS.items():
        config.addinivalue_line("markers", f"{name}: {text}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for mark in item.iter_markers("skip_if_param"):
            # Zarr format 3 is the only one that there is here.
            if mark.kwargs.get("default_zarr_format") == 3 and mark.kwargs.get("condition", True):
                item.add_marker(pytest.mark.skip(reason=mark.kwargs["reason"]))
