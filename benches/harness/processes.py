"""Fresh processes, and the memory of this one."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

RUN = Path(__file__).resolve().parents[1] / "run.py"


def run_child(function: str, spec: str, args: dict[str, Any]) -> tuple[dict[str, float], int]:
    """The metrics of a child and its exit status.

    A child that dies after it printed its metrics (some packages crash while
    the interpreter shuts down) still counts; one that printed none raises.
    """
    command = [sys.executable, str(RUN), "--child", function, spec]
    done = subprocess.run([*command, json.dumps(args)], stdout=subprocess.PIPE, text=True, check=False)
    if not done.stdout.strip():
        raise RuntimeError(f"{function} of {spec} printed nothing and exited {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1]), done.returncode


def memory_kib(field_name: str) -> int:
    """``VmRSS`` (now) or ``VmHWM`` (peak) of this process, in KiB (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field_name + ":"):
            return int(line.split()[1])
    return 0


def reset_peak() -> None:
    """Start ``VmHWM`` anew from the present size (Linux)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
