"""Files in each other's places, as a restore may leave them: whoever reads one says so and deletes nothing.

Every kind of file that says what it is, with every reader of it: by an explicit product, for both versions of the format.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import zarr

import frazil
from frazil import FormatError, Repository, RepositoryConfig
from frazil.format.ids import INITIAL_SNAPSHOT_ID, format_id
from tests.faults import bodies
from tests.faults.test_bad_input import contents


def storage(path: Path) -> frazil.Storage:
    return frazil.local_filesystem_storage(str(path), durable=False)


FUTURE: Final = datetime.now(UTC) + timedelta(days=1)
CONFIG: Final = RepositoryConfig(inline_chunk_threshold_bytes=0)
IMMUTABLE: Final = {"snapshots", "manifests", "transactions", "chunks"}
FOLDERS: Final = {"snapshot": "snapshots", "manifest": "manifests", "transaction log": "transactions"}


@dataclass(frozen=True)
class Place:
    """A repository with four commits on main, and what was made by a fifth that a reset has left behind."""

    path: Path
    commits: tuple[str, ...]
    garbage: str
    manifests: tuple[str, ...]

    def files(self, kind: str) -> list[Path]:
        """Those of a kind that the tip's history has, and the garbage."""
        found = sorted((self.path / FOLDERS[kind]).iterdir())
        return [file for file in found if file.name != format_id(INITIAL_SNAPSHOT_ID)]


def array(session: Any) -> zarr.Array[Any]:
    found = zarr.open_group(session.store, mode="r" if session.read_only else "r+")["a"]
    assert isinstance(found, zarr.Array)
    return found


def build(path: Path, spec_version: Any) -> Place:
    repo = Repository.create(storage(path), CONFIG, spec_version=spec_version)
    commits = []
    for number in range(5):
        session = repo.writable_session("main")
        if number == 0:
            group = zarr.create_group(session.store)
            for name in "ab":
                group.create_array(name, shape=(64,), chunks=(1,), dtype="i2", compressors=None)
        # Every commit writes more chunks than the one before, so that their manifests differ in length too.
        array(session)[: number + 1] = np.arange(number + 1) + 100 * number + 1
        commits.append(session.commit(f"commit {number}"))
    repo.create_branch("behind", commits[1])
    repo.reset_branch("main", commits[3])
    manifests = [repo.list_manifest_files(commit)[0].id for commit in commits]
    return Place(path, tuple(commits[:4]), commits[4], tuple(manifests))


@pytest.fixture(scope="module", params=[1, 2], ids=["v1", "v2"])
def original(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Place:
    return build(tmp_path_factory.mktemp("original") / "repo", request.param)


@pytest.fixture
def place(original: Place, tmp_path: Path) -> Place:
    shutil.copytree(original.path, tmp_path / "repo")
    return replace(original, path=tmp_path / "repo")


def opened(place: Place) -> Repository:
    return Repository.open(storage(place.path), CONFIG)


def chunk(place: Place) -> None:
    for commit in place.commits:
        array(opened(place).readonly_session(snapshot_id=commit))[...]


def one_chunk(place: Place) -> None:
    for commit in place.commits:
        assert opened(place).readonly_session(snapshot_id=commit).store.get_sync("a/c/0") is not None


def size_of_chunk(place: Place) -> None:
    for commit in place.commits:
        opened(place).readonly_session(snapshot_id=commit).store._store.size("a/c/0")


def listing(place: Place) -> None:
    for commit in place.commits:
        list(opened(place).readonly_session(snapshot_id=commit).store._store.keys())


def ancestry(place: Place) -> None:
    list(opened(place).ancestry(branch="main"))


def graph(place: Place) -> None:
    str(opened(place).ancestry_graph())


def diff(place: Place) -> None:
    opened(place).diff(from_snapshot_id=format_id(INITIAL_SNAPSHOT_ID), to_branch="main")
    for start, end in itertools.pairwise(place.commits):
        opened(place).diff(from_snapshot_id=start, to_snapshot_id=end)


def inspect_snapshots(place: Place) -> None:
    for commit in place.commits:
        opened(place).inspect_snapshot(commit)


def inspect_manifests(place: Place) -> None:
    for file in place.files("manifest"):
        opened(place).inspect_manifest(file.name)


def inspect_logs(place: Place) -> None:
    for commit in place.commits:
        opened(place).inspect_transaction_log(commit)


def collect(place: Place) -> None:
    opened(place).garbage_collect(FUTURE)


def rehearse(place: Place) -> None:
    opened(place).garbage_collect(FUTURE, dry_run=True)


def count(place: Place) -> None:
    opened(place).chunk_storage_stats()


def expire(place: Place) -> None:
    opened(place).expire_snapshots(FUTURE)


def rewrite(place: Place) -> None:
    for branch in ("main", "behind"):
        opened(place).rewrite_manifests("again", branch=branch)


def commit(place: Place) -> None:
    session = opened(place).writable_session("main")
    array(session)[50] = 7
    session.commit("on top")


def rebase(place: Place) -> None:
    """Over the commits after the second, of which each changes what the session changes."""
    branch = f"behind {len(opened(place).list_branches())}"
    opened(place).create_branch(branch, place.commits[1])
    session = opened(place).writable_session(branch)
    array(session)[60] = 7
    opened(place).reset_branch(branch, place.commits[-1])
    session.commit("ours", rebase_with=frazil.BasicConflictSolver())


def upgrade(place: Place) -> None:
    frazil.upgrade_icechunk_repository(opened(place), dry_run=False)


@dataclass(frozen=True)
class Reader:
    """What reads files of ``kinds``; of ``kinds_v1`` in spec 1, if those are others; None is for what it refuses."""

    run: Callable[[Place], None]
    kinds: str
    kinds_v1: str | None = None

    def reads(self, kind: str, spec_version: int) -> bool:
        kinds = self.kinds_v1 if spec_version == 1 and self.kinds_v1 is not None else self.kinds
        return kind[0] in kinds


READERS: Final = {
    reader.run.__name__: reader
    for reader in (
        Reader(chunk, "sm"),
        Reader(one_chunk, "sm"),
        Reader(size_of_chunk, "sm"),
        Reader(listing, "sm"),
        Reader(ancestry, "", "s"),
        Reader(graph, "", "s"),
        Reader(diff, "st"),
        Reader(inspect_snapshots, "s"),
        Reader(inspect_manifests, "m"),
        Reader(inspect_logs, "t"),
        Reader(collect, "sm"),
        Reader(rehearse, "sm"),
        Reader(count, "sm"),
        Reader(expire, "", "s"),
        Reader(rewrite, "sm"),
        Reader(commit, "sm"),
        Reader(rebase, "smt"),
        Reader(upgrade, "", "s"),
    )
}


def swap(one: Path, other: Path) -> None:
    data = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(data)


def pairs(place: Place, kind: str) -> list[tuple[Path, Path]]:
    """Of the files of a kind: neighbours in the history, and one that is in it with one that is not."""
    names = place.manifests if kind == "manifest" else (*place.commits, place.garbage)
    files = [place.path / FOLDERS[kind] / name for name in names]
    return [(files[2], files[3]), (files[3], files[4])]


def check(place: Place, reader: Reader, files: tuple[Path, Path], *, reads: bool) -> None:
    """With the two files swapped the reader names both, and everything is still there."""
    swap(*files)
    before = contents(place.path)
    if reads:
        with pytest.raises(FormatError) as caught:
            reader.run(place)
        assert caught.value.kind == "invalid-file-format"
        assert all(file.name in str(caught.value) for file in files)
    else:
        reader.run(place)
    after = contents(place.path)
    if reads:
        kept = {name: after.get(name) for name in before if name.partition("/")[0] in IMMUTABLE}
        assert kept == {name: data for name, data in before.items() if name in kept}
        assert before.keys() <= after.keys()
    else:
        assert all(
            (place.path / FOLDERS[kind] / name).exists()
            for kind in ("snapshot", "transaction log")
            for name in place.commits
        )


@pytest.mark.parametrize("name", READERS)
def test_a_swapped_file_is_an_error_and_deletes_nothing(original: Place, place: Place, name: str) -> None:
    spec_version = opened(place).spec_version
    if name == "upgrade" and spec_version == 2:
        pytest.skip("there is nothing to upgrade")
    reader = READERS[name]
    for kind in sorted(FOLDERS, key=lambda kind: not reader.reads(kind, spec_version)):
        for number, files in enumerate(pairs(place, kind)):
            if reader.reads(kind, spec_version):
                check(place, reader, files, reads=True)
                swap(*files)
            else:
                there = copied(place, f"{kind} {number}")
                one, other = (there.path / file.relative_to(place.path) for file in files)
                check(there, reader, (one, other), reads=False)
    shutil.rmtree(place.path)
    shutil.copytree(original.path, place.path)
    reader.run(place)


def copied(place: Place, name: str) -> Place:
    shutil.copytree(place.path, place.path.with_name(name))
    return replace(place, path=place.path.with_name(name))


# ---- manifests that do not hold what their snapshot says -------------------------------------------------------------


def with_another_node(body: bytearray) -> None:
    """Its references are of an array that does not exist."""
    site = next(
        site for site in bodies.sites(body, bodies.MANIFEST) if site.what == "id" and site.slot == "ArrayManifest.0"
    )
    body[site.at] ^= 1


def with_another_rank(body: bytearray) -> None:
    """Every reference has no coordinate, where it had one."""
    for site in bodies.sites(body, bodies.MANIFEST):
        if site.what == "length" and site.slot == "ChunkRef.0":
            body[site.at : site.at + 4] = bytes(4)


def with_one_of_another_rank(body: bytearray) -> None:
    """As ``with_another_rank``, the first reference only: the one that ``a/c/0`` is looked up by."""
    site = next(
        site for site in bodies.sites(body, bodies.MANIFEST) if site.slot == "ChunkRef.0" and site.what == "length"
    )
    body[site.at : site.at + 4] = bytes(4)


@pytest.mark.parametrize("edit", [with_another_node, with_another_rank, with_one_of_another_rank])
def test_a_manifest_that_does_not_fit_is_an_error_and_no_fill_value(
    place: Place, edit: Callable[[bytearray], None]
) -> None:
    for file in place.files("manifest"):
        header, body = bodies.unpack(file.read_bytes())
        edit(body)
        file.write_bytes(bodies.pack(header, body))
    before = contents(place.path)
    for reader in (chunk, one_chunk, size_of_chunk, listing, rewrite, commit):
        with pytest.raises(FormatError) as failure:
            reader(place)
        assert failure.value.kind == "invalid-file-format"
        assert any(file.name in str(failure.value) for file in place.files("manifest"))
    assert {name: data for name, data in contents(place.path).items() if name in before} == before
