"""Upkeep of copies of the golden repositories by both packages: the same snapshots, refs, files and reports."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import zarr

import frazil

pytestmark = pytest.mark.interop

GOLDEN = Path(__file__).parents[1] / "golden"
FUTURE = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def official() -> ModuleType:
    return pytest.importorskip("icechunk", reason="the official package is not installed")


@pytest.fixture(params=["v1", "v2"])
def version(request: pytest.FixtureRequest, official: ModuleType) -> str:
    if request.param == "v2" and int(official.__version__.split(".")[0]) < 2:
        pytest.skip(f"icechunk {official.__version__} cannot open repositories of spec 2")
    return str(request.param)


@pytest.fixture
def expected(version: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((GOLDEN / version / "expected.json").read_text())
    return found


@pytest.fixture
def a_copy(version: str, tmp_path: Path) -> Callable[[str], Path]:
    """Makes a copy of the golden repository; file times are kept, because collection goes by them."""

    def make(name: str) -> Path:
        return Path(shutil.copytree(GOLDEN / version / "repo", tmp_path / name))

    return make


def open_with(package: ModuleType, path: Path) -> Any:
    return package.Repository.open(package.local_filesystem_storage(str(path)))


def pair(official: ModuleType, a_copy: Callable[[str], Path]) -> Iterator[tuple[Path, Any]]:
    for package in (official, frazil):
        path = a_copy(package.__name__)
        yield path, open_with(package, path)


def immutable_files(path: Path) -> set[str]:
    kinds = ("snapshots", "transactions", "manifests", "chunks")
    return {str(file.relative_to(path)) for kind in kinds for file in (path / kind).glob("*")}


def refs(repo: Any) -> dict[str, dict[str, str]]:
    return {
        "branches": {name: repo.lookup_branch(name) for name in repo.list_branches()},
        "tags": {name: repo.lookup_tag(name) for name in repo.list_tags()},
    }


def histories(repo: Any) -> dict[str, list[str]]:
    tips = {tip for kind in refs(repo).values() for tip in kind.values()}
    return {tip: [entry.id for entry in repo.ancestry(snapshot_id=tip)] for tip in tips}


def flush_times(expected: dict[str, Any]) -> list[datetime]:
    """Moments just at and just after every commit, and one after them all."""
    times = {entry["flushed_at_us"] for chain in expected["ancestry"].values() for entry in chain}
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return [epoch + timedelta(microseconds=time + more) for time in sorted(times) for more in (0, 1)]


@pytest.mark.parametrize("flags", [{}, {"delete_expired_branches": True}, {"delete_expired_tags": True}], ids=str)
def test_expiration_and_collection_keep_the_same(official, a_copy, expected, flags, tmp_path):
    for number, older_than in enumerate(flush_times(expected)):
        seen = []
        for package in (official, frazil):
            path = a_copy(f"{package.__name__}-{number}")
            repo = open_with(package, path)
            released = repo.expire_snapshots(older_than, **flags)
            repo = open_with(package, path)
            before = immutable_files(path)
            summary = repo.garbage_collect(FUTURE)
            seen.append(
                {
                    "released": set(released),
                    "refs": refs(repo),
                    "histories": histories(repo),
                    "files": immutable_files(path),
                    "deleted": (
                        summary.snapshots_deleted,
                        summary.transaction_logs_deleted,
                        summary.manifests_deleted,
                        summary.chunks_deleted,
                    ),
                    "count": len(before) - len(immutable_files(path)),
                }
            )
        theirs, ours = seen
        assert ours == theirs, older_than


def test_collection_frees_the_same_number_of_bytes(official, a_copy):
    theirs, ours = (repo.garbage_collect(FUTURE) for _, repo in pair(official, a_copy))
    assert ours.bytes_deleted == theirs.bytes_deleted


def test_a_dry_run_tells_what_the_run_then_does(a_copy):
    path = a_copy("copy")
    repo = open_with(frazil, path)
    before = {file: (path / file).read_bytes() for file in [*immutable_files(path), "repo"] if (path / file).exists()}
    told = repo.garbage_collect(FUTURE, dry_run=True)
    assert {file: (path / file).read_bytes() for file in before} == before
    assert told == repo.garbage_collect(FUTURE)


def test_the_cutoff_spares_every_file_that_is_not_older(official, a_copy):
    for path, repo in pair(official, a_copy):
        before = immutable_files(path)
        oldest = min((path / file).stat().st_mtime for file in before)
        repo.garbage_collect(datetime.fromtimestamp(oldest, UTC))
        assert immutable_files(path) == before


def test_what_one_package_expired_and_collected_is_whole_for_the_other(official, a_copy, expected):
    times = flush_times(expected)
    for package, other in ((official, frazil), (frazil, official)):
        path = a_copy(f"by-{package.__name__}")
        open_with(package, path).expire_snapshots(times[len(times) // 2])
        open_with(package, path).garbage_collect(FUTURE)
        reader = open_with(other, path)
        tips = set(histories(reader)) & set(expected["snapshots"])
        assert tips
        for tip in tips:
            check_arrays(reader.readonly_session(snapshot_id=tip), expected["snapshots"][tip]["nodes"])
        assert reader.garbage_collect(FUTURE, dry_run=True).bytes_deleted == 0


def check_arrays(session: Any, nodes: dict[str, Any]) -> None:
    """Read every array whose chunks are all in the repository."""
    with zarr.config.set({"array.rectilinear_chunks": True}):
        for path, node in nodes.items():
            if node["type"] == "array" and all(ref["kind"] != "virtual" for ref in node["chunk_refs"].values()):
                data = np.asarray(zarr.open_array(session.store, path=path[1:], mode="r")[...])
                content = np.ascontiguousarray(data.astype(node["dtype"])).tobytes()
                assert hashlib.sha256(content).hexdigest() == node["data_sha256"], path


# ---- reports ---------------------------------------------------------------------------------------------------------


def has_inspection(official: ModuleType) -> bool:
    return hasattr(official.Repository, "inspect_transaction_log")


def ids_in(path: Path, kind: str) -> list[str]:
    return sorted(file.name for file in (path / kind).glob("*"))


def test_storage_statistics_are_equal(official, a_copy):
    theirs, ours = (repo.chunk_storage_stats() for _, repo in pair(official, a_copy))
    for name in ("native_bytes", "virtual_bytes", "inlined_bytes"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert ours.total_bytes() == theirs.total_bytes()
    assert ours.non_virtual_bytes() == theirs.non_virtual_bytes()


@pytest.mark.parametrize(
    ("kind", "method"),
    [
        ("snapshots", "inspect_snapshot"),
        ("manifests", "inspect_manifest"),
        ("transactions", "inspect_transaction_log"),
    ],
)
def test_every_file_is_described_the_same(official, a_copy, kind, method):
    if not has_inspection(official):
        pytest.skip(f"icechunk {official.__version__} has no inspection")
    (path, theirs), (_, ours) = pair(official, a_copy)
    names = ids_in(path, kind)
    assert names
    for name in names:
        assert in_order(getattr(ours, method)(name)) == in_order(getattr(theirs, method)(name)), name


def in_order(shown: dict[str, Any]) -> dict[str, Any]:
    """Old writers did not sort the chunks in transaction logs."""
    for changed in shown.get("updated_chunks", ()):
        changed["chunks"].sort()
    return shown


def test_the_repo_object_is_described_the_same(official, a_copy, version):
    if not has_inspection(official):
        pytest.skip(f"icechunk {official.__version__} has no inspection")
    (_, theirs), (_, ours) = pair(official, a_copy)
    if version == "v1":
        for repo, package in ((theirs, official), (ours, frazil)):
            with pytest.raises(package.FormatError, match="upgrade"):
                repo.inspect_repo_info()
    else:
        assert ours.inspect_repo_info() == theirs.inspect_repo_info()


def test_the_manifests_of_a_snapshot_are_listed_the_same(official, a_copy, expected):
    if not hasattr(official.Repository, "list_manifest_files"):
        pytest.skip(f"icechunk {official.__version__} does not list manifests")
    (_, theirs), (_, ours) = pair(official, a_copy)
    for snapshot_id in expected["snapshots"]:
        found = [
            [(file.id, file.size_bytes, file.num_chunk_refs) for file in repo.list_manifest_files(snapshot_id)]
            for repo in (theirs, ours)
        ]
        assert found[1] == found[0]
