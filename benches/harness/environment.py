"""What a result was measured on."""

from __future__ import annotations

import os
import platform
from typing import Any

import numpy as np
import zarr

from harness.subjects import Subject


def environment(subjects: list[Subject]) -> dict[str, Any]:
    versions = {"zarr": zarr.__version__, "numpy": np.__version__}
    for subject in subjects:
        if subject.versioned:
            versions[subject.name] = getattr(subject.module, "__version__", "?")
    return {
        "case": "environment",
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "load": os.getloadavg()[0],
        "versions": versions,
        "subjects": [s.spec for s in subjects],
    }
