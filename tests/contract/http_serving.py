"""What the small HTTP servers of the tests have in common: a thread on a free loopback port, and hanging up."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


class Serving:
    """Serves until closed, a ``daemon`` until the process ends; from the moment that it is made."""

    def __init__(self, handler: type[BaseHTTPRequestHandler], *, daemon: bool = False) -> None:
        self._http = _Http(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=daemon)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    # Clients open as many connections at once as they may have requests in flight.
    request_queue_size = 512


class Handler(BaseHTTPRequestHandler):
    """One connection, kept open; quiet."""

    protocol_version = "HTTP/1.1"
    # An answer in two packets would wait for the client's acknowledgement of the first.
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        pass

    def hang_up(self) -> None:
        """End the connection here and now, whatever was announced."""
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
