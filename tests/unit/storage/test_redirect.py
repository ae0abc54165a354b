"""Storage that is found by following redirects."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import frazil
from frazil.storage.backends import GcsBackend, HttpBackend, S3Backend
from frazil.storage.credentials.gcs import GcsCredentials
from frazil.storage.credentials.s3 import S3Credentials
from frazil.storage.redirect import backend_at, follow


class Handler(BaseHTTPRequestHandler):
    """``/hops/3`` redirects to ``/hops/2`` and so on, ``/hops/0`` to S3; ``/to/...`` to the rest of its path."""

    agents: list[str] = []  # noqa: RUF012 - one server, one list

    def do_GET(self) -> None:
        self.agents.append(self.headers["User-Agent"])
        _, kind, *rest = self.path.split("/", 2)
        if kind == "hops":
            left = int(rest[0])
            self.redirect(f"/hops/{left - 1}" if left else "s3://bucket/a/b?region=eu-west-1")
        elif kind == "to":
            self.redirect(rest[0])
        else:
            self.send_response(200 if kind == "ok" else 404)
            self.end_headers()

    def redirect(self, location: str) -> None:
        self.send_response(302)
        self.send_header("Location", location)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(10)


@pytest.mark.parametrize("hops", [0, 1, 7, 9])
def test_redirects_are_followed(address: str, hops: int) -> None:
    assert follow(f"{address}/hops/{hops}", "me/1") == "s3://bucket/a/b?region=eu-west-1"
    assert Handler.agents[-1] == "me/1"


@pytest.mark.parametrize(
    ("path", "reason"),
    [("/hops/10", "more than 10 redirects"), ("/ok", "does not redirect"), ("/gone", "answers 404")],
)
def test_bad_redirects(address: str, path: str, reason: str) -> None:
    with pytest.raises(frazil.StorageError, match=reason) as caught:
        follow(address + path, "me")
    assert caught.value.kind == "bad-redirect"


def test_nobody_there() -> None:
    with pytest.raises(frazil.StorageError, match="cannot be reached"):
        follow("http://127.0.0.1:1/", "me")


def test_targets() -> None:
    s3 = backend_at("s3://bucket/a/b?region=eu-west-1")
    assert isinstance(s3, S3Backend)
    assert (s3.bucket, s3.prefix, s3.options.region) == ("bucket", "a/b", "eu-west-1")
    assert s3.credentials == S3Credentials.Anonymous()
    r2 = backend_at("r2://bucket/p?region=auto&account_id=acc")
    assert isinstance(r2, S3Backend)
    assert r2.options.endpoint_url == "https://acc.r2.cloudflarestorage.com"
    tigris = backend_at("tigris://bucket/p?region=iad")
    assert isinstance(tigris, S3Backend)
    assert tigris.virtual_hosted
    for scheme in ("gs", "gcs"):
        assert backend_at(f"{scheme}://bucket/p") == GcsBackend("bucket", "p", GcsCredentials.Anonymous())
    for tag in ("ic", "icechunk"):
        assert backend_at(f"https+{tag}://host/p?q=1") == HttpBackend("https://host/p?q=1", named=())
        assert backend_at(f"http+{tag}://host:80/p") == HttpBackend("http://host:80/p", named=())


@pytest.mark.parametrize(
    "target",
    ["s3://bucket/a", "r2://bucket/a?region=x", "tigris://bucket/a", "ftp://host/a", "file:///etc/passwd", "x+ic://h"],
)
def test_bad_targets(target: str) -> None:
    with pytest.raises(frazil.StorageError) as caught:
        backend_at(target)
    assert caught.value.kind == "bad-redirect"


def test_the_storage_asks_only_when_used(address: str) -> None:
    before = len(Handler.agents)
    storage = frazil.redirect_storage(f"{address}/to/nowhere")
    assert "url: " in str(storage)
    assert len(Handler.agents) == before
    with pytest.raises(frazil.StorageError, match="bad redirect"):
        frazil.Repository.open(storage)
    assert Handler.agents[-1].startswith("frazil/")
