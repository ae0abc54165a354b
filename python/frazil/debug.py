"""What to paste into a bug report."""

from __future__ import annotations

import importlib
import platform
import sys

from frazil.version import __version__

_COMPANIONS = ("zarr", "numcodecs", "xarray", "virtualizarr")


def print_debug_info() -> None:
    """Print the versions of Python, of this package and of its companions that are installed."""
    lines = {"platform": platform.platform(), "python": platform.python_version(), "frazil": __version__}
    for name in _COMPANIONS:
        try:
            lines[name] = importlib.import_module(name).__version__
        except ImportError:
            continue
    sys.stdout.write("".join(f"{name}:  {value}\n" for name, value in lines.items()))
