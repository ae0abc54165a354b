"""Where the programs of the test servers are, and what happens to a test when they are not."""

from __future__ import annotations

import os
import shutil
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


@cache
def _versions() -> dict[str, str]:
    lines = (HERE / "versions.txt").read_text().splitlines()
    return dict(line.split(maxsplit=1) for line in lines if line and line[0] != "#")


def _folders(server: str) -> list[Path]:
    """Where fetch.sh may have put a server."""
    folders = [ROOT / "build" / "servers"]
    cache_home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    if cached := os.environ.get("FRAZIL_CACHE", str(Path(cache_home) / "frazil")):
        folders.insert(0, Path(cached) / "servers")
    return [folder / f"{server}-{_versions()[server]}" for folder in folders]


def program(server: str, name: str, inside: str = "") -> str:
    """The path of a program that ``server`` needs: on PATH, or ``inside`` of the folder that fetch.sh has made.

    Without it the test is skipped on a user's machine, and fails where CI is set.
    """
    if found := shutil.which(name):
        return found
    for folder in _folders(server):
        if (path := folder / inside / name).is_file():
            return str(path)
    raise missing(server, f"{name} is neither on PATH nor in the cache")


def python_of(server: str) -> str:
    """The interpreter of the virtual environment that fetch.sh has made for a server."""
    for folder in _folders(server):
        if (path := folder / "bin" / "python").exists():
            return str(path)
    raise missing(server, "it is not in the cache")


def missing(server: str, why: str) -> BaseException:
    """What to raise."""
    message = f"no {server} to test against: {why}; fetch it with tests/servers/fetch.sh {server}"
    if os.environ.get("CI", "") not in ("", "0", "false"):
        return pytest.fail.Exception(message, pytrace=False)
    return pytest.skip.Exception(message)
