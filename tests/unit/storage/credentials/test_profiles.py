"""Keys and regions from the files of AWS's own tools."""

from __future__ import annotations

from pathlib import Path

import pytest

import frazil
from frazil.storage.credentials.profiles import keys_from_elsewhere, profile_region, s3_keys
from tests.contract.object_server import ObjectServer

CREDENTIALS = """
[default]
aws_access_key_id = default-id
aws_secret_access_key = default-secret

[work]
aws_access_key_id=work-id
aws_secret_access_key=work%secret
aws_session_token=work-token
"""
CONFIG = """
[default]
region = eu-west-1

[profile work]
region = eu-north-1
s3 =
    max_concurrent_requests = 20

[profile elsewhere]
role_arn = arn:aws:iam::1:role/x
source_profile = default
"""


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "credentials").write_text(CREDENTIALS)
    (tmp_path / "config").write_text(CONFIG)
    return {
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
    }


def test_the_default_profile(files) -> None:
    assert s3_keys(files) == {"aws_access_key_id": "default-id", "aws_secret_access_key": "default-secret"}
    assert profile_region(files) == "eu-west-1"


@pytest.mark.parametrize("variable", ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"])
def test_a_profile_by_name(files, variable) -> None:
    assert s3_keys({**files, variable: "work"}) == {
        "aws_access_key_id": "work-id",
        "aws_secret_access_key": "work%secret",
        "aws_session_token": "work-token",
    }
    assert profile_region({**files, variable: "work"}) == "eu-north-1"


def test_the_environment_comes_first(files) -> None:
    assert s3_keys({**files, "AWS_ACCESS_KEY_ID": "id"}) == {}
    assert profile_region({**files, "AWS_REGION": "us-east-2"}) is None


def test_there_need_be_no_files(tmp_path) -> None:
    nowhere = {"AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "a"), "AWS_CONFIG_FILE": str(tmp_path / "b")}
    assert s3_keys(nowhere) == {}
    assert profile_region(nowhere) is None


def test_a_profile_that_is_not_there_is_told(files) -> None:
    with pytest.raises(frazil.StorageError, match="no profile 'nobody'") as caught:
        s3_keys({**files, "AWS_PROFILE": "nobody"})
    assert caught.value.kind == "storage-config"


def test_a_profile_that_says_where_its_keys_are(files) -> None:
    assert keys_from_elsewhere({**files, "AWS_PROFILE": "elsewhere"}) == ("elsewhere", "role_arn")
    assert keys_from_elsewhere({**files, "AWS_PROFILE": "elsewhere", "AWS_ACCESS_KEY_ID": "id"}) is None
    assert keys_from_elsewhere({**files, "AWS_PROFILE": "work"}) is None
    assert keys_from_elsewhere(files) is None
    Path(files["AWS_CONFIG_FILE"]).write_text("[default]\ncredential_process = x\n")
    assert keys_from_elsewhere(files) == ("default", "credential_process")


def test_a_file_that_cannot_be_read_is_not_shown(files) -> None:
    Path(files["AWS_SHARED_CREDENTIALS_FILE"]).write_text("aws_secret_access_key = hush")
    with pytest.raises(frazil.StorageError, match="cannot read") as caught:
        s3_keys(files)
    assert "hush" not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None  # they go with a pickle where tblib is in use


def test_requests_are_signed_with_them(files, monkeypatch) -> None:
    for variable, value in {**files, "AWS_PROFILE": "work"}.items():
        monkeypatch.setenv(variable, value)
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(variable, raising=False)
    with ObjectServer("s3") as server:
        storage = frazil.s3_storage(
            bucket="bucket", prefix="p", endpoint_url=server.url, allow_http=True, force_path_style=True
        )
        frazil.Repository.create(storage)
        signed = [request.headers["authorization"] for request in server.requests]
    assert all("Credential=work-id/" in one and "/eu-north-1/s3/" in one for one in signed)
    assert server.requests[0].headers["x-amz-security-token"] == "work-token"
