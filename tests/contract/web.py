"""A web server whose answers a test writes, and repositories with virtual chunks on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import zarr

import frazil
from tests.contract.http_serving import Handler, Serving

DATA = bytes(range(256)) * 4
QUICK = frazil.StorageSettings(
    retries=frazil.StorageRetriesSettings(max_tries=2, initial_backoff_ms=1, max_backoff_ms=1)
)


@dataclass(frozen=True)
class Asked:
    """A request: ``target`` is what stood in its first line."""

    method: str
    target: str
    headers: dict[str, str]

    @property
    def range(self) -> tuple[int, int] | None:
        text = self.headers.get("range")
        if text is None:
            return None
        first, _, last = text.removeprefix("bytes=").partition("-")
        return int(first), int(last or len(DATA) - 1)


@dataclass
class Answer:
    """An answer; without ``measured`` its length is told by chunks, or with ``closing`` by the end of the connection."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    measured: bool = True
    closing: bool = False


class Web(Serving):
    """Answers by a function, which a test may exchange."""

    def __init__(self, answer: Callable[[Asked], Answer] | None = None) -> None:
        self.answer = answer or part
        self.asked: list[Asked] = []
        super().__init__(type("WebHandler", (_Handler,), {"web": self}))

    @property
    def sent(self) -> list[str]:
        return [asked.target for asked in self.asked]


class _Handler(Handler):
    web: Web

    def _serve(self) -> None:
        asked = Asked(self.command, self.path, {name.lower(): value for name, value in self.headers.items()})
        self.web.asked.append(asked)
        self.rfile.read(int(asked.headers.get("content-length", 0)))
        answer = self.web.answer(asked)
        try:
            self._send(answer)
        except OSError:
            # the client has seen enough
            self.close_connection = True

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815 - names that the base class looks for

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        body = answer.body
        if answer.closing:
            self.send_header("Connection", "close")
        elif answer.measured:
            self.send_header("Content-Length", str(len(body)))
        else:
            self.send_header("Transfer-Encoding", "chunked")
            pieces = [body[start : start + 7] for start in range(0, len(body), 7)]
            body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        if answer.closing:
            self.hang_up()


def part(asked: Asked, data: bytes = DATA, **more: str) -> Answer:
    """The range that was asked for, or all."""
    if asked.range is None:
        return whole(asked, data, **more)
    first, last = asked.range
    found = data[first : last + 1]
    if not found:
        return Answer(416)
    said = f"bytes {first}-{first + len(found) - 1}/{len(data)}"
    return Answer(206, found, {"Content-Range": said, **_named(more)})


def whole(_: Asked, data: bytes = DATA, **more: str) -> Answer:
    """Everything, whatever was asked for."""
    return Answer(200, data, _named(more))


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def store_of(
    *prefixes: str, authorise: Iterable[str] | None = None, headers: dict[str, str] | None = None, chunks: int = 64
) -> frazil.IcechunkStore:
    """The store of a repository with an array ``a`` of chunks of 8 bytes, and containers on the web."""
    config = frazil.RepositoryConfig(storage=QUICK)
    for prefix in prefixes:
        config.set_virtual_chunk_container(frazil.VirtualChunkContainer(prefix, frazil.http_store(None, headers)))
    access = dict.fromkeys(prefixes if authorise is None else authorise, frazil.credentials.HttpAccess)
    repo = frazil.Repository.create(frazil.in_memory_storage(), config, authorize_virtual_chunk_access=access)
    store = repo.writable_session("main").store
    zarr.create_array(store, name="a", shape=(8 * chunks,), chunks=(8,), dtype="u1", compressors=None, filters=None)
    return store


def refer(store: frazil.IcechunkStore, location: str, chunk: int = 0, offset: int = 16, **more: object) -> None:
    store.set_virtual_ref(f"a/c/{chunk}", location, offset=offset, length=8, **more)  # type: ignore[arg-type]


def read(store: frazil.IcechunkStore, chunk: int = 0) -> bytes:
    found = asyncio.run(store.get(f"a/c/{chunk}", zarr.core.buffer.default_buffer_prototype()))
    assert found is not None
    return found.to_bytes()
