"""What a client asks of a server, and what of it at the same time."""

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.contract.object_server import Fault, ObjectServer, Request

_PATIENCE_S = 20.0
"""How long the requests of a wave may be apart; it is never waited for but by a test that fails."""

_ID = re.compile(r"(?<=/)(repo\.[^/]*|[0-9A-Z]{20})$")


def named(request: Request) -> str:
    """A request without the ids in it: ``GET snapshots/*``; ``PUT? repo`` if it is conditional."""
    mark = "?" if {"if-match", "if-none-match"} & request.headers.keys() else ""
    if "list-type" in request.query:
        return "LIST"
    key = request.key.removeprefix("/bucket/").partition("/")[2]
    return f"{request.method}{mark} {_ID.sub('*', key)}"


class Waves:
    """Holds every request back until all of its wave have arrived.

    So a client that waits for the answer to one of them before it sends the next never gets one.
    """

    def __init__(self, expected: Sequence[Sequence[str]]) -> None:
        self._expected = [sorted(wave) for wave in expected]
        self._seen: list[list[str]] = [[]]
        self._complete = threading.Condition()

    def __call__(self, request: Request) -> Fault | None:
        with self._complete:
            number = len(self._seen) - 1
            self._seen[number].append(named(request))
            if number < len(self._expected) and len(self._seen[number]) == len(self._expected[number]):
                self._seen.append([])
                self._complete.notify_all()
            self._complete.wait_for(lambda: len(self._seen) > number + 1, _PATIENCE_S)
        return None

    def check(self) -> None:
        """Fail unless the requests were the expected ones, in the expected waves."""
        seen = [sorted(wave) for wave in self._seen if wave]
        assert seen == self._expected


@contextmanager
def expect(server: ObjectServer, *waves: Sequence[str]) -> Iterator[None]:
    """Inside, the server gets exactly these requests: each wave as a whole before any of it is answered."""
    server.fault = recorder = Waves(waves)
    try:
        yield
    finally:
        server.fault = lambda _: None
    recorder.check()
