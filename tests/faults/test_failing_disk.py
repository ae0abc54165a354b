"""What is left, and what is said, when the disk fails in the middle of a write."""

from __future__ import annotations

from pathlib import Path

import pytest

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
