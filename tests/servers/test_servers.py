"""The machinery under the tests with servers: what is missing, what is started, what is ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.servers import programs
from tests.servers.once import once
from tests.servers.process import Process, free_ports, listens

_OWNER = """
import sys, time
from pathlib import Path
from tests.servers.process import Process
port = int(sys.argv[1])
server = Process([sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"], Path(sys.argv[2]))
server.wait_for_port(port)
print("ready", flush=True)
time.sleep(600)
"""


def gone(port: int) -> bool:
    until = time.monotonic() + 30
    while listens(port) and time.monotonic() < until:
        time.sleep(0.05)
    return not listens(port)


def http_server(port: int, log: Path) -> Process:
    return Process([sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"], log)


def test_a_server_is_stopped(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    server = http_server(port, tmp_path / "log")
    server.wait_for_port(port)
    server.stop()
    assert gone(port)
    server.stop()


def test_a_server_ends_with_tests_that_are_killed(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    command = [sys.executable, "-c", _OWNER, str(port), str(tmp_path / "log")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=programs.ROOT, env=environment) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"ready\n"
        owner.send_signal(signal.SIGKILL)
    assert gone(port)


def test_a_server_that_ends_at_once_is_reported_with_its_words(tmp_path: Path) -> None:
    server = Process([sys.executable, "-c", "print('no disk'); exit(3)"], tmp_path / "log")
    with pytest.raises(AssertionError, match="ended at once:\nno disk"):
        server.wait_for_port(1)
    server.stop()


@pytest.mark.parametrize(("ci", "outcome"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)])
def test_a_missing_server_is_skipped_by_users_and_fails_in_ci(monkeypatch, tmp_path, ci, outcome) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("FRAZIL_CACHE", str(tmp_path))
    monkeypatch.setattr(programs, "ROOT", tmp_path)
    with pytest.raises(outcome, match=r"fetch it with tests/servers/fetch\.sh minio"):
        programs.program("minio", "minio")
    with pytest.raises(outcome, match=r"fetch it with tests/servers/fetch\.sh moto"):
        programs.python_of("moto")


def test_what_was_fetched_is_found(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("FRAZIL_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    folder = tmp_path / "servers" / f"minio-{programs._versions()['minio']}"
    folder.mkdir(parents=True)
    (folder / "minio").touch()
    assert programs.program("minio", "minio") == str(folder / "minio")
    (tmp_path / "nothing").mkdir()
    (tmp_path / "nothing" / "minio").touch(mode=0o755)
    assert programs.program("minio", "minio") == str(tmp_path / "nothing" / "minio")


def test_a_server_that_did_not_start_is_not_started_again() -> None:
    tries: list[int] = []

    @once
    def start() -> None:
        tries.append(1)
        pytest.skip("not here")

    for _ in range(2):
        with pytest.raises(pytest.skip.Exception, match="not here"):
            start()
    assert tries == [1]
