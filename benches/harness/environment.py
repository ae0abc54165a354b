"""What a result was measured on."""

from __future__ import annotations

import contextlib
import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from harness.subjects import Subject


def file_system(path: Path) -> str:
    """The kind of file system that ``path`` is on, as Linux names it; nothing elsewhere."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return "an unknown file system"
    found = [line.split()[1:3] for line in mounts.read_text().splitlines()]
    above = [(place, kind) for place, kind in found if path.resolve().is_relative_to(place)]
    return max(above, key=lambda mount: len(mount[0]))[1]


def environment(subjects: list[Subject], data: Path) -> dict[str, Any]:
    versions = {"zarr": zarr.__version__, "numpy": np.__version__}
    for rival in ("tensorstore", "zarrs"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[rival] = metadata.version(rival)
    for subject in subjects:
        if subject.versioned:
            versions[subject.name] = getattr(subject.module, "__version__", "?")
    return {
        "case": "environment",
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "load": os.getloadavg()[0],
        "data_on": file_system(data),
        "versions": versions,
        "subjects": [s.spec for s in subjects],
    }
