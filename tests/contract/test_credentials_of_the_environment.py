"""Keys and tokens that machines give to their programs: the services that do so are stood in for by one of our own.

Not here: AWS's container service by a relative address and its token service for web identities, and Google's and Azure's
login services, whose addresses are fixed or have to be encrypted.
"""

from __future__ import annotations

import json
import threading
import urllib.parse
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import frazil


class Machine(ThreadingHTTPServer):
    """Gives out what ``gives`` says by path, and is an empty object store otherwise."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.gives: dict[tuple[str, str], object] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def headers_of(self, path: str) -> list[dict[str, str]]:
        return [headers for asked, headers in self.asked if asked == path]


class _Handler(BaseHTTPRequestHandler):
    server: Machine
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def _serve(self) -> None:
        path = urllib.parse.unquote(self.path.partition("?")[0])
        self.server.asked.append((path, {name.lower(): value for name, value in self.headers.items()}))
        given = self.server.gives.get((self.command, path))
        body = given.encode() if isinstance(given, str) else json.dumps(given).encode()
        self.send_response(404 if given is None else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_PUT = _serve  # noqa: N815 - names that the base class looks for


@pytest.fixture
def machine(monkeypatch, tmp_path: Path) -> Iterator[Machine]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "GOOGLE_APPLICATION_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    # where Google's tools keep what was logged in
    monkeypatch.setenv("HOME", str(tmp_path))
    made = Machine()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def s3(machine: Machine) -> frazil.Storage:
    return frazil.s3_storage(
        bucket="bucket",
        prefix="p",
        endpoint_url=machine.url,
        allow_http=True,
        force_path_style=True,
        from_env=True,
        headers={"x-amz-meta-ours": "1"},
    )


def aws_keys(name: str) -> dict[str, str]:
    ends = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"AccessKeyId": name, "SecretAccessKey": "secret", "Token": f"{name}-token", "Expiration": ends}


def is_signed_by(machine: Machine, name: str) -> bool:
    asked = machine.headers_of("/bucket/p/repo")
    return bool(asked) and all(
        f"Credential={name}/" in headers["authorization"] and headers["x-amz-security-token"] == f"{name}-token"
        for headers in asked
    )


def test_the_role_of_an_instance(machine: Machine, monkeypatch) -> None:
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", machine.url)
    roles = "/latest/meta-data/iam/security-credentials"
    machine.gives = {
        ("PUT", "/latest/api/token"): "session",
        ("GET", f"{roles}/"): "role",
        ("GET", f"{roles}/role"): aws_keys("instance") | {"Code": "Success", "LastUpdated": "2026-01-01T00:00:00Z"},
    }
    assert not frazil.Repository.exists(s3(machine))
    assert is_signed_by(machine, "instance")
    assert len(machine.headers_of(f"{roles}/role")) == 1
    assert machine.headers_of(f"{roles}/role")[0]["x-aws-ec2-metadata-token"] == "session"


def test_the_role_of_a_container(machine: Machine, monkeypatch, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("who-we-are")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{machine.url}/keys")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(tmp_path / "token"))
    machine.gives = {("GET", "/keys"): aws_keys("container")}
    assert not frazil.Repository.exists(s3(machine))
    assert is_signed_by(machine, "container")
    (asked,) = machine.headers_of("/keys")
    assert asked["authorization"] == "who-we-are"


def test_the_service_account_of_a_machine_at_google(machine: Machine, monkeypatch) -> None:
    monkeypatch.setenv("GCE_METADATA_HOST", machine.url.removeprefix("http://"))
    path = "/computeMetadata/v1/instance/service-accounts/default/token"
    machine.gives = {("GET", path): {"access_token": "google", "expires_in": 3600, "token_type": "Bearer"}}
    config = {"google_base_url": machine.url, "allow_http": "true"}
    assert not frazil.Repository.exists(frazil.gcs_storage(bucket="bucket", prefix="p", from_env=True, config=config))
    assert {headers["authorization"] for headers in machine.headers_of("/bucket/p/repo")} == {"Bearer google"}
    (asked,) = machine.headers_of(path)
    assert asked["metadata-flavor"] == "Google"


def test_the_managed_identity_of_a_machine_at_azure(machine: Machine, monkeypatch) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{machine.url}/identity")
    monkeypatch.setenv("IDENTITY_HEADER", "who-we-are")
    ends = str(int((datetime.now(UTC) + timedelta(hours=1)).timestamp()))
    machine.gives = {("GET", "/identity"): {"access_token": "azure", "expires_on": ends, "token_type": "Bearer"}}
    storage = frazil.azure_storage(
        account="account",
        container="container",
        prefix="p",
        from_env=True,
        config={"azure_endpoint": machine.url, "allow_http": "true"},
    )
    assert not frazil.Repository.exists(storage)
    assert {headers["authorization"] for headers in machine.headers_of("/container/p/repo")} == {"Bearer azure"}
    (asked,) = machine.headers_of("/identity")
    assert asked["x-identity-header"] == "who-we-are"
