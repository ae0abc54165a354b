"""Roles that profiles of AWS's tools assume, with the token services of MinIO and moto."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import frazil
from frazil.storage.credentials.profile_keys import ProfileKeys
from tests.contract.object_server import ObjectServer
from tests.servers.place import Place
from tests.servers.places import place

pytest.importorskip("botocore", reason="the extra aws is not installed")
pytestmark = pytest.mark.server

ROLE = "role_arn = arn:aws:iam::123456789012:role/reader\n"


@pytest.fixture
def profile(tmp_path: Path, monkeypatch) -> Any:
    """Makes ``work`` the profile in use, with keys of a server in the profile ``base``."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    def write(server: Place, text: str) -> None:
        arguments = server.arguments
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", arguments["endpoint_url"])
        (tmp_path / "config").write_text(f"[profile work]\nregion = us-east-1\n{ROLE}{text}")
        keys = (
            f"aws_access_key_id = {arguments['access_key_id']}\n"
            f"aws_secret_access_key = {arguments['secret_access_key']}\n"
        )
        (tmp_path / "credentials").write_text(f"[base]\n{keys}")

    return write


def without_keys(server: Place) -> dict[str, Any]:
    return {
        name: value for name, value in server.arguments.items() if name not in ("access_key_id", "secret_access_key")
    }


def test_an_assumed_role_is_let_in(profile) -> None:
    """MinIO looks at signatures: the keys and their token are those that it gave."""
    server = place("minio")
    profile(server, "source_profile = base\n")
    repo = frazil.Repository.create(frazil.s3_storage(**without_keys(server)))
    repo.create_tag("v1", repo.lookup_branch("main"))
    assert frazil.Repository.open(server.storage()).list_tags() == {"v1"}


def test_requests_show_the_keys_of_the_role(profile) -> None:
    profile(place("moto"), "source_profile = base\n")
    with ObjectServer("s3") as server:
        storage = frazil.s3_storage(
            bucket="bucket", prefix="p", endpoint_url=server.url, allow_http=True, force_path_style=True
        )
        frazil.Repository.create(storage)
        signed = [request.headers for request in server.requests]
    assert all("Credential=ASIA" in headers["authorization"] for headers in signed)
    assert all(headers["x-amz-security-token"] for headers in signed)


def test_a_role_that_the_environment_may_assume(profile, monkeypatch) -> None:
    server = place("moto")
    profile(server, "credential_source = Environment\n")
    keys = ProfileKeys("work", "role_arn")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", server.arguments["access_key_id"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", server.arguments["secret_access_key"])
    assert keys()["aws_access_key_id"].startswith("ASIA")


def test_a_role_for_a_web_identity(profile, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("who-we-are")
    profile(place("moto"), f"web_identity_token_file = {tmp_path / 'token'}\n")
    assert ProfileKeys("work", "role_arn")()["aws_access_key_id"].startswith("ASIA")


def test_a_role_that_must_not_be_assumed(profile) -> None:
    server = place("minio")
    profile(server.with_(secret_access_key="PlantedSecret9Y"), "source_profile = base\n")
    with pytest.raises(frazil.StorageError, match=r"profile 'work'.*AssumeRole") as caught:
        frazil.Repository.open(frazil.s3_storage(**without_keys(server)))
    assert caught.value.kind == "storage-config"
    assert "PlantedSecret9Y" not in str(caught.value)
