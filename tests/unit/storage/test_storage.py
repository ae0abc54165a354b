"""Storage handles: what they show, what they refuse, what they give the extension."""

import copy
import pickle
from pathlib import Path
from typing import Any

import pytest

import frazil
from frazil import _core
from frazil.config import Attribution, StorageConcurrencySettings, StorageRetriesSettings, StorageSettings
from frazil.storage import StorageObjectInfo, azure_store, s3_object_store_storage
from frazil.version import USER_AGENT

SECRET = "do-not-show"


def lines(storage: frazil.Storage) -> list[str]:
    shown = str(storage).splitlines()
    assert shown[0] == "<frazil.Storage>"
    assert repr(storage) == str(storage)
    return shown[1:]


# ---- displays --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("storage", "expected"),
    [
        (frazil.in_memory_storage(), ["type: in-memory"]),
        (frazil.local_filesystem_storage("some/where"), ["type: local filesystem", "path: some/where"]),
        (
            frazil.s3_storage(bucket="b", prefix="p", access_key_id=SECRET, secret_access_key=SECRET),
            ["type: S3 (native)", "bucket: b", "prefix: p"],
        ),
        (
            frazil.s3_storage(
                bucket="b",
                prefix="/",
                region="r",
                endpoint_url="http://x",
                anonymous=True,
                allow_http=True,
                force_path_style=True,
            ),
            [
                "type: S3 (native)",
                "bucket: b",
                "region: r",
                "endpoint_url: http://x",
                "anonymous: True",
                "allow_http: True",
                "force_path_style: True",
            ],
        ),
        (s3_object_store_storage(bucket="b", prefix="p/q/"), ["type: S3", "bucket: b", "prefix: p/q"]),
        (
            frazil.r2_storage(prefix="b/p/q", account_id="acc"),
            [
                "type: S3 (native)",
                "bucket: b",
                "prefix: p/q",
                "region: auto",
                "endpoint_url: https://acc.r2.cloudflarestorage.com",
                "force_path_style: True",
            ],
        ),
        (
            frazil.tigris_storage(bucket="b", prefix="p", region="iad"),
            ["type: S3 (native)", "bucket: b", "prefix: p", "region: iad", "endpoint_url: https://t3.storage.dev"],
        ),
        (
            frazil.hf_storage(bucket="b", prefix="p", namespace="ns"),
            [
                "type: S3 (native)",
                "bucket: b",
                "prefix: p",
                "region: us-east-1",
                "endpoint_url: https://s3.hf.co/ns",
                "force_path_style: True",
            ],
        ),
        (frazil.gcs_storage(bucket="b", prefix=None), ["type: GCS", "bucket: b"]),
        (
            frazil.azure_storage(account="a", container="c", prefix="p", access_key=SECRET),
            ["type: Azure", "account: a", "container: c", "prefix: p"],
        ),
        (frazil.http_storage("http://x/y"), ["type: HTTP", "url: http://x/y"]),
        (frazil.redirect_storage("http://x/y"), ["type: redirect", "url: http://x/y"]),
    ],
)
def test_displays(storage: frazil.Storage, expected: list[str]) -> None:
    assert lines(storage) == expected
    assert SECRET not in storage._repr_html_()


# ---- refusals --------------------------------------------------------------------------------------------------------


def test_handles_are_made_by_functions_and_never_change() -> None:
    with pytest.raises(TypeError, match="in_memory_storage"):
        frazil.Storage()
    with pytest.raises(AttributeError):
        frazil.in_memory_storage()._backend = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("make", "kind", "text"),
    [
        (
            lambda: frazil.r2_storage(bucket="b"),
            "storage-config",
            "Either endpoint_url or account_id must be provided.",
        ),
        (lambda: frazil.r2_storage(account_id="a"), "storage-config", "Either bucket or prefix must be provided."),
        (lambda: frazil.tigris_storage(bucket="b", prefix="p"), "storage-other", "requires a region"),
        (
            lambda: frazil.s3_storage(bucket="b", prefix="p", legacy_rooted_keys=True),
            "storage-other",
            "only valid with an empty prefix",
        ),
        (lambda: frazil.http_storage("nope"), "cannot-parse-url", "relative URL without a base"),
        (lambda: frazil.redirect_storage("nope"), "cannot-parse-url", "error parsing URL"),
    ],
)
def test_contradictions(make, kind: str, text: str) -> None:
    with pytest.raises(frazil.StorageError, match=text) as caught:
        make()
    assert caught.value.kind == kind


@pytest.mark.parametrize("name", ["headers", "read_headers", "write_headers"])
@pytest.mark.parametrize("headers", [{"a b": "c"}, {"": "c"}, {"é": "c"}, {"a": "c\n"}, {"a": "\x00"}])
def test_headers_must_be_http(name: str, headers: dict[str, str]) -> None:
    for make in (frazil.s3_storage, frazil.gcs_storage):
        with pytest.raises(ValueError, match="invalid HTTP header"):
            make(bucket="b", prefix="p", **{name: headers})


@pytest.mark.parametrize(
    "storage",
    [
        frazil.s3_storage(bucket="b", prefix=None),
        frazil.s3_storage(bucket="b", prefix="/"),
        frazil.gcs_storage(bucket="b", prefix=""),
        frazil.azure_storage(account="a", container="c", prefix="/"),
        frazil.r2_storage(bucket="b", account_id="a"),
    ],
)
def test_buckets_are_not_taken_over(storage: frazil.Storage) -> None:
    with pytest.raises(frazil.InvalidInputError, match="empty prefix") as caught:
        storage.ensure_creatable()
    assert caught.value.kind == "empty-prefix-creation"
    with pytest.raises(frazil.InvalidInputError, match="empty prefix"):
        frazil.Repository.create(storage)


@pytest.mark.parametrize(
    "storage",
    [
        frazil.http_storage("http://x/"),
        frazil.redirect_storage("http://x/"),
        frazil.tigris_storage(bucket="b", prefix="p", use_weak_consistency=True),
    ],
)
def test_some_can_only_be_read(storage: frazil.Storage) -> None:
    assert storage.read_only
    with pytest.raises(frazil.ReadOnlyError) as caught:
        storage.ensure_creatable()
    assert caught.value.kind == "read-only-storage"


@pytest.mark.parametrize(
    "storage",
    [
        frazil.in_memory_storage(),
        frazil.local_filesystem_storage("x"),
        frazil.s3_storage(bucket="b", prefix="p"),
        frazil.tigris_storage(bucket="b", prefix="p", region="r"),
    ],
)
def test_others_can_be_written(storage: frazil.Storage) -> None:
    assert not storage.read_only
    storage.ensure_creatable()


# ---- settings --------------------------------------------------------------------------------------------------------


def test_default_settings() -> None:
    one_try = StorageRetriesSettings(1, 0, 0)
    assert frazil.in_memory_storage().default_settings() == StorageSettings(
        concurrency=StorageConcurrencySettings(5, 1), retries=one_try
    )
    assert frazil.local_filesystem_storage("x").default_settings() == StorageSettings(
        concurrency=StorageConcurrencySettings(5, 4096),
        retries=one_try,
        unsafe_use_conditional_update=False,
        unsafe_use_metadata=False,
    )
    for storage in (
        frazil.s3_storage(bucket="b", prefix="p"),
        frazil.gcs_storage(bucket="b", prefix="p"),
        frazil.azure_storage(account="a", container="c", prefix="p"),
        frazil.http_storage("http://x/"),
        frazil.redirect_storage("http://x/"),
    ):
        assert storage.default_settings() == StorageSettings()


# ---- memory and disk -------------------------------------------------------------------------------------------------


def put(storage: frazil.Storage, key: str, data: bytes) -> None:
    storage.open(storage.default_settings().effective(), Attribution()).put(key, data)


def test_memory_is_shared_by_copies_but_does_not_travel() -> None:
    storage = frazil.in_memory_storage()
    put(storage, "a/b", b"123")
    for same in (copy.copy(storage), copy.deepcopy(storage), copy.deepcopy({"x": storage})["x"]):
        assert same.list_objects() == [("a/b", 3)]
    assert pickle.loads(pickle.dumps(storage)).list_objects() == []
    assert frazil.in_memory_storage().list_objects() == []


@pytest.fixture(params=["memory", "disk"])
def filled(request: pytest.FixtureRequest, tmp_path: Path) -> frazil.Storage:
    storage = (
        frazil.in_memory_storage() if request.param == "memory" else frazil.local_filesystem_storage(tmp_path / "r")
    )
    for key in ("repo", "chunks/A", "chunks/B", "chunks-old/C"):
        put(storage, key, key.encode())
    return storage


def test_listing(filled: frazil.Storage) -> None:
    assert sorted(filled.list_objects()) == [("chunks-old/C", 12), ("chunks/A", 8), ("chunks/B", 8), ("repo", 4)]
    assert sorted(filled.list_objects(prefix="chunks")) == [("A", 8), ("B", 8)]
    assert sorted(filled.list_objects(StorageSettings(), "/chunks/")) == [("A", 8), ("B", 8)]
    assert filled.list_objects(prefix="nothing") == []


def test_listing_with_ages(filled: frazil.Storage) -> None:
    (found,) = filled.list_objects_metadata(prefix="chunks-old")
    assert (found.key, found.size_bytes) == ("C", 12)
    assert found.created_at.tzinfo is not None
    assert found == StorageObjectInfo("C", 12, found.created_at)
    assert str(found).startswith("<frazil.storage.StorageObjectInfo>\nkey: C\nsize_bytes: 12\ncreated_at: datetime")


def test_a_directory_is_made_only_by_writing(tmp_path: Path) -> None:
    storage = frazil.local_filesystem_storage(str(tmp_path / "a" / "b"))
    assert storage.list_objects() == []
    assert not (tmp_path / "a").exists()
    put(storage, "k", b"v")
    assert (tmp_path / "a" / "b" / "k").read_bytes() == b"v"
    assert pickle.loads(pickle.dumps(storage)).list_objects() == [("k", 1)]


# ---- what the extension is given ---------------------------------------------------------------------------------------


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, str], dict[str, Any]]]:
    """The arguments with which stores over a network are opened."""
    calls: list[tuple[str, dict[str, str], dict[str, Any]]] = []

    class Opened(str):
        __slots__ = ()

        def as_read_only(self) -> str:
            return f"{self}, read-only"

    class Recorder:
        @staticmethod
        def remote(kind: str, options: dict[str, str], settings: dict[str, Any]) -> str:
            calls.append((kind, dict(options), dict(settings)))
            return Opened("opened")

    monkeypatch.setattr("frazil.storage.remote._core.ObjectStore", Recorder)
    return calls


def open_it(storage: frazil.Storage, settings: StorageSettings | None = None, **labels: str) -> object:
    effective = storage.default_settings().merge(settings or StorageSettings()).effective()
    return storage.open(effective, Attribution(**labels))


def give() -> frazil.S3StaticCredentials:
    return frazil.S3StaticCredentials("given", "s", "t")


def give_token() -> frazil.GcsBearerCredential:
    return frazil.GcsBearerCredential("given")


def test_s3(given) -> None:
    storage = frazil.s3_storage(
        bucket="b",
        prefix="p",
        region="r",
        endpoint_url="http://h",
        allow_http=True,
        access_key_id="a",
        secret_access_key="s",
        session_token="t",
        requester_pays=True,
        checksum_algorithm=frazil.ChecksumAlgorithm.Crc64Nvme,
        headers={"X-Both": "1", "x-role": "both"},
        write_headers={"X-Role": "write"},
    )
    settings = StorageSettings(unsafe_use_conditional_create=False, retries=StorageRetriesSettings(max_tries=2))
    assert (
        open_it(pickle.loads(pickle.dumps(storage)), settings, client="me/1", workload="w", principal="p") == "opened"
    )
    ((kind, options, found),) = given
    assert kind == "s3"
    assert options == {
        "aws_bucket_name": "b",
        "aws_region": "r",
        "aws_endpoint": "http://h",
        "aws_allow_http": "true",
        "aws_request_payer": "true",
        "aws_virtual_hosted_style_request": "false",
        "aws_access_key_id": "a",
        "aws_secret_access_key": "s",
        "aws_session_token": "t",
    }
    assert found == {
        "prefix": "p",
        "from_env": False,
        "read_only": False,
        "credentials": None,
        "read_headers": {"x-both": "1", "x-role": "both"},
        "write_headers": {"x-both": "1", "x-role": "write"},
        "user_agent": f"me/1 {USER_AGENT}",
        "user_agent_comment": "workload=w; principal=p",
        "conditional_create": False,
        "conditional_update": True,
        "metadata": True,
        "minimum_size_for_multipart_upload": 100 * 2**20,
        "max_concurrent_requests_for_object": 18,
        "ideal_concurrent_request_size": 12 * 2**20,
        "max_tries": 2,
        "initial_backoff_ms": 100,
        "max_backoff_ms": 180_000,
        "connect_timeout_ms": None,
        "read_timeout_ms": None,
        "operation_timeout_ms": None,
        "operation_attempt_timeout_ms": None,
        "network_stream_timeout_seconds": 60,
        "checksum_algorithm": "CRC64NVME",
        "legacy_rooted_keys": None,
    }


def test_credentials_of_s3(given) -> None:
    for arguments in ({}, {"anonymous": True}, {"get_credentials": give}):
        open_it(frazil.s3_storage(bucket="b", prefix="p", **arguments))
    (from_env, anonymous, refreshable) = given
    assert from_env[2]["from_env"]
    assert anonymous[1]["aws_skip_signature"] == "true"
    assert not anonymous[2]["from_env"]
    assert refreshable[2]["credentials"]() == {
        "aws_access_key_id": "given",
        "aws_secret_access_key": "s",
        "aws_session_token": "t",
    }


def test_tigris(given) -> None:
    open_it(frazil.tigris_storage(bucket="b", prefix="p", region="iad", headers={"x-own": "1"}))
    open_it(frazil.tigris_storage(bucket="b", prefix="p", use_weak_consistency=True, endpoint_url="http://h"))
    (consistent, weak) = given
    assert consistent[1]["aws_endpoint"] == "https://b.t3.storage.dev"
    assert consistent[1]["aws_virtual_hosted_style_request"] == "true"
    expected = {"x-tigris-consistent": "true", "x-tigris-regions": "iad", "x-own": "1"}
    assert consistent[2]["read_headers"] == consistent[2]["write_headers"] == expected
    assert weak[1]["aws_endpoint"] == "http://h"
    assert weak[2]["read_headers"] == {}
    assert (consistent[2]["read_only"], weak[2]["read_only"]) == (False, True)


def test_gcs(given) -> None:
    open_it(frazil.gcs_storage(bucket="b", prefix="p", config={"google_base_url": "http://h"}, bearer_token="t"))
    open_it(frazil.gcs_storage(bucket="b", prefix=None, anonymous=True))
    open_it(frazil.gcs_storage(bucket="b", prefix="p", get_credentials=give_token))
    (token, anonymous, refreshable) = given
    assert token[:2] == (
        "gcs",
        {"google_bucket": "b", "google_base_url": "http://h", "google_bearer_token": "t"},
    )
    assert anonymous[1] == {"google_bucket": "b", "google_skip_signature": "true"}
    assert anonymous[2]["prefix"] == ""
    assert refreshable[2]["credentials"]() == {"google_bearer_token": "given"}


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ({"service_account_file": "f"}, {"google_service_account": "f"}),
        ({"service_account_key": "k"}, {"google_service_account_key": "k"}),
        ({"application_credentials": "p"}, {"google_application_credentials": "p"}),
    ],
)
def test_files_of_gcs(given, arguments, options) -> None:
    open_it(frazil.gcs_storage(bucket="b", prefix="p", **arguments))
    assert given[0][1] == {"google_bucket": "b", **options}


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ({"access_key": "k"}, {"azure_storage_account_key": "k"}),
        ({"sas_token": "s"}, {"azure_storage_sas_key": "s"}),
        ({"bearer_token": "t"}, {"azure_storage_token": "t"}),
        ({"anonymous": True}, {"azure_skip_signature": "true"}),
        ({}, {}),
    ],
)
def test_azure(given, arguments, options) -> None:
    open_it(frazil.azure_storage(account="a", container="c", prefix="p", config={"x": "y"}, **arguments))
    names = {"azure_storage_account_name": "a", "azure_container_name": "c", "x": "y"}
    assert given[0][:2] == ("azure", {**names, **options})
    assert given[0][2]["from_env"] == (not arguments)


def test_http(given) -> None:
    open_it(frazil.http_storage("http://h/x", {"timeout": "5s"}, {"A": "b"}))
    ((kind, options, found),) = given
    assert (kind, options) == ("http", {"url": "http://h/x", "timeout": "5s"})
    assert found["read_headers"] == {"a": "b"}
    assert found["user_agent"] == USER_AGENT
    assert found["user_agent_comment"] == ""


def test_options_are_copied() -> None:
    options = frazil.S3Options("r")
    storage = frazil.Storage.new_s3(options, "b", "p")
    options.region = "changed"
    assert "region: r" in str(storage)


# ---- configurations of containers ------------------------------------------------------------------------------------


def test_store_configurations() -> None:
    kinds = frazil.ObjectStoreConfig
    options = frazil.S3Options(network_stream_timeout_seconds=60)
    assert frazil.s3_store() == kinds.S3(options)
    assert frazil.s3_store(s3_compatible=True) == kinds.S3Compatible(options)
    assert frazil.gcs_store({"a": "b"}) == kinds.Gcs({"a": "b"})
    assert frazil.gcs_store() == kinds.Gcs(None)
    assert azure_store(account="x", config={"c": "d"}) == kinds.Azure({"account": "x", "c": "d"})
    assert frazil.http_store({"a": "b"}, {"c": "d"}) == kinds.Http({"a": "b"}, {"c": "d"})
    assert frazil.local_filesystem_store("/x") == kinds.LocalFileSystem("/x")


def test_the_extension_is_as_described() -> None:
    assert isinstance(frazil.in_memory_storage().open(StorageSettings().effective(), Attribution()), _core.ObjectStore)
