"""Ways to open an object store, for the suites that hold all of them to one contract."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from frazil._core import ObjectStore
from tests.contract.object_server import Dialect, ObjectServer
from tests.servers.places import SERVERS, place


def s3_store(server: ObjectServer, settings: Mapping[str, Any] | None = None, **options: str) -> ObjectStore:
    """The bucket of a test server that speaks the protocol of S3."""
    given = {
        "aws_bucket_name": "bucket",
        "aws_endpoint": server.url,
        "aws_allow_http": "true",
        "aws_region": "us-east-1",
        "aws_access_key_id": "key",
        "aws_secret_access_key": "secret",
    }
    return ObjectStore.remote("s3", {**given, **options}, _settings(settings))


def gcs_store(server: ObjectServer, settings: Mapping[str, Any] | None = None) -> ObjectStore:
    """The bucket of a test server that speaks the protocol of Google Cloud Storage."""
    account = {
        "gcs_base_url": server.url,
        "disable_oauth": True,
        "client_email": "",
        "private_key": "",
        "private_key_id": "",
    }
    options = {"google_bucket": "bucket", "google_service_account_key": json.dumps(account), "allow_http": "true"}
    return ObjectStore.remote("gcs", options, _settings(settings))


def _settings(settings: Mapping[str, Any] | None) -> dict[str, Any]:
    quick = {"prefix": "some/where", "max_tries": 3, "initial_backoff_ms": 1, "max_backoff_ms": 2}
    return {**quick, **(settings or {})}


@contextmanager
def served(dialect: Dialect) -> Iterator[ObjectStore]:
    """A store on a server of its own."""
    with ObjectServer(dialect) as server:
        yield s3_store(server) if dialect == "s3" else gcs_store(server)


@contextmanager
def opened(name: str, directory: Path) -> Iterator[ObjectStore]:
    """The store of this name; those on disk are below ``directory``."""
    match name:
        case "memory":
            yield ObjectStore.memory()
        case "local":
            yield ObjectStore.local(directory / "root")
        case "local-not-durable":
            yield ObjectStore.local(directory / "root", durable=False)
        case "memory-prefix":
            yield ObjectStore.memory().with_prefix("some/where")
        case "local-prefix":
            yield ObjectStore.local(directory).with_prefix("some/where")
        case "s3":
            with served("s3") as store:
                yield store
        case _:
            yield place(name).store()


IN_PROCESS = ("memory", "local", "local-not-durable", "memory-prefix", "local-prefix", "s3")
NAMES = (*IN_PROCESS, *(pytest.param(name, marks=pytest.mark.server) for name in SERVERS))
