"""S3 by a second code base: the RADOS gateway on a Ceph of one machine, in memory."""

from __future__ import annotations

import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

from tests.servers.once import once
from tests.servers.place import Place
from tests.servers.process import Process, folder, free_ports
from tests.servers.programs import HERE, program
from tests.servers.s3_servers import bucket_at, make_bucket

_CAPABILITIES = {
    "mon.": ("mon", "allow *"),
    "client.admin": ("mon", "allow *", "osd", "allow *", "mgr", "allow *"),
    "osd.0": ("mon", "allow profile osd", "osd", "allow *", "mgr", "allow profile osd"),
    "client.rgw.a": ("mon", "allow rwx", "osd", "allow rwx", "mgr", "allow rw"),
}


@dataclass(frozen=True)
class Ceph:
    """A bucket, as its owner and as a user of the gateway who is allowed nothing there."""

    owner: Place
    stranger: Place


@once
def ceph() -> Ceph:
    data = folder("ceph")
    for name in ("mon", "osd", "rgw", "run"):
        (data / name).mkdir()
    mon_v2, mon_v1, gateway = free_ports(3)
    fsid = str(uuid.uuid4())
    config = data / "ceph.conf"
    template = (HERE / "ceph.conf.in").read_text()
    config.write_text(template.format(fsid=fsid, folder=data, mon_v2=mon_v2, mon_v1=mon_v1, gateway=gateway))

    _make_monitor(data, f"[v2:127.0.0.1:{mon_v2},v1:127.0.0.1:{mon_v1}]", fsid)
    _daemon("ceph-mon", data, "-i", "a").wait_for_port(mon_v2)
    osd = str(uuid.uuid4())
    _tool("ceph", data, "osd", "new", osd)
    _tool("ceph-osd", data, "-i", "0", "--mkfs", "--osd-uuid", osd)
    _tool("ceph", data, "osd", "crush", "add", "osd.0", "1.0", "host=localhost", "root=default")
    _daemon("ceph-osd", data, "-i", "0").wait_until(lambda: "1 up" in _tool("ceph", data, "osd", "stat"))
    _daemon("radosgw", data, "-n", "client.rgw.a").wait_for_port(gateway)
    for user in ("owner", "stranger"):
        _tool(
            "radosgw-admin",
            data,
            *("user", "create", f"--uid={user}", f"--display-name={user}"),
            *(f"--access-key=AK{user}", f"--secret-key=SK{user}"),
        )
    owner, stranger = (bucket_at(gateway, f"AK{user}", f"SK{user}") for user in ("owner", "stranger"))
    make_bucket(owner)
    return Ceph(owner, stranger)


def _make_monitor(data: Path, addresses: str, fsid: str) -> None:
    keyring = str(data / "keyring")
    for number, (name, capabilities) in enumerate(_CAPABILITIES.items()):
        made = [] if number else ["--create-keyring"]
        pairs = zip(capabilities[::2], capabilities[1::2], strict=True)
        given = [word for service, allowed in pairs for word in ("--cap", service, allowed)]
        _run(program("ceph", "ceph-authtool"), *made, keyring, "--gen-key", "-n", name, *given)
    monitors = str(data / "monmap")
    _run(program("ceph", "monmaptool"), "--create", "--fsid", fsid, "--addv", "a", addresses, monitors)
    _tool("ceph-mon", data, "--mkfs", "-i", "a", "--monmap", monitors, "--keyring", keyring)


def _daemon(name: str, data: Path, *arguments: str) -> Process:
    command = [program("ceph", name), "-c", str(data / "ceph.conf"), *arguments, "-f"]
    return Process(command, data / f"{name}.out")


def _tool(name: str, data: Path, *arguments: str) -> str:
    return _run(program("ceph", name), "-c", str(data / "ceph.conf"), *arguments)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr[-2000:]}"
    return done.stdout
