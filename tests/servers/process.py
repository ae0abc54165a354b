"""Servers as processes: started on a free port, waited for, and never outliving the tests."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.servers.programs import HERE


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nobody listens on at the moment."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def folder(name: str) -> Path:
    """A directory for the data of a server, removed when the tests end."""
    path = Path(tempfile.mkdtemp(prefix=f"frazil-{name}-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


class Process:
    """A running server.  It ends with ``stop``, with the tests, or when they die."""

    def __init__(self, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
        self.name = Path(command[0]).name
        self.log = log
        with log.open("wb") as output:
            self._leash = subprocess.Popen(
                [sys.executable, str(HERE / "leash.py"), *command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
            )
        atexit.register(self.stop)

    def stop(self) -> None:
        if self._leash.stdin is not None and not self._leash.stdin.closed:
            self._leash.stdin.close()
            self._leash.wait(30)

    def wait_until(self, ready: Callable[[], object], seconds: float = 60.0) -> None:
        """Ask until ``ready`` is true; a server that ends or never gets there is an error with its last words."""
        until = time.monotonic() + seconds
        while not ready():
            assert self._leash.poll() is None, f"{self.name} ended at once:\n{self._last_words()}"
            assert time.monotonic() < until, f"{self.name} did not start in {seconds} s:\n{self._last_words()}"
            time.sleep(0.05)

    def wait_for_port(self, port: int, seconds: float = 60.0) -> None:
        self.wait_until(lambda: listens(port), seconds)

    def _last_words(self) -> str:
        return self.log.read_text(errors="replace")[-3000:]


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
