"""Profiles of AWS's tools that say where keys come from: real files, real programs, and a portal of our own."""

from __future__ import annotations

import hashlib
import json
import logging
import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import frazil
from frazil.storage.access import s3_access
from frazil.storage.credentials.profile_keys import ProfileKeys
from tests.contract.object_server import ObjectServer

pytest.importorskip("botocore", reason="the extra aws is not installed")

SECRET = "PlantedSecret8X"

PROGRAM = """
import datetime, json, sys
from pathlib import Path

folder = Path(sys.argv[1])
runs = folder / "runs"
number = len(runs.read_text()) if runs.exists() else 0
runs.write_text("x" * (number + 1))
words = json.loads((folder / "words").read_text())
print(words["said"].replace("NUMBER", str(number)))
print(words["complained"], file=sys.stderr)
sys.exit(words["status"])
"""


def moment(**ahead: float) -> str:
    return (datetime.now(UTC) + timedelta(**ahead)).isoformat()


class Program:
    """A program that gives keys, and counts how often it was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "program.py").write_text(PROGRAM)
        self.command = f"{sys.executable} {folder / 'program.py'} {folder}"
        self.says(expiration=moment(hours=1))

    def says(self, *, expiration: str | None = None, text: str | None = None, complaint: str = "", status: int = 0):
        keys = {"Version": 1, "AccessKeyId": "id-NUMBER", "SecretAccessKey": SECRET, "SessionToken": f"{SECRET}-token"}
        said = text or json.dumps(keys | ({"Expiration": expiration} if expiration else {}))
        (self.folder / "words").write_text(json.dumps({"said": said, "complained": complaint, "status": status}))

    @property
    def runs(self) -> int:
        path = self.folder / "runs"
        return len(path.read_text()) if path.exists() else 0


@pytest.fixture
def profiles(tmp_path: Path, monkeypatch) -> Callable[[str], None]:
    """Writes the configuration, and makes ``work`` the profile in use."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    def write(config: str) -> None:
        (tmp_path / "config").write_text(config)

    return write


@pytest.fixture
def program(profiles, tmp_path: Path) -> Program:
    made = Program(tmp_path)
    profiles(f"[profile work]\nregion = eu-north-1\ncredential_process = {made.command}\n")
    return made


def test_requests_are_signed_with_what_a_program_says(program: Program) -> None:
    with ObjectServer("s3") as server:
        storage = frazil.s3_storage(
            bucket="bucket", prefix="p", endpoint_url=server.url, allow_http=True, force_path_style=True
        )
        repo = frazil.Repository.create(storage)
        copy = pickle.loads(pickle.dumps(repo))
        assert copy.lookup_branch("main") == repo.lookup_branch("main")
        asked = [request.headers for request in server.requests]
    assert all("Credential=id-" in one["authorization"] and "/eu-north-1/s3/" in one["authorization"] for one in asked)
    assert {one["x-amz-security-token"] for one in asked} == {f"{SECRET}-token"}
    assert SECRET.encode() not in pickle.dumps(repo)
    assert SECRET not in repr(storage) + repr(repo) + repr(s3_access(None).provider)


def test_a_program_is_asked_once_while_its_keys_hold(program: Program) -> None:
    keys = ProfileKeys("work", "credential_process")
    assert program.runs == 0
    gate = threading.Barrier(8)

    def ask(_: int) -> str:
        gate.wait()
        return keys()["aws_access_key_id"]

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(ask, range(8))) == {"id-0"}
    assert program.runs == 1


def test_a_program_is_asked_again_before_its_keys_end(program: Program) -> None:
    program.says(expiration=moment(minutes=5))
    keys = ProfileKeys("work", "credential_process")
    keys()
    program.says(expiration=moment(hours=1))
    before = program.runs
    assert keys()["aws_access_key_id"] == f"id-{before}"
    keys()
    assert program.runs == before + 1


def test_keys_that_do_not_end_are_kept(program: Program) -> None:
    program.says()
    keys = ProfileKeys("work", "credential_process")
    assert keys() == keys()
    assert program.runs == 1


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ({"text": "x", "complaint": "the vault is closed", "status": 3}, "the vault is closed"),
        ({"text": f"{SECRET} is no JSON"}, "JSONDecodeError"),
        ({"text": json.dumps({"Version": 9, "SecretAccessKey": SECRET})}, "supported versions"),
        ({"text": json.dumps({"Version": 1, "SecretAccessKey": SECRET})}, "AccessKeyId"),
    ],
)
def test_a_program_that_fails(program: Program, caplog, words, shown) -> None:
    caplog.set_level(logging.DEBUG)
    program.says(**words)
    storage = frazil.s3_storage(bucket="bucket", prefix="p", endpoint_url="http://127.0.0.1:1", allow_http=True)
    with pytest.raises(frazil.StorageError, match=r"profile 'work'.*") as caught:
        frazil.Repository.open(storage)
    assert caught.value.kind == "storage-config"
    assert shown in str(caught.value)
    assert SECRET not in str(caught.value) + caplog.text
    assert caught.value.__cause__ is caught.value.__context__ is None  # they go with a pickle where tblib is in use
    assert SECRET.encode() not in pickle.dumps(caught.value)


def test_the_extra_that_is_missing_is_named(program: Program, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore", None)
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    storage = frazil.s3_storage(bucket="bucket", prefix="p")
    with pytest.raises(frazil.StorageError, match=r"credential_process.*pip install 'frazil\[aws\]'") as caught:
        frazil.Repository.open(storage)
    assert caught.value.kind == "storage-config"


def test_a_profile_without_the_rest_of_its_source(profiles) -> None:
    profiles("[profile work]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = nobody\n")
    with pytest.raises(frazil.StorageError, match="nobody"):
        ProfileKeys("work", "role_arn")()


# --------------------------------------------------------------------------------------------------------------------
# single sign-on


class Portal(ThreadingHTTPServer):
    """Gives the keys of a role to whoever shows a token, and new tokens."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _PortalHandler)
        self.token = f"{SECRET}-token"
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _PortalHandler(BaseHTTPRequestHandler):
    server: Portal

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.headers.get("x-amz-sso_bearer_token") != self.server.token:
            return self._send(401, {"message": "Session token not found or invalid"})
        ends = int((datetime.now(UTC) + timedelta(hours=1)).timestamp() * 1000)
        keys = {"accessKeyId": "sso-id", "secretAccessKey": SECRET, "sessionToken": "sso-token", "expiration": ends}
        return self._send(200, {"roleCredentials": keys})

    def do_POST(self) -> None:
        given = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append(f"{self.path} {given['grantType']}")
        self.server.token = "renewed"
        self._send(200, {"accessToken": "renewed", "expiresIn": 3600, "tokenType": "Bearer"})

    def _send(self, status: int, answer: object) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def portal(tmp_path: Path, monkeypatch) -> Iterator[Portal]:
    from botocore import credentials, tokens

    for provider in (credentials.SSOProvider, tokens.SSOTokenProvider):
        monkeypatch.setattr(provider, "_SSO_TOKEN_CACHE_DIR", str(tmp_path))
    made = Portal()
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSO", made.url)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSO_OIDC", made.url)
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


START = "https://example.awsapps.com/start"
WHO = "sso_account_id = 123456789012\nsso_role_name = reader\n"
LEGACY = f"[profile work]\nsso_start_url = {START}\nsso_region = eu-west-1\n{WHO}"
SESSION = (
    f"[profile work]\nsso_session = here\n{WHO}[sso-session here]\nsso_start_url = {START}\nsso_region = eu-west-1\n"
)


def sign_in(folder: Path, name: str, *, expires: str) -> None:
    """What ``aws sso login`` leaves."""
    kept = {"startUrl": START, "region": "eu-west-1", "accessToken": f"{SECRET}-token", "expiresAt": expires}
    client = {"clientId": "c", "clientSecret": SECRET, "registrationExpiresAt": moment(days=9), "refreshToken": SECRET}
    (folder / f"{hashlib.sha1(name.encode()).hexdigest()}.json").write_text(json.dumps(kept | client))


@pytest.mark.parametrize(
    ("config", "name", "source"), [(LEGACY, START, "sso_start_url"), (SESSION, "here", "sso_session")]
)
def test_single_sign_on(profiles, portal: Portal, tmp_path: Path, config, name, source) -> None:
    profiles(config)
    sign_in(tmp_path, name, expires=moment(hours=2).replace("+00:00", "Z"))
    keys = ProfileKeys("work", source)
    expected = {"aws_access_key_id": "sso-id", "aws_secret_access_key": SECRET, "aws_session_token": "sso-token"}
    assert keys() == keys() == expected
    assert portal.asked == ["/federation/credentials?role_name=reader&account_id=123456789012"]


def test_a_session_is_renewed(profiles, portal: Portal, tmp_path: Path) -> None:
    profiles(SESSION)
    sign_in(tmp_path, "here", expires=moment(minutes=1).replace("+00:00", "Z"))
    assert ProfileKeys("work", "sso_session")()["aws_access_key_id"] == "sso-id"
    assert portal.asked[0] == "/token refresh_token"


@pytest.mark.parametrize(("config", "name"), [(LEGACY, START), (SESSION, "here")])
def test_who_is_not_signed_in_is_told(profiles, portal: Portal, tmp_path: Path, caplog, config, name) -> None:
    caplog.set_level(logging.INFO)
    profiles(config)
    with pytest.raises(frazil.StorageError, match=r"SSO|sso"):
        ProfileKeys("work", "sso_start_url")()
    sign_in(tmp_path, name, expires=moment(hours=2).replace("+00:00", "Z"))
    portal.token = "another"
    with pytest.raises(frazil.StorageError, match=r"(?i)expired|invalid|unauthorized") as caught:
        ProfileKeys("work", "sso_start_url")()
    assert SECRET not in str(caught.value) + caplog.text
