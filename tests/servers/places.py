"""Every place where repositories can live, by name; a server is started when it is first asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

from tests.contract.object_server import ObjectServer
from tests.servers.azurite import azurite
from tests.servers.ceph import ceph
from tests.servers.once import once
from tests.servers.place import Place
from tests.servers.s3_servers import BUCKET, minio, moto, rclone


@once
def gcs() -> Place:
    """Google Cloud Storage by an emulator of our own: none that can be had speaks its XML protocol as it is spoken."""
    server = ObjectServer("gcs", daemon=True)
    account = {
        "gcs_base_url": server.url,
        "disable_oauth": True,
        "client_email": "",
        "private_key": "",
        "private_key_id": "",
    }
    arguments = {"bucket": BUCKET, "prefix": None, "service_account_key": json.dumps(account)}
    return Place("gcs", {**arguments, "config": {"allow_http": "true"}})


_PLACES: Final[dict[str, Callable[[], Place]]] = {
    "minio": minio,
    "ceph": lambda: ceph().owner,
    "moto": moto,
    "azurite": azurite,
    "gcs": gcs,
}

SERVERS: Final = tuple(_PLACES)
"""Those that hold conditions, and so lose nothing."""

S3_SERVERS: Final = ("minio", "ceph", "moto")


def place(name: str) -> Place:
    """A fresh prefix on the server of this name; ``rclone`` ignores conditions, and is none of SERVERS."""
    root = rclone() if name == "rclone" else _PLACES[name]()
    return root.inside()
