"""What only S3 has: checksums of uploads, and keys that no path of a file system could be."""

from __future__ import annotations

import urllib.parse
from datetime import UTC, datetime
from typing import Any

import pytest
import zarr

import frazil
from tests.servers.place import Place
from tests.servers.places import place
from tests.servers.signed import s3_request

pytestmark = pytest.mark.server

MIB = 1 << 20
ALGORITHMS = ("Crc32", "Crc32c", "Crc64Nvme", "Sha1", "Sha256")


def address(where: Place, key: str) -> str:
    arguments = where.arguments
    return f"{arguments['endpoint_url']}/{arguments['bucket']}/{urllib.parse.quote(key)}"


def asked(where: Place, method: str, url: str, body: bytes = b"", **headers: str) -> bytes:
    keys = where.arguments["access_key_id"], where.arguments["secret_access_key"]
    return s3_request(method, url, *keys, body=body, headers={"content-type": "application/octet-stream", **headers})


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("server", ["minio", "moto"])
def test_checksums_are_accepted(server: str, algorithm: str) -> None:
    where = place(server).with_(checksum_algorithm=getattr(frazil.ChecksumAlgorithm, algorithm))
    small = frazil.StorageSettings(
        minimum_size_for_multipart_upload=6 * MIB,
        concurrency=frazil.StorageConcurrencySettings(ideal_concurrent_request_size=5 * MIB),
    )
    store = where.store(small)
    data = bytes(range(256)) * (4 * MIB // 256)
    store.put("small", data[:1000])
    store.put("large", data * 4)
    assert store.get("small") == data[:1000]
    assert store.get("large") == data * 4


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_wrong_checksum_is_refused(algorithm: str) -> None:
    """So what is accepted above was right."""
    length = {"Crc32": 8, "Crc32c": 8, "Crc64Nvme": 12, "Sha1": 28, "Sha256": 44}[algorithm]
    padding = {8: "==", 12: "=", 28: "=", 44: "="}[length]
    wrong = {f"x-amz-checksum-{algorithm.lower()}": "A" * (length - len(padding)) + padding}
    with pytest.raises(frazil.StorageError, match=r"(?i)checksum|digest|mismatch"):
        place("minio").with_(write_headers=wrong).store().put("x", b"123456789")


@pytest.mark.parametrize("server", ["minio", "moto"])
def test_repositories_with_checksums(server: str) -> None:
    where = place(server).with_(checksum_algorithm=frazil.ChecksumAlgorithm.Crc32c)
    repo = frazil.Repository.create(where.storage())
    with repo.transaction("main", message="0") as store:
        zarr.create_array(store, name="a", shape=(2000,), chunks=(1000,), dtype="i8", compressors=None)[:] = 7
    repo.create_tag("v1", repo.lookup_branch("main"))
    repo = frazil.Repository.open(where.storage())
    repo.reset_branch("main", list(repo.ancestry(branch="main"))[-1].id)
    repo.delete_tag("v1")
    assert repo.garbage_collect(datetime(2100, 1, 1, tzinfo=UTC)).chunks_deleted == 2


def test_keys_that_begin_with_a_slash() -> None:
    """On moto, which keeps them as they are, like S3 itself; MinIO takes the slash off."""
    made = place("moto")
    repo = frazil.Repository.create(made.storage())
    with repo.transaction("main", message="0") as store:
        zarr.create_array(store, name="a", shape=(2000,), chunks=(1000,), dtype="i8", compressors=None)[:] = 7
    bucket = made.with_(bucket="rooted", prefix=None)
    asked(bucket, "PUT", address(bucket, "").rstrip("/"))
    objects = made.store()
    for meta in objects.list():
        asked(bucket, "PUT", address(bucket, f"/{meta.key}"), bytes(objects.get(meta.key) or b""))

    storage: Any = bucket.with_(legacy_rooted_keys=True).storage()
    repo = frazil.Repository.open(storage)
    start = repo.lookup_branch("main")
    with repo.transaction("main", message="1") as store:
        zarr.open_array(store, path="a")[:] = 8
    assert set(zarr.open_array(repo.readonly_session("main").store, path="a", mode="r")[:]) == {8}  # type: ignore[call-overload]
    repo.reset_branch("main", start)
    assert repo.garbage_collect(datetime(2100, 1, 1, tzinfo=UTC)).chunks_deleted == 2
    assert set(zarr.open_array(repo.readonly_session("main").store, path="a", mode="r")[:]) == {7}  # type: ignore[call-overload]
    listing = asked(bucket, "GET", f"{address(bucket, '').rstrip('/')}?list-type=2")
    keys = [piece.partition(b"</Key>")[0] for piece in listing.split(b"<Key>")[1:]]
    assert keys
    assert all(key.startswith(b"/") for key in keys)
