"""The stores behind containers: which bucket or host, which keys, which credentials."""

from __future__ import annotations

from typing import Any

import pytest

import frazil
from frazil.config import Attribution
from frazil.credentials import HttpAccess
from frazil.storage import azure_store
from frazil.virtual import opening
from frazil.virtual.authorisation import Authorisation, advice
from frazil.virtual.matching import Source, Sources

STATIC = frazil.s3_static_credentials(access_key_id="id", secret_access_key="secret")
ANONYMOUS = {"aws_skip_signature": "true"}


def source(url_prefix: str, store: frazil.AnyObjectStoreConfig) -> Source:
    (found,) = Sources([frazil.VirtualChunkContainer(url_prefix, store)])
    return found


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in opening._S3_ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)


def remote(url_prefix: str, store: frazil.AnyObjectStoreConfig, authorisation: Authorisation) -> Any:
    found = source(url_prefix, store)
    return opening._remote(found.store, found.prefix, authorisation)


def test_s3_with_the_credentials_of_the_container() -> None:
    store = frazil.s3_store(region="eu-west-1", endpoint_url="http://127.0.0.1:1", allow_http=True, requester_pays=True)
    found = remote("s3://bucket/folder/", store, frazil.Credentials.S3(STATIC))
    assert found.kind == "s3"
    assert found.options["aws_bucket_name"] == "bucket"
    assert found.options["aws_region"] == "eu-west-1"
    assert found.options["aws_endpoint"] == "http://127.0.0.1:1"
    assert found.options["aws_request_payer"] == "true"
    assert found.access.options == {"aws_access_key_id": "id", "aws_secret_access_key": "secret"}
    assert found.prefix is None  # keys are whole
    assert found.extra["verbatim"] is True


def test_s3_by_none_takes_the_environment_if_it_has_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    store = frazil.s3_store(region="eu-west-1")
    assert remote("s3://bucket/", store, None).access.options == ANONYMOUS
    assert not remote("s3://bucket/", store, None).access.from_env
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    assert remote("s3://bucket/", store, None).access.from_env
    anonymous = frazil.s3_store(region="eu-west-1", anonymous=True)
    assert remote("s3://bucket/", anonymous, None).access.options == ANONYMOUS


def test_s3_credentials_that_name_the_environment_do_not_fall_back() -> None:
    given = frazil.Credentials.S3(frazil.S3Credentials.FromEnv())
    assert remote("s3://bucket/", frazil.s3_store(region="eu-west-1"), given).access.from_env


def test_tigris_has_an_endpoint_of_its_own() -> None:
    store = frazil.ObjectStoreConfig.Tigris(frazil.S3Options())
    found = remote("tigris://bucket/", store, frazil.Credentials.S3(frazil.S3Credentials.Anonymous()))
    assert found.options["aws_endpoint"] == "https://t3.storage.dev"
    assert found.options["aws_bucket_name"] == "bucket"


def test_gcs() -> None:
    token = frazil.Credentials.Gcs(frazil.GcsCredentials.Static(frazil.GcsStaticCredentials.BearerToken("token")))
    found = remote("gs://bucket/", frazil.gcs_store({"google_base_url": "http://127.0.0.1:1"}), token)
    assert (found.kind, found.options["google_bucket"]) == ("gcs", "bucket")
    assert found.options["google_base_url"] == "http://127.0.0.1:1"
    assert found.access.options == {"google_bearer_token": "token"}
    assert remote("gcs://bucket/", frazil.gcs_store(), None).access.options == {"google_skip_signature": "true"}


@pytest.mark.parametrize("url_prefix", ["az://container/", "azure://container/x/", "abfs://container@host/"])
def test_azure(url_prefix: str) -> None:
    key = frazil.Credentials.Azure(frazil.AzureCredentials.Static(frazil.AzureStaticCredentials.AccessKey("key")))
    found = remote(url_prefix, azure_store(account="account"), key)
    assert found.kind == "azure"
    assert found.options == {"azure_storage_account_name": "account", "azure_container_name": "container"}
    assert found.access.options == {"azure_storage_account_key": "key"}


def test_http() -> None:
    store = frazil.http_store({"allow_http": "true"}, {"X-Key": "value"})
    found = remote("http://host:8080/folder/", store, HttpAccess)
    assert found.kind == "http"
    assert found.options == {"allow_http": "true", "url": "http://host:8080"}
    assert dict(found.headers.read) == {"x-key": "value"}
    assert dict(found.headers.write) == {}


def test_files_are_read_from_the_root_by_their_own_names() -> None:
    store = opening.open_source(
        source("file:///a/", frazil.local_filesystem_store("/a")), None, Attribution(), frazil.StorageSettings()
    )
    assert store.is_local
    assert "directory /" in repr(store)


def test_a_failure_names_the_credentials_that_were_used_and_the_line_that_gives_others() -> None:
    given = frazil.Credentials.S3(frazil.S3Credentials.Anonymous())
    text = advice(source("s3://bucket/", frazil.s3_store(region="eu-west-1")), given)
    assert "container s3://bucket/ is read with S3Credentials.Anonymous" in text
    assert (
        'authorize_virtual_chunk_access={"s3://bucket/": frazil.Credentials.S3(frazil.S3Credentials.FromEnv())}' in text
    )
    assert "secret" not in advice(
        source("s3://bucket/", frazil.s3_store(region="eu-west-1")),
        frazil.Credentials.S3(STATIC),
    )
    assert advice(source("file:///a/", frazil.local_filesystem_store("/a")), None) == ""
    assert advice(source("http://a/", frazil.http_store()), HttpAccess) == ""


@pytest.mark.parametrize(
    ("url_prefix", "store"),
    [
        ("s3://bucket/folder/", frazil.s3_store(region="us-east-1")),
        ("tigris://bucket/folder/", frazil.ObjectStoreConfig.Tigris(frazil.S3Options(region="auto"))),
        ("gcs://bucket/folder/", frazil.gcs_store()),
        ("az://container/folder/", azure_store(account="account")),
        ("https://example.org/folder/", frazil.http_store()),
        ("file:///folder/", frazil.local_filesystem_store("/folder")),
    ],
)
def test_no_source_can_be_written_to(url_prefix: str, store: frazil.AnyObjectStoreConfig) -> None:
    opened = opening.open_source(source(url_prefix, store), None, Attribution(), frazil.StorageSettings())
    assert opened.is_read_only
    with pytest.raises(frazil.ReadOnlyError):
        opened.put("folder/x", b"")
    with pytest.raises(frazil.ReadOnlyError):
        opened.delete_many(["folder/x"])
