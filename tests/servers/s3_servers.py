"""Servers that speak the protocol of S3: MinIO, moto behind a lock, and rclone, which ignores conditions."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

from tests.servers.once import once
from tests.servers.place import Place
from tests.servers.process import Process, folder, free_ports
from tests.servers.programs import HERE, program, python_of
from tests.servers.signed import s3_request

BUCKET = "bucket"
_USER, _PASSWORD = "frazil-tests", "frazil-tests-password"


def bucket_at(port: int, user: str = _USER, password: str = _PASSWORD) -> Place:
    """A bucket that a server on this port has."""
    return Place(
        "s3",
        {
            "bucket": BUCKET,
            "prefix": None,
            "region": "us-east-1",
            "endpoint_url": f"http://127.0.0.1:{port}",
            "allow_http": True,
            "force_path_style": True,
            "access_key_id": user,
            "secret_access_key": password,
        },
    )


def make_bucket(place: Place, name: str = BUCKET) -> None:
    arguments = place.arguments
    url = f"{arguments['endpoint_url']}/{name}"
    s3_request("PUT", url, arguments["access_key_id"], arguments["secret_access_key"])


@once
def minio() -> Place:
    data = folder("minio")
    port, console = free_ports(2)
    command = [program("minio", "minio"), "server", "--address", f"127.0.0.1:{port}"]
    command += ["--console-address", f"127.0.0.1:{console}", str(data / "disk")]
    environment = {"MINIO_ROOT_USER": _USER, "MINIO_ROOT_PASSWORD": _PASSWORD, "MINIO_UPDATE": "off"}
    server = Process(command, data / "log", environment)
    server.wait_for_port(port)
    place = bucket_at(port)
    server.wait_until(lambda: _has_made_bucket(place))
    return place


@once
def moto() -> Place:
    data = folder("moto")
    (port,) = free_ports(1)
    server = Process([python_of("moto"), str(HERE / "moto_locked.py"), str(port)], data / "log")
    server.wait_for_port(port)
    place = bucket_at(port)
    make_bucket(place)
    return place


@once
def rclone() -> Place:
    data = folder("rclone")
    (port,) = free_ports(1)
    Path(data / "files" / BUCKET).mkdir(parents=True)
    command = [program("rclone", "rclone"), "serve", "s3", str(data / "files"), "--addr", f"127.0.0.1:{port}"]
    command += ["--auth-key", f"{_USER},{_PASSWORD}", "--config", str(data / "no-config")]
    Process(command, data / "log").wait_for_port(port)
    return bucket_at(port)


def _has_made_bucket(place: Place) -> bool:
    """A server that listens may still be busy with its disks."""
    try:
        make_bucket(place)
    except RuntimeError as refusal:
        if ": 503 " not in str(refusal):
            raise
        return False
    return True


def temporary_credentials(place: Place) -> dict[str, str]:
    """A key, its secret and its token, for a quarter of an hour, from the token service of MinIO."""
    arguments = place.arguments
    answer = s3_request(
        "POST",
        f"{arguments['endpoint_url']}/",
        arguments["access_key_id"],
        arguments["secret_access_key"],
        body=b"Action=AssumeRole&Version=2011-06-15&DurationSeconds=900",
        service="sts",
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    names = {"AccessKeyId": "access_key_id", "SecretAccessKey": "secret_access_key", "SessionToken": "session_token"}
    given = {entry.tag.rpartition("}")[2]: entry.text or "" for entry in ET.fromstring(answer).iter()}
    return {argument: given[name] for name, argument in names.items()}
