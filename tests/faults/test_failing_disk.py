"""What is left, and what is said, when the disk fails in the middle of a write."""

from __future__ import annotations

import errno
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import zarr

import frazil
from tests.faults import failing_calls

SETUP = """
import errno, os, sys
from pathlib import Path
import numpy as np, zarr, frazil
from frazil.errors import StorageError

place, faults = Path(sys.argv[1]), Path(os.environ["FAILING_CALLS"])
storage = frazil.local_filesystem_storage(str(place))

def refused(call, kind):
    try:
        call()
    except StorageError as failure:
        assert failure.kind == kind, failure
        return failure
    raise AssertionError("no error")

def fresh():
    return frazil.Repository.open(frazil.local_filesystem_storage(str(place)))
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return failing_calls.build(tmp_path_factory.mktemp("library"))


CHANGES = """
repo = frazil.Repository.create(storage, spec_version=int(sys.argv[2]))
first = repo.lookup_branch("main")
with repo.transaction("main", message="1") as store:
    zarr.create_group(store)
tip = repo.lookup_branch("main")
session = repo.writable_session("main")
zarr.open_group(session.store, mode="r+").attrs["k"] = 2
version = int(sys.argv[2])

def changed_but(call, ending):
    faults.write_text(f"fsync {ending} {errno.EIO} instead")
    failure = refused(call, "outcome-unknown")
    faults.unlink()
    assert "everybody sees it" in str(failure) and "power failure" in str(failure), failure
    assert [*place.rglob(".frazil-tmp-*")] == []

# A handle that saw a failure syncs the directory again before it changes anything else.
root = place.name if version == 2 else None
changed_but(lambda: session.commit("2"), root or "branch.main")
assert [entry.message for entry in fresh().ancestry(branch="main")][:2] == ["2", "1"]
changed_but(lambda: fresh().create_branch("b", tip), root or "branch.b")
assert fresh().lookup_branch("b") == tip
changed_but(lambda: fresh().reset_branch("b", first), root or "branch.b")
assert fresh().lookup_branch("b") == first
changed_but(lambda: fresh().create_tag("t", tip), root or "tag.t")
assert fresh().lookup_tag("t") == tip
changed_but(lambda: fresh().delete_tag("t"), root or "tag.t")
assert fresh().list_tags() == set()
repo.create_branch("after", tip)
"""


@pytest.mark.parametrize("spec_version", ["1", "2"])
def test_a_change_that_everybody_sees_is_not_said_to_have_failed(
    tmp_path: Path, library: Path, spec_version: str
) -> None:
    failing_calls.run(library, SETUP + CHANGES, str(tmp_path / "repository"), spec_version)


CREATE = """
for directory in ("snapshots", "transactions"):  # which are synced otherwise, with all above, before there is a repository
    (place / directory).mkdir(parents=True)
faults.write_text(f"fsync {place.name} {errno.EIO} instead")
refused(lambda: frazil.Repository.create(storage), "outcome-unknown")
faults.unlink()
assert fresh().list_branches() == {"main"}
"""


def test_a_repository_that_was_created_is_not_said_to_have_failed(tmp_path: Path, library: Path) -> None:
    failing_calls.run(library, SETUP + CREATE, str(tmp_path / "repository"))


LOST_ANSWER = """
repo = frazil.Repository.create(storage)
faults.write_text(f"rename /repo {errno.ENOENT} after")
repo.create_tag("t", repo.lookup_branch("main"))
faults.write_text(f"rename /repo {errno.EIO} instead")
refused(lambda: repo.create_tag("u", repo.lookup_branch("main")), "io")
faults.unlink()
assert fresh().list_tags() == {"t"}
assert [*place.rglob(".frazil-tmp-*")] == []
repo.create_tag("u", repo.lookup_branch("main"))
"""


def test_a_rename_whose_answer_a_network_file_system_lost_has_happened(tmp_path: Path, library: Path) -> None:
    failing_calls.run(library, SETUP + LOST_ANSWER, str(tmp_path / "repository"))


REFUSED = """
repo = frazil.Repository.create(storage, frazil.RepositoryConfig(inline_chunk_threshold_bytes=0))
with repo.transaction("main", message="0") as store:
    root = zarr.create_group(store)
    for name in "ab":
        root.create_array(name, shape=(1,), chunks=(1,), dtype="i8", compressors=None)[:] = 5

def changed(name):
    before = set((place / "chunks").iterdir())
    session = repo.writable_session("main")
    zarr.open_array(session.store, path=name, mode="r+")[:] = 1
    return session, (set((place / "chunks").iterdir()) - before).pop().name

refused_one, chunk = changed("a")
sound_one, _ = changed("b")
faults.write_text(f"fdatasync {chunk} {errno.EIO} instead")
failure = refused(lambda: refused_one.commit("a"), "io")
assert "did not reach the disk and has to be written again" in str(failure) and chunk in str(failure), failure
faults.unlink()
refused(lambda: refused_one.commit("a"), "io")  # the kernel says so once; the data are gone all the same
sound_one.commit("b")
repo.create_tag("t", repo.lookup_branch("main"))
repo.garbage_collect(repo.lookup_snapshot("1CECHNKREP0F1RSTCMT0").written_at)
refused(lambda: refused_one.commit("a", rebase_with=frazil.BasicConflictSolver()), "io")
zarr.open_array(refused_one.store, path="a", mode="r+")[:] = 1
refused_one.commit("a", rebase_with=frazil.BasicConflictSolver())
root = zarr.open_group(fresh().readonly_session("main").store, mode="r")
assert root["a"][0] == root["b"][0] == 1
"""


def test_what_the_disk_refused_concerns_only_who_refers_to_it(tmp_path: Path, library: Path) -> None:
    failing_calls.run(library, SETUP + REFUSED, str(tmp_path / "repository"))


WRITER = """
import errno, os, sys
import numpy as np, zarr, frazil

def refused(work):
    try:
        work()
    except frazil.StorageError as failure:
        assert failure.kind == "io" and "disk is full" in str(failure), failure
        return
    raise AssertionError("no error")

storage = frazil.local_filesystem_storage(sys.argv[1])
if sys.argv[2] == "create":
    refused(lambda: frazil.Repository.create(storage))
    sys.exit()
repo = frazil.Repository.open(storage, content_derived_chunk_ids=sys.argv[2] == "content ids")
session = repo.writable_session("main")
array = zarr.open_array(session.store, path="a", mode="r+")
refused(lambda: array.__setitem__(slice(None), np.arange(64)))
"""


def hold_a_writer(library: Path, place: Path, what: str, folder: str) -> subprocess.Popen[str]:
    """A writer that is about to find the disk full, for the first file in a folder."""
    faults = failing_calls.faults_of(library)
    sign = Path(f"{faults}.held")
    sign.unlink(missing_ok=True)
    faults.write_text(f"write /{folder}/ {errno.ENOSPC} held")
    writer = failing_calls.start(library, WRITER, str(place), what)
    while not sign.exists():
        assert writer.poll() is None, writer.communicate()[1]
        time.sleep(0.005)
    return writer


@pytest.mark.parametrize("durable", [True, False])
def test_a_writer_that_fails_leaves_alone_what_another_has_written(
    tmp_path: Path, library: Path, *, durable: bool
) -> None:
    """Both write the same content, which the name is made of."""
    storage = frazil.local_filesystem_storage(str(tmp_path), durable=durable)
    repo = frazil.Repository.create(storage, content_derived_chunk_ids=True)
    with repo.transaction("main", message="0") as store:
        zarr.create_array(store, name="a", shape=(64,), chunks=(64,), dtype="i8", compressors=None)
    repo = frazil.Repository.open(
        storage, frazil.RepositoryConfig(inline_chunk_threshold_bytes=0), content_derived_chunk_ids=True
    )
    repo.save_config()
    writer = hold_a_writer(library, tmp_path, "content ids", "chunks")
    with repo.transaction("main", message="1") as store:
        zarr.open_array(store, path="a", mode="r+")[:] = np.arange(64)
    failing_calls.faults_of(library).unlink()
    failing_calls.finish(writer)
    array = zarr.open_array(repo.readonly_session("main").store, path="a", mode="r")
    assert np.asarray(array[:]).tolist() == list(range(64))
    assert len(list((tmp_path / "chunks").iterdir())) == 1


def test_a_creation_that_fails_leaves_alone_what_another_has_created(tmp_path: Path, library: Path) -> None:
    """Initial snapshots have the same name everywhere."""
    writer = hold_a_writer(library, tmp_path, "create", "snapshots")
    repo = frazil.Repository.create(frazil.local_filesystem_storage(str(tmp_path)))
    failing_calls.faults_of(library).unlink()
    failing_calls.finish(writer)
    repo = frazil.Repository.open(frazil.local_filesystem_storage(str(tmp_path)))
    assert list(repo.readonly_session("main").store.session.all_virtual_chunk_locations()) == []
    assert len(list((tmp_path / "snapshots").iterdir())) == 1


def test_a_writer_that_fails_leaves_nothing(tmp_path: Path, library: Path) -> None:
    config = frazil.RepositoryConfig(inline_chunk_threshold_bytes=0)
    repo = frazil.Repository.create(frazil.local_filesystem_storage(str(tmp_path)), config)
    repo.save_config()
    with repo.transaction("main", message="0") as store:
        zarr.create_array(store, name="a", shape=(64,), chunks=(64,), dtype="i8", compressors=None)
    writer = hold_a_writer(library, tmp_path, "random ids", "chunks")
    assert len(list((tmp_path / "chunks").iterdir())) == 1
    failing_calls.faults_of(library).unlink()
    failing_calls.finish(writer)
    assert list((tmp_path / "chunks").iterdir()) == []
