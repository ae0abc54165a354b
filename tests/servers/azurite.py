"""Azure Blob Storage, emulated by Azurite."""

from __future__ import annotations

import base64

from tests.servers.once import once
from tests.servers.place import Place
from tests.servers.process import Process, folder, free_ports
from tests.servers.programs import program
from tests.servers.signed import azure_make_container

_ACCOUNT, _KEY = "fraziltests", base64.b64encode(b"key of the tests").decode()
_CONTAINER = "container"


@once
def azurite() -> Place:
    data = folder("azurite")
    (port,) = free_ports(1)
    command = [program("azurite", "azurite-blob", "node_modules/.bin"), "--blobHost", "127.0.0.1"]
    command += ["--blobPort", str(port), "-l", str(data / "files"), "--silent"]
    command += ["--skipApiVersionCheck", "--disableTelemetry"]
    server = Process(command, data / "log", {"AZURITE_ACCOUNTS": f"{_ACCOUNT}:{_KEY}"})
    server.wait_for_port(port)
    endpoint = f"http://127.0.0.1:{port}"
    azure_make_container(endpoint, _ACCOUNT, _KEY, _CONTAINER)
    return Place(
        "azure",
        {
            "account": _ACCOUNT,
            "container": _CONTAINER,
            "prefix": "",
            "access_key": _KEY,
            "config": {"azure_endpoint": f"{endpoint}/{_ACCOUNT}", "allow_http": "true"},
        },
    )
