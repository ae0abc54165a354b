"""Files of later writers (format section 15): what must be tolerated and kept, and what must be refused, and how."""

from __future__ import annotations

import json
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

import frazil
from frazil import FormatError, _core
from frazil.format.ids import parse_manifest_id
from tests.interop.actor import Actor, view
from tests.interop.edits import Edit as DataEdit
from tests.interop.edits import make, make_external
from tests.interop.flatbuffer_json import FLATC, ROOTS, Edit, Schema, rewrite, schema, to_json

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(FLATC is None, reason="flatc is not installed (Debian: flatbuffers-compiler)"),
]

FUTURE = datetime(2100, 1, 1, tzinfo=UTC)
LATER = {"later_number": 7, "later_text": "said by a later version"}


@pytest.fixture(params=[1, 2], ids=["v1", "v2"])
def spec(request: pytest.FixtureRequest) -> int:
    version: int = request.param
    return version


@pytest.fixture
def actor(tmp_path: Path) -> Actor:
    make_external(tmp_path / "external")
    return Actor(frazil, tmp_path / "external")


@pytest.fixture
def place(tmp_path: Path, actor: Actor, spec: int) -> Path:
    return made(actor, tmp_path / "repo", spec)


@pytest.fixture
def newest(tmp_path: Path, actor: Actor) -> Path:
    """A repository of spec 2."""
    return made(actor, tmp_path / "repo", 2)


def made(actor: Actor, place: Path, spec: int) -> Path:
    """A repository with something of everything."""
    repo = actor.create(place, spec, actor.config(threshold=16, split=2, page=3))
    first = [DataEdit("array", "a", 3), DataEdit("array", "g/b", 4, layout=3), DataEdit("virtual", "v", 2)]
    for message, edits in (("one", first), ("two", [DataEdit("write", "a", 5), DataEdit("array", "n", 6, "string")])):
        session = repo.writable_session("main")
        for edit in edits:
            make(edit, session, actor.external)
        session.commit(message, {"said": [1, None, "é"]})
    repo.create_branch("dev", repo.lookup_branch("main"))
    repo.create_tag("kept", repo.lookup_branch("main"))
    repo.create_tag("gone", repo.lookup_branch("main"))
    repo.delete_tag("gone")
    if spec == 2:
        session = repo.rearrange_session("main")
        session.move("/g/b", "/moved")
        session.commit("three")
        repo.set_metadata({"of": "the repository"})
        repo.set_feature_flag("create_tag", True)
        repo.set_feature_flag("delete_tag", False)
    return place


def files(place: Path) -> list[tuple[Path, str]]:
    """Every file with its root table, manifests before the snapshots that tell their sizes."""
    found = [
        (file, ROOTS[kind]) for kind in ("manifests", "transactions", "snapshots") for file in (place / kind).iterdir()
    ]
    top = [place / "repo"] if (place / "repo").exists() else []
    top += list((place / "overwritten").glob("repo.*"))
    return [*found, *((file, "Repo") for file in top)]


def rewrite_all(place: Path, written_as: Schema, edit: Edit, *, only: str | None = None) -> None:
    """Write every file of a repository, or those of one kind, in a later way."""
    sizes: dict[tuple[int, ...], int] = {}

    def with_sizes(table: str, value: dict[str, Any]) -> None:
        for manifest in [*value.get("manifest_files", ()), *(value.get("manifest_files_v2") or ())]:
            found = manifest["id"]["bytes"]
            manifest["size_bytes"] = sizes.get(tuple(found), manifest["size_bytes"])
        edit(table, value)

    with tempfile.TemporaryDirectory() as folder:
        for file, root in files(place):
            if only in (None, root) or root == "Snapshot":
                if root == "Manifest":
                    found = to_json(file.read_bytes(), root, schema(), Path(folder))["id"]["bytes"]
                    sizes[tuple(found)] = rewrite(file, root, written_as, edit, Path(folder))
                else:
                    rewrite(file, root, written_as, with_sizes, Path(folder))


def check_that_all_goes_on(actor: Actor, place: Path) -> None:
    """Every kind of write on top, and the old data still there."""
    repo = actor.open(place)
    late = repo.writable_session("main")
    early = repo.writable_session("main")
    zarr.open_group(early.store, mode="a").create_array("early", shape=(4,), chunks=(2,), dtype="i4")[:] = 5
    early.commit("early")
    zarr.open_group(late.store, mode="a")["a"].attrs["late"] = True
    late.commit("late", rebase_with=frazil.ConflictDetector())
    before = {name: np.asarray(array[...]).tolist() for name, array in zarr.open_group(late.store, mode="r").arrays()}
    repo.rewrite_manifests("anew", branch="main")
    repo.expire_snapshots(repo.lookup_snapshot(repo.lookup_branch("main")).written_at)
    repo.garbage_collect(FUTURE)
    root = zarr.open_group(actor.open(place).readonly_session("main").store, mode="r")
    assert {name: np.asarray(array[...]).tolist() for name, array in root.arrays()} == before
    assert root["a"].attrs["late"] is True
    assert actor.open(place).lookup_tag("kept")


# ---- tolerated -------------------------------------------------------------------------------------------------------


def add_fields(schema_of: Schema) -> Edit:
    """Give every table what a later version may say in it."""

    def edit(table: str, value: dict[str, Any]) -> None:
        value.update(LATER)
        if "extra" in schema_of.tables[table]:
            value["extra"] = [1, 2, 3]

    return edit


def test_more_fields_in_every_table(actor: Actor, place: Path) -> None:
    before = view(actor, place, {}, detailed=True)
    later = schema().with_more_fields()
    rewrite_all(place, later, add_fields(later))
    for file, root in files(place):
        with tempfile.TemporaryDirectory() as folder:
            assert to_json(file.read_bytes(), root, later, Path(folder))["later_number"] == 7
    assert view(actor, place, {}, detailed=True) == before
    check_that_all_goes_on(actor, place)


def test_the_official_package_tolerates_the_same(actor: Actor, place: Path, spec: int) -> None:
    """The files of the other tests are what a later version of it may write."""
    official = pytest.importorskip("icechunk", reason="the official package is not installed")
    other = Actor(official, actor.external)
    if other.is_old:
        pytest.skip(f"icechunk {official.__version__} tolerates less")
    before = view(other, place, {}, detailed=True)
    later = schema().with_more_fields()
    rewrite_all(place, later, add_fields(later))
    assert view(other, place, {}, detailed=True) == before


def leave_out(table: str, value: dict[str, Any]) -> None:
    """Take away what is optional; the lists of spec 1 take the place of those of spec 2."""
    if table == "Snapshot":
        value["parent_id"] = value["id"]
        value["manifest_files"] = [
            {name: manifest[name] for name in ("id", "size_bytes", "num_chunk_refs")}
            for manifest in value.pop("manifest_files_v2", value["manifest_files"])
        ]
    elif table == "ArrayNodeData" and value.get("shape_v2"):
        value["shape"] = [
            {
                "array_length": found.get("array_length", 0),
                "chunk_length": max(1, -(-found.get("array_length", 0) // max(1, found.get("num_chunks", 0)))),
            }
            for found in value.pop("shape_v2")
        ]
    elif table == "TransactionLog" and not value.get("moved_nodes"):
        value.pop("moved_nodes", None)
    elif table in ("SnapshotInfo", "Repo") and not value.get("metadata"):
        value.pop("metadata", None)


def test_optional_lists_may_be_absent(actor: Actor, newest: Path) -> None:
    """Also a parent in a snapshot file of spec 2, which nobody looks at."""
    before = view(actor, newest, {}, detailed=True)
    rewrite_all(newest, schema(), leave_out)
    assert view(actor, newest, {}, detailed=True) == before
    check_that_all_goes_on(actor, newest)


def test_any_writer_and_any_file_identifier(actor: Actor, place: Path) -> None:
    before = view(actor, place, {}, detailed=True)
    zstd = pytest.importorskip("numcodecs").Zstd()
    for file, _ in files(place):
        data = file.read_bytes()
        body = bytearray(zstd.decode(data[39:]))
        body[4:8] = b"L8er"
        file.write_bytes(
            data[:12] + b"\xffmade by nobody we know"[:24].ljust(24) + data[36:39] + zstd.encode(bytes(body))
        )
    sizes_agree = {file.name: file.stat().st_size for file in (place / "manifests").iterdir()}
    rewrite_sizes(place, sizes_agree)
    assert view(actor, place, {}, detailed=True) == before
    check_that_all_goes_on(actor, place)


def rewrite_sizes(place: Path, sizes: dict[str, int]) -> None:
    """Let the snapshots tell the present sizes of their manifests."""
    by_id = {tuple(parse_manifest_id(name)): size for name, size in sizes.items()}

    def edit(table: str, value: dict[str, Any]) -> None:
        if table == "Snapshot":
            for manifest in [*value.get("manifest_files", ()), *(value.get("manifest_files_v2") or ())]:
                manifest["size_bytes"] = by_id[tuple(manifest["id"]["bytes"])]

    rewrite_all(place, schema(), edit, only="Snapshot")


def test_foreign_objects_are_left_alone(actor: Actor, place: Path) -> None:
    before = view(actor, place, {}, detailed=True)
    foreign = [
        f"{kind}/not an id" for kind in ("snapshots", "manifests", "transactions", "chunks", "overwritten", "later")
    ]
    foreign += [f"{kind}/deep/er" for kind in ("snapshots", "manifests", "transactions", "chunks")]
    for name in foreign:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(b"not ours")
    assert view(actor, place, {}, detailed=True) == before
    shutil.copytree(place, place.with_name("for upkeep"))
    check_that_all_goes_on(actor, place.with_name("for upkeep"))
    for name in foreign:
        assert (place.with_name("for upkeep") / name).read_bytes() == b"not ours"


def repo_of(place: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        return to_json((place / "repo").read_bytes(), "Repo", schema(), Path(folder))


def tags_in(repo: dict[str, Any]) -> dict[str, Any]:
    """The ids that the tags name; their index changes with every new snapshot."""
    return {tag["name"]: repo["snapshots"][tag.get("snapshot_index", 0)]["id"] for tag in repo["tags"]}


def edit_repo(place: Path, edit: Edit, written_as: Schema | None = None) -> None:
    """Rewrite the repo object alone."""
    with tempfile.TemporaryDirectory() as folder:
        rewrite(place / "repo", "Repo", written_as or schema(), edit, Path(folder))


def test_what_is_not_understood_is_kept(actor: Actor, newest: Path) -> None:
    """Flags and states of later versions, and a configuration with more in it, outlive our updates."""
    config = {"inline_chunk_threshold_bytes": 77, "of a later version": {"x": [1, 2.5, None]}}
    config_bytes = list(_core.json_to_flexbuffer(json.dumps(config)))

    def edit(table: str, value: dict[str, Any]) -> None:
        if table == "Repo":
            value["enabled_feature_flags"] = sorted({*value.get("enabled_feature_flags", ()), 2, 200})
            value["disabled_feature_flags"] = sorted({*value.get("disabled_feature_flags", ()), 1, 201})
            value["config"] = config_bytes
            value["status"]["availability"] = 7

    edit_repo(newest, edit)
    before = repo_of(newest)
    repo = actor.open(newest)
    assert repo.config.inline_chunk_threshold_bytes == 77
    assert repo.status.availability == frazil.RepoAvailability.online
    session = repo.writable_session("main")
    zarr.open_group(session.store, mode="a").attrs["more"] = 1
    session.commit("more")
    repo.create_branch("another", repo.lookup_branch("main"))
    repo.set_feature_flag("move_node", False)
    repo.expire_snapshots(datetime(2000, 1, 1, tzinfo=UTC))
    after = repo_of(newest)
    assert after["config"] == config_bytes
    assert after["enabled_feature_flags"] == before["enabled_feature_flags"]
    assert after["disabled_feature_flags"] == sorted([*before["disabled_feature_flags"], 3])
    for name in ("status", "deleted_tags", "metadata"):
        assert after[name] == before[name]
    assert tags_in(after) == tags_in(before)
    assert len(after["snapshots"]) == len(before["snapshots"]) + 1
    known = {tuple(snapshot["id"]["bytes"]): snapshot for snapshot in after["snapshots"]}
    for snapshot in before["snapshots"]:
        kept = known[tuple(snapshot["id"]["bytes"])]
        for name in ("message", "metadata", "flushed_at", "pruned_ancestor_tx_logs"):
            assert kept.get(name) == snapshot.get(name)


# ---- refused ---------------------------------------------------------------------------------------------------------


def refuses_every_change(actor: Actor, place: Path, match: str) -> None:
    before = (place / "repo").read_bytes()
    repo = actor.open(place)
    tip = repo.lookup_branch("main")
    session = repo.writable_session("main")
    zarr.open_group(session.store, mode="a").attrs["more"] = 1
    attempts = [
        lambda: session.commit("no"),
        lambda: repo.create_branch("no", tip),
        lambda: repo.create_tag("no", tip),
        lambda: repo.set_metadata({}),
        lambda: repo.save_config(),
        lambda: repo.set_status(frazil.RepoStatus(frazil.RepoAvailability.read_only)),
        lambda: repo.set_feature_flag("move_node", False),
        lambda: repo.expire_snapshots(FUTURE),
        lambda: repo.garbage_collect(FUTURE),
        lambda: repo.rewrite_manifests("no", branch="main"),
    ]
    for attempt in attempts:
        with pytest.raises(FormatError, match=match):
            attempt()
        assert (place / "repo").read_bytes() == before


def test_an_operation_of_a_later_version(actor: Actor, newest: Path) -> None:
    """Data is read; the log is not, and nothing can be changed, because that would copy what we do not understand."""

    def edit(table: str, value: dict[str, Any]) -> None:
        if table == "Repo":
            newest_entry = value["latest_updates"][0]
            newest_entry["update_type_type"], newest_entry["update_type"] = "TimeTravelled", {"what": "back"}

    before = view(actor, newest, {}, detailed=True)["snapshots"]
    edit_repo(newest, edit, schema().with_member("UpdateType", "TimeTravelled"))
    repo = actor.open(newest)
    known: dict[str, Any] = {}
    for commit_id in before:
        known[commit_id] = list(repo.ancestry(snapshot_id=commit_id))
        assert zarr.open_group(repo.readonly_session("main").store, mode="r")["a"][...] is not None
    with pytest.raises(FormatError, match=r"(?i)upgrade"):
        list(repo.ops_log())
    refuses_every_change(actor, newest, "(?i)upgrade")


def test_a_kind_of_node_of_a_later_version(actor: Actor, place: Path) -> None:
    tip = actor.open(place).lookup_branch("main")

    def edit(table: str, value: dict[str, Any]) -> None:
        if table == "NodeSnapshot" and value["path"] == "/a":
            value["node_data_type"], value["node_data"] = "Link", {"what": "/elsewhere"}

    with tempfile.TemporaryDirectory() as folder:
        written_as = schema().with_member("NodeData", "Link")
        rewrite(place / "snapshots" / tip, "Snapshot", written_as, edit, Path(folder))
    with pytest.raises(FormatError, match=r"(?i)node"):
        zarr.open_group(actor.open(place).readonly_session("main").store, mode="r")["a"]


def test_a_kind_of_moved_node_of_a_later_version(actor: Actor, newest: Path) -> None:
    repo = actor.open(newest)
    (tip, parent) = [info.id for info in repo.ancestry(branch="main")][:2]

    def edit(table: str, value: dict[str, Any]) -> None:
        if table == "MoveOperation":
            value["node_type"] = 9

    with tempfile.TemporaryDirectory() as folder:
        rewrite(newest / "transactions" / tip, "TransactionLog", schema(), edit, Path(folder))
    with pytest.raises(FormatError, match=r"(?i)node type|kind"):
        actor.open(newest).diff(from_snapshot_id=parent, to_snapshot_id=tip)
    assert zarr.open_array(actor.open(newest).readonly_session("main").store, path="moved", mode="r").shape == (5, 4)


@pytest.mark.parametrize(
    "config",
    [
        {"compression": {"algorithm": "brotli"}},
        {"manifest": {"preload": {"preload_if": {"by_moonlight": None}}}},
        {"manifest": {"splitting": {"split_sizes": [[{"any_array": None}, [{"condition": {"every": None}}]]]}}},
        {"virtual_chunk_containers": {"ftp://x/": {"name": None, "url_prefix": "ftp://x/", "store": {"ftp": {}}}}},
    ],
    ids=["compression", "preload", "splitting", "store"],
)
def test_a_configuration_of_a_later_version(actor: Actor, newest: Path, config: dict[str, Any]) -> None:
    def edit(table: str, value: dict[str, Any]) -> None:
        if table == "Repo":
            value["config"] = list(_core.json_to_flexbuffer(json.dumps(config)))

    edit_repo(newest, edit)
    with pytest.raises(FormatError) as refused:
        actor.open(newest)
    assert refused.value.kind == "config-deserialization"


def test_a_repository_of_a_later_version(actor: Actor, newest: Path) -> None:
    def edit(table: str, value: dict[str, Any]) -> None:
        if table == "Repo":
            value["spec_version"] = 3

    edit_repo(newest, edit)
    with pytest.raises(FormatError, match=r"(?i)upgrade") as refused:
        actor.open(newest)
    assert refused.value.kind == "unsupported-spec-version"


@pytest.mark.parametrize("byte", [0, 2, 9])
@pytest.mark.parametrize("at", [37, 38], ids=["type of file", "compression"])
def test_another_envelope(actor: Actor, place: Path, at: int, byte: int) -> None:
    tip = actor.open(place).lookup_branch("main")
    file = place / "snapshots" / tip
    data = bytearray(file.read_bytes())
    data[at] = byte
    file.write_bytes(data)
    with pytest.raises(FormatError) as refused:
        zarr.open_group(actor.open(place).readonly_session("main").store, mode="r")
    assert refused.value.kind == "invalid-file-format"
