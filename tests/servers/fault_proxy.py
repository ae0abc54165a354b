"""An HTTP proxy that misbehaves on request, between a client and any storage server.

Requests are passed on as they are, their ``Host`` included, so that signatures stay valid.
"""

from __future__ import annotations

import http.client
import threading
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from tests.contract.http_serving import Handler, Serving


class Fault(Enum):
    """What a client gets instead of the right answer."""

    SERVER_ERROR = "500"
    SLOW_DOWN = "503 SlowDown"
    TOO_MANY_REQUESTS = "429"
    CONFLICT = "409 ConditionalRequestConflict"
    LOST_REQUEST = "the connection ends before the server sees the request"
    LOST_ANSWER = "the server does it, and the connection ends"
    FAILED_ANSWER = "the server does it, and the answer is 500"
    CUT_BODY = "the connection ends in the middle of the body"
    WRONG_RANGE = "Content-Range is of another range"


_ANSWERS: Final = {
    Fault.SERVER_ERROR: (500, "InternalError"),
    Fault.SLOW_DOWN: (503, "SlowDown"),
    Fault.TOO_MANY_REQUESTS: (429, "TooManyRequests"),
    Fault.CONFLICT: (409, "ConditionalRequestConflict"),
    Fault.FAILED_ANSWER: (500, "InternalError"),
}

_HOP_BY_HOP: Final = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass(frozen=True)
class Seen:
    """A request that came by."""

    number: int
    method: str
    path: str
    conditional: bool
    ranged: bool


class FaultProxy(Serving):
    """Serves until closed, in front of the server at ``target`` (``http://host:port``).

    ``fault`` is asked about each request, and has to be quick.
    """

    def __init__(self, target: str) -> None:
        parts = urllib.parse.urlsplit(target)
        self.target = (parts.hostname or "", parts.port or 80)
        self.seen: list[Seen] = []
        self.fault: Callable[[Seen], Fault | None] = lambda _: None
        self._lock = threading.Lock()
        super().__init__(type("ProxyHandler", (_Handler,), {"proxy": self}))

    def clear(self) -> None:
        self.seen.clear()
        self.fault = lambda _: None

    def note(self, method: str, path: str, headers: dict[str, str]) -> Fault | None:
        with self._lock:
            seen = Seen(
                len(self.seen),
                method,
                path,
                conditional=bool({"if-match", "if-none-match", "x-goog-if-generation-match"} & headers.keys()),
                ranged="range" in headers or "x-ms-range" in headers,
            )
            self.seen.append(seen)
        return self.fault(seen)


class _Handler(Handler):
    proxy: FaultProxy

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.proxy.note(self.command, self.path, {name.lower(): value for name, value in self.headers.items()})
        if fault in (Fault.SERVER_ERROR, Fault.SLOW_DOWN, Fault.TOO_MANY_REQUESTS, Fault.CONFLICT):
            self._refuse(fault)
        elif fault is Fault.LOST_REQUEST:
            self.hang_up()
        else:
            self._pass_on(body, fault)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815 - names that the base class looks for

    def _pass_on(self, body: bytes, fault: Fault | None) -> None:
        upstream = http.client.HTTPConnection(*self.proxy.target, timeout=60)
        try:
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                upstream.putheader(name, value)
            upstream.endheaders(body or None)
            answer = upstream.getresponse()
            content = answer.read()
        finally:
            upstream.close()
        if fault is Fault.LOST_ANSWER:
            self.hang_up()
        elif fault is Fault.FAILED_ANSWER:
            self._refuse(fault)
        else:
            self._answer(answer, content, fault)

    def _answer(self, answer: http.client.HTTPResponse, content: bytes, fault: Fault | None) -> None:
        headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in _HOP_BY_HOP]
        length = answer.getheader("Content-Length", "0") if self.command == "HEAD" else str(len(content))
        if fault is Fault.WRONG_RANGE:
            headers = [(name, value) for name, value in headers if name.lower() != "content-range"]
            headers.append(("Content-Range", f"bytes 1-{len(content)}/{len(content) + 7}"))
        try:
            self.send_response_only(answer.status, answer.reason)
            for name, value in headers:
                self.send_header(name, value)
            if answer.status not in (204, 304):
                self.send_header("Content-Length", length)
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if fault is Fault.CUT_BODY else content)
            if fault is Fault.CUT_BODY:
                self.hang_up()
        except OSError:
            # the client has gone
            self.close_connection = True

    def _refuse(self, fault: Fault) -> None:
        status, code = _ANSWERS[fault]
        body = f"<Error><Code>{code}</Code></Error>".encode()
        try:
            self.send_response_only(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
        except OSError:
            self.close_connection = True
