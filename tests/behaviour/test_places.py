"""Repositories are at storages, local paths and file URLs; what is no such place, and a place without one, is said."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import zarr

import frazil
from frazil import Repository, RepositoryNotFoundError
from frazil.errors import InvalidInputError


class AsPath:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __fspath__(self) -> str:
        return str(self.path)


def spellings(path: Path) -> dict[str, Any]:
    """Every way to say where a directory is."""
    return {
        "text": str(path),
        "path": path,
        "own path": AsPath(path),
        "url": path.as_uri(),
        "url with a host": path.as_uri().replace("file://", "file://localhost"),
        "short url": path.as_uri().replace("file://", "file:"),
        "loud url": path.as_uri().replace("file:", "FILE:"),
        "storage": frazil.local_filesystem_storage(path),
    }


DIRECTORY = "a b%20c#d?é"


@pytest.mark.parametrize("spelling", spellings(Path("/x")))
def test_a_place_in_every_spelling(tmp_path: Path, spelling: str) -> None:
    place = spellings(tmp_path / DIRECTORY)[spelling]
    assert not Repository.exists(place)
    assert Repository.fetch_spec_version(place) is None
    repo = Repository.create(place)
    assert (tmp_path / DIRECTORY / "repo").exists()
    for other in spellings(tmp_path / DIRECTORY).values():
        assert Repository.exists(other)
        assert Repository.fetch_spec_version(other) == 2
        assert Repository.fetch_config(other) is None
        assert Repository.open(other).lookup_branch("main") == repo.lookup_branch("main")
        assert Repository.open_or_create(other).lookup_branch("main") == repo.lookup_branch("main")


async def test_the_coroutines(tmp_path: Path) -> None:
    await Repository.create_async(str(tmp_path / "a"))
    assert await Repository.exists_async(tmp_path / "a")
    assert await Repository.fetch_spec_version_async(tmp_path / "a") == 2
    assert await Repository.fetch_config_async(tmp_path / "a") is None
    await Repository.open_async((tmp_path / "a").as_uri())
    await Repository.open_or_create_async(tmp_path / "a")


def test_relative_paths_and_odd_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("data", "./data2", "s3:data", "C:data", "a:b"):
        Repository.create(name)
        assert (tmp_path / name / "repo").exists()


CALLS = ["create", "open", "open_or_create", "exists", "fetch_spec_version", "fetch_config"]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("url", "function"),
    [
        ("s3://bucket/prefix", "s3_storage"),
        ("gs://bucket/prefix", "gcs_storage"),
        ("gcs://bucket/prefix", "gcs_storage"),
        ("az://container/prefix", "azure_storage"),
        ("abfss://container@account/prefix", "azure_storage"),
        ("HTTPS://host/path", "http_storage"),
        ("http://host/path", "http_storage"),
        ("r2://bucket/prefix", "r2_storage"),
        ("tigris://bucket/prefix", "tigris_storage"),
        ("hf://bucket/prefix", "hf_storage"),
        ("memory://", "in_memory_storage"),
        ("ftp://host/path", "a Storage, a local path or a file:// URL"),
    ],
)
def test_other_urls_name_the_function_to_use(call: str, url: str, function: str) -> None:
    with pytest.raises(ValueError, match=re.escape(function)) as refused:
        getattr(Repository, call)(url)
    assert isinstance(refused.value, InvalidInputError)
    assert refused.value.kind == "unsupported-url"
    assert url.partition(":")[0].lower() in str(refused.value)
    assert hasattr(frazil, function) or " " in function


@pytest.mark.parametrize("url", ["file://host/path", "file:///a?b", "file:///a#b", ""])
def test_file_urls_that_name_no_path(url: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        Repository.open(url)
    assert refused.value.kind == "unsupported-url"


def test_secrets_of_a_url_are_hidden() -> None:
    with pytest.raises(InvalidInputError) as refused:
        Repository.open("https://user:hunter2@host/x?X-Amz-Signature=abcdef")
    assert "hunter2" not in str(refused.value)
    assert "abcdef" not in str(refused.value)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("wrong", [3, None, b"/tmp/x", {}, Repository, frazil.RepositoryConfig(), frazil.s3_store()])
def test_what_is_no_place_is_said(call: str, wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"Storage .*path .*file://"):
        getattr(Repository, call)(wrong)


def test_other_arguments_of_the_wrong_kind(tmp_path: Path) -> None:
    for call in (Repository.create, Repository.open, Repository.open_or_create):
        with pytest.raises(TypeError, match="config must be a RepositoryConfig"):
            call(tmp_path, {"inline_chunk_threshold_bytes": 3})  # type: ignore[operator]
        with pytest.raises(TypeError, match="attribution must be a Attribution"):
            call(tmp_path, attribution="me")  # type: ignore[operator]
    assert list(tmp_path.iterdir()) == []


# ---- nothing there -----------------------------------------------------------------------------------------------------


def missing(place: Any) -> str:
    with pytest.raises(RepositoryNotFoundError, match="the repository doesn't exist at ") as raised:
        Repository.open(place)
    with pytest.raises(RepositoryNotFoundError, match="the repository doesn't exist at "):
        Repository.fetch_config(place)
    assert "Repository.create()" in raised.value.__notes__[0]
    assert "Repository.open_or_create()" in raised.value.__notes__[0]
    return raised.value.message


def test_it_is_said_where_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert missing(tmp_path / "x") == f"the repository doesn't exist at local filesystem, path {tmp_path / 'x'}"
    monkeypatch.chdir(tmp_path)
    assert missing("x").endswith(f"path {tmp_path / 'x'}")
    assert missing(frazil.in_memory_storage()) == "the repository doesn't exist at in-memory"


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_zarr_store_is_said_to_be_one(tmp_path: Path, zarr_format: Any) -> None:
    zarr.create_array(zarr.storage.LocalStore(tmp_path), name="a", shape=(1,), dtype="u1", zarr_format=zarr_format)
    said = missing(tmp_path)
    assert f"path {tmp_path}: there is a Zarr store here" in said


def test_the_storage_says_where_it_is() -> None:
    secret = {"access_key_id": "AKIAX", "secret_access_key": "hunter2"}
    storage = frazil.s3_storage(bucket="b", prefix="p", region="x", endpoint_url="https://user:hunter2@host", **secret)
    assert "bucket b, prefix p, endpoint_url https://" in storage.place
    assert "hunter2" not in storage.place
    assert "AKIAX" not in storage.place
    assert frazil.http_storage("http://host/x?sig=hunter2").place.startswith("HTTP, url http://host/x")
    assert frazil.azure_storage(account="a", container="c", prefix="p", access_key="YQ==").place == (
        "Azure, account a, container c, prefix p"
    )
    assert frazil.redirect_storage("http://host/x").place == "redirect, url http://host/x"
