"""Slow, narrow and cut connections, by toxiproxy."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.servers.once import once
from tests.servers.process import Process, folder, free_ports
from tests.servers.programs import program


class Link:
    """A way to a server that can be made worse."""

    def __init__(self, control: str, name: str, port: int) -> None:
        self._proxy = f"{control}/proxies/{name}"
        self.url = f"http://127.0.0.1:{port}"

    def worsen(self, kind: str, *, upstream: bool = False, **attributes: int) -> None:
        """Add a toxic of toxiproxy: ``latency`` (ms), ``bandwidth`` (KB/s), ``limit_data`` (bytes), ..."""
        stream = "upstream" if upstream else "downstream"
        _call("POST", f"{self._proxy}/toxics", {"type": kind, "stream": stream, "attributes": attributes})

    def heal(self) -> None:
        for toxic in _call("GET", f"{self._proxy}/toxics"):
            _call("DELETE", f"{self._proxy}/toxics/{toxic['name']}")

    def remove(self) -> None:
        _call("DELETE", self._proxy)


@once
def _control() -> str:
    data = folder("toxiproxy")
    (port,) = free_ports(1)
    command = [program("toxiproxy", "toxiproxy-server"), "-host", "127.0.0.1", "-port", str(port)]
    Process(command, data / "log").wait_for_port(port)
    return f"http://127.0.0.1:{port}"


@contextmanager
def link_to(target: str) -> Iterator[Link]:
    """A link to the server at ``target`` (``http://host:port``)."""
    control = _control()
    (port,) = free_ports(1)
    name = f"link-{port}"
    upstream = target.removeprefix("http://")
    _call("POST", f"{control}/proxies", {"name": name, "listen": f"127.0.0.1:{port}", "upstream": upstream})
    link = Link(control, name, port)
    try:
        yield link
    finally:
        link.remove()


def _call(method: str, url: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, method=method), timeout=30) as answer:
        text = answer.read()
    return json.loads(text) if text else None
