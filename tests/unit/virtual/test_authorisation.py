"""The argument ``authorize_virtual_chunk_access``."""

import warnings
from pathlib import Path
from typing import Any

import pytest

import frazil
from frazil.credentials import HttpAccess, LocalFileSystemAccess
from frazil.virtual.authorisation import Authorisation
from tests.unit.virtual.repositories import container, folder_url, read, session_with_array

S3 = frazil.VirtualChunkContainer("s3://bucket/", frazil.s3_store(region="us-east-1"), "s")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "x").write_bytes(b"0123456789")
    return tmp_path


def create(*containers: frazil.VirtualChunkContainer, authorise: Any) -> frazil.Repository:
    config = frazil.RepositoryConfig.default()
    for item in containers:
        config.set_virtual_chunk_container(item)
    return frazil.Repository.create(frazil.in_memory_storage(), config, authorize_virtual_chunk_access=authorise)


@pytest.mark.parametrize("spelling", ["{url}", "{url_without_slash}", "{loud}", "{roundabout}"])
def test_prefixes_match_in_normal_form_and_are_given_back_as_they_came(folder: Path, spelling: str) -> None:
    url = folder_url(folder)
    given = spelling.format(
        url=url,
        url_without_slash=url.rstrip("/"),
        loud=url.replace("file:", "FILE:"),
        roundabout=url + "a/..",
    )
    session = session_with_array(container(folder), authorise={given: LocalFileSystemAccess})
    session.store.set_virtual_ref("a/c/0", url + "x", offset=0, length=3)
    assert read(session.store) == b"012"
    repository = create(container(folder), authorise={given: LocalFileSystemAccess})
    assert repository.authorized_virtual_container_prefixes == {given}
    assert repository.reopen().authorized_virtual_container_prefixes == {given}


def test_prefixes_of_no_container_are_accepted() -> None:
    given = {"s3://elsewhere/": frazil.Credentials.S3(frazil.S3Credentials.Anonymous()), "nonsense": HttpAccess}
    assert create(authorise=given).authorized_virtual_container_prefixes == set(given)
    assert create(authorise=None).authorized_virtual_container_prefixes == set()


@pytest.mark.parametrize("wrong", [frazil.s3_anonymous_credentials(), "key", 5])
def test_credentials_must_be_wrapped(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"is not an instance of 'Credentials'.*containers_credentials"):
        create(authorise={"s3://bucket/": wrong})


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        (S3, LocalFileSystemAccess),
        (S3, frazil.Credentials.Gcs(frazil.GcsCredentials.Anonymous())),
        (
            frazil.VirtualChunkContainer("gs://b/", frazil.gcs_store()),
            frazil.Credentials.S3(frazil.S3Credentials.FromEnv()),
        ),
        (frazil.VirtualChunkContainer("file:///a/", frazil.local_filesystem_store("/a")), HttpAccess),
        (frazil.VirtualChunkContainer("http://a/", frazil.http_store()), LocalFileSystemAccess),
    ],
)
def test_credentials_must_suit_the_store(source: frazil.VirtualChunkContainer, wrong: Any) -> None:
    with pytest.raises(
        frazil.StorageError, match="Virtual chunk container credentials do not match store type"
    ) as raised:
        create(source, authorise={source.url_prefix: wrong})
    assert raised.value.kind == "storage-other"
    assert source.url_prefix in raised.value.message
    assert "pass authorize_virtual_chunk_access={" in raised.value.message


@pytest.mark.parametrize(
    ("prefix", "replacement"),
    [
        ("s3://b/", "frazil.Credentials.S3(frazil.S3Credentials.FromEnv())"),
        ("tigris://b/", "frazil.Credentials.S3(frazil.S3Credentials.FromEnv())"),
        ("gs://b/", "frazil.Credentials.Gcs(frazil.GcsCredentials.Anonymous())"),
        ("az://b/", "frazil.Credentials.Azure(frazil.AzureCredentials.FromEnv())"),
        ("FILE:///b/", "frazil.credentials.LocalFileSystemAccess"),
        ("https://b/", "frazil.credentials.HttpAccess"),
        ("other://b/", "..."),
    ],
)
def test_none_is_deprecated_and_the_warning_points_at_the_caller(prefix: str, replacement: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        frazil.Repository.create(frazil.in_memory_storage(), authorize_virtual_chunk_access={prefix: None})
    (warning,) = caught
    assert warning.category is DeprecationWarning
    assert warning.filename == __file__
    text = str(warning.message)
    assert text.startswith(f"Passing `None` in `authorize_virtual_chunk_access` for container `{prefix}` is deprecated")
    assert f'\n    authorize_virtual_chunk_access={{"{prefix}": {replacement}}}' in text
    assert ("credentials of the environment" in text) == prefix.startswith(("s3", "tigris"))


def test_every_none_is_warned_about_wherever_it_is_given() -> None:
    storage = frazil.in_memory_storage()
    given: dict[str, Authorisation] = {"s3://a/": None, "s3://b/": None}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        repository = frazil.Repository.create(storage, authorize_virtual_chunk_access=given)
        frazil.Repository.open(storage, authorize_virtual_chunk_access=given)
        frazil.Repository.open_or_create(storage, authorize_virtual_chunk_access=given)
        repository.reopen(authorize_virtual_chunk_access=given)
    assert len(caught) == 8
    assert {warning.filename for warning in caught} == {__file__}
    assert {warning.category for warning in caught} == {DeprecationWarning}


async def test_coroutines_warn_too() -> None:
    storage = frazil.in_memory_storage()
    with pytest.warns(DeprecationWarning, match="authorize_virtual_chunk_access"):
        await frazil.Repository.create_async(storage, authorize_virtual_chunk_access={"s3://a/": None})
    with pytest.warns(DeprecationWarning, match="authorize_virtual_chunk_access"):
        await frazil.Repository.open_async(storage, authorize_virtual_chunk_access={"s3://a/": None})
