"""The command as a user starts it: a process of its own, with a config file of its own."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

FRAZIL = (sys.executable, "-W", "error", "-m", "frazil.cli")


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Shell:
    """Runs commands in a home folder that is empty at first."""

    home: Path
    command: tuple[str, ...] = FRAZIL

    @property
    def environment(self) -> dict[str, str]:
        """Of this process, without settings that the command reads."""
        ours = {k: v for k, v in os.environ.items() if not k.startswith(("FRAZIL_", "ICECHUNK_"))}
        return ours | {"HOME": str(self.home), "XDG_CONFIG_HOME": str(self.home / "config"), "ICECHUNK_LOG": "error"}

    def __call__(self, *arguments: str | Path, typed: str = "", **environment: str) -> Done:
        done: Any = subprocess.run(
            [*self.command, *map(str, arguments)],
            input=typed,
            env=self.environment | environment,
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=120,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def config_file(self, tool: str = "frazil") -> Path:
        return self.home / "config" / tool / "cli-config.yaml"


def shell_with(home: Path, repos: dict[str, Path], command: tuple[str, ...] = FRAZIL, tool: str = "frazil") -> Shell:
    """A shell whose config file names these directories."""
    shell = Shell(home, command)
    entries = "".join(
        f"  {alias}: !LocalFileSystem\n    path: {path}\n    config: {{}}\n" for alias, path in repos.items()
    )
    shell.config_file(tool).parent.mkdir(parents=True, exist_ok=True)
    shell.config_file(tool).write_text("repos:\n" + entries if entries else "repos: {}\n")
    return shell


needs_xdg = pytest.mark.skipif(sys.platform != "linux", reason="XDG_CONFIG_HOME is read on Linux")
