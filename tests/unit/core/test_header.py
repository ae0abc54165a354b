"""The first bytes of metadata files."""

from pathlib import Path

import pytest

from frazil._core import Manifest, RepoInfo, Snapshot, TransactionLog, decode_id, read_header
from frazil.errors import IcechunkError

GOLDEN = Path(__file__).parents[2] / "golden"
FOLDERS = {"snapshots": 1, "manifests": 2, "transactions": 4}
DECODERS = {1: Snapshot.decode, 2: Manifest.decode, 4: TransactionLog.decode, 6: lambda data, _: RepoInfo.decode(data)}


def one(version: str, folder: str) -> bytes:
    return min((GOLDEN / version / "repo" / folder).iterdir()).read_bytes()


@pytest.mark.parametrize(("version", "writer", "spec"), [("v1", "ic-0.3.24", 1), ("v2", "ic-2.3.0", 2)])
def test_golden_headers(version, writer, spec):
    for folder, kind in FOLDERS.items():
        assert read_header(one(version, folder)) == (writer, spec, kind, 1)


def test_a_file_of_another_type_is_refused():
    paths = {kind: min((GOLDEN / "v2" / "repo" / folder).iterdir()) for folder, kind in FOLDERS.items()}
    names = {kind: decode_id(path.name, 12) for kind, path in paths.items()}
    for kind, path in {**paths, 6: GOLDEN / "v2" / "repo" / "repo"}.items():
        data = path.read_bytes()
        for expected, decode in DECODERS.items():
            if kind == expected:
                decode(data, names.get(kind, b""))
            else:
                with pytest.raises(IcechunkError, match="this is a") as caught:
                    decode(data, bytes(12))
                assert caught.value.kind == "invalid-file-format"


@pytest.mark.parametrize(
    ("at", "byte", "kind"),
    [
        (0, 0x00, "invalid-file-format"),
        (36, 0x03, "unsupported-spec-version"),
        (37, 0x05, "invalid-file-format"),
        (38, 0x00, "invalid-file-format"),
        (60, 0xFF, "invalid-file-format"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(at, byte, kind):
    data = bytearray(one("v2", "snapshots"))
    data[at] = byte
    with pytest.raises(IcechunkError) as caught:
        Snapshot.decode(data, bytes(12))
    assert caught.value.kind == kind


def test_a_repository_object_of_version_1_is_refused():
    data = bytearray((GOLDEN / "v2" / "repo" / "repo").read_bytes())
    data[36] = 1
    with pytest.raises(IcechunkError) as caught:
        RepoInfo.decode(data)
    assert caught.value.kind == "unsupported-operation-for-version"
