"""Runs a server until whoever started it is gone.

    python leash.py COMMAND...

Standard input is the leash: it ends when the other end is closed, by its owner or by the kernel when that one dies
however suddenly.  Then the server and all that it has started get a moment to leave, and are killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress

_PATIENCE = 5.0


def main(command: list[str]) -> int:
    # A group of its own: Ctrl-C in the terminal is for the tests, and all of the group can be signalled at once.
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)

    def let_go() -> None:
        while os.read(0, 4096):
            pass
        _signal(server.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            server.wait(_PATIENCE)
        _signal(server.pid, signal.SIGKILL)

    threading.Thread(target=let_go, daemon=True).start()
    status = server.wait()
    _signal(server.pid, signal.SIGKILL)
    return status


def _signal(group: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Not SIG_IGN, which the server would inherit.
        signal.signal(number, lambda *_: None)
    sys.exit(main(sys.argv[1:]))
