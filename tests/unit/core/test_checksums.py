"""Checksums that go with uploads to S3."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from frazil._core import PutMode
from tests.contract.object_server import ObjectServer
from tests.contract.stores import s3_store


@pytest.fixture
def server() -> Iterator[ObjectServer]:
    with ObjectServer("s3") as running:
        yield running


CHECKSUMS = {
    "CRC32": "y/Q5Jg==",
    "CRC32C": "4waSgw==",
    "CRC64NVME": "rosUhgp5mIg=",
    "SHA1": "98O8HYCOBHMq32eZZczDTKeuNEE=",
    "SHA256": "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=",
}


@pytest.mark.parametrize("algorithm", CHECKSUMS)
@pytest.mark.parametrize("mode", [PutMode.OVERWRITE, PutMode.CREATE])
def test_checksums_go_with_uploads_and_are_signed(server, algorithm, mode):
    store = s3_store(server, {"checksum_algorithm": algorithm})
    store.put("x", b"123456789", mode)
    store.copy("x", "y")
    assert store.get("y") == b"123456789"
    put, copy, get = server.requests
    header = f"x-amz-checksum-{algorithm.lower()}"
    assert put.headers[header] == CHECKSUMS[algorithm]
    assert header in put.headers["authorization"]
    assert not any(header in request.headers for request in (copy, get))


def test_checksums_go_with_uploads_of_anonymous_users(server):
    s3_store(server, {"checksum_algorithm": "SHA1"}, aws_skip_signature="true").put("x", b"123456789")
    assert server.requests[0].headers["x-amz-checksum-sha1"] == CHECKSUMS["SHA1"]
    assert "authorization" not in server.requests[0].headers
