"""A conflict says what conflicts and how to go on, and what it says works."""

from __future__ import annotations

import pytest
import zarr

import frazil
from frazil import ConflictError, RebaseFailedError, Repository


@pytest.fixture
def repo() -> Repository:
    repo = Repository.create(frazil.in_memory_storage())
    with repo.transaction("main", message="start") as store:
        root = zarr.create_group(store)
        for name in "abcdefgh":
            root.create_array(name, shape=(8,), chunks=(1,), dtype="u1")
    return repo


def write(session: frazil.Session, *names: str, value: int = 1) -> None:
    for name in names:
        zarr.open_array(session.store, path=name)[:] = value


def test_a_commit_that_comes_second(repo: Repository) -> None:
    first, second = repo.writable_session("main"), repo.writable_session("main")
    write(first, "a")
    write(second, "b")
    first.commit("first")
    with pytest.raises(ConflictError) as raised:
        second.commit("second")
    said = str(raised.value)
    assert said.startswith("Failed to commit, expected parent: Some(")
    assert "commit again with rebase_with=frazil.ConflictDetector()" in said
    assert "session.rebase(solver)" in said
    assert "frazil.BasicConflictSolver()" in raised.value.__notes__[0]
    second.commit("second", rebase_with=frazil.ConflictDetector())


@pytest.mark.parametrize("how", ["rebase", "commit"])
def test_a_rebase_that_fails(repo: Repository, how: str) -> None:
    first, second = repo.writable_session("main"), repo.writable_session("main")
    write(first, *"abcdefg")
    write(second, *"abcdefg", value=2)
    first.commit("first")
    with pytest.raises(RebaseFailedError) as raised:
        if how == "rebase":
            second.rebase(frazil.ConflictDetector())
        else:
            second.commit("second", rebase_with=frazil.ConflictDetector())
    said = str(raised.value)
    paths = [conflict.path for conflict in raised.value.conflicts]
    assert len(paths) == 7
    for path in paths[:5]:
        assert f"  {path}: chunk double update, chunks [0], [1], [2], [3], [4], and 3 more\n" in said
    assert "  and 2 more\n" in said
    assert paths[5] not in said
    assert "session.rebase(solver)" in said
    assert "UseOurs" in raised.value.__notes__[0]
    second.rebase(frazil.BasicConflictSolver(on_chunk_conflict=frazil.VersionSelection.UseOurs))
    second.commit("second")
    assert zarr.open_array(repo.readonly_session("main").store, path="a", mode="r")[0] == 2


def test_other_kinds_of_conflicts(repo: Repository) -> None:
    first, second = repo.writable_session("main"), repo.writable_session("main")
    zarr.open_group(first.store).create_group("new")
    del zarr.open_group(first.store)["b"]
    zarr.open_group(second.store).create_group("new")
    write(second, "b")
    first.commit("first")
    with pytest.raises(RebaseFailedError) as raised:
        second.rebase(frazil.ConflictDetector())
    assert "  /new: new node conflicts with existing node\n" in str(raised.value)
    assert "  /b: chunks updated in deleted array\n" in str(raised.value)
