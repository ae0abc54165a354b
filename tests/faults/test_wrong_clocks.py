"""A machine whose clock is wrong: it is told so, or the others go on in spite of it (docs/design/0012)."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import zarr

import frazil
from frazil.clock import system_clock
from frazil.errors import FormatError

DAY_US = 24 * 3600 * 1_000_000
INITIAL = "1CECHNKREP0F1RSTCMT0"

CHANGES: dict[str, Callable[[frazil.Repository], object]] = {
    "commit": lambda repo: commit(repo),
    "flush": lambda repo: flush(repo),
    "branch": lambda repo: repo.create_branch("b", INITIAL),
    "tag": lambda repo: repo.create_tag("t", INITIAL),
    "reset": lambda repo: repo.reset_branch("main", INITIAL),
    "expire": lambda repo: repo.expire_snapshots(repo.lookup_snapshot(INITIAL).written_at),
    "collect": lambda repo: repo.garbage_collect(repo.lookup_snapshot(INITIAL).written_at),
    "metadata": lambda repo: repo.set_metadata({"a": 1}),
    "configuration": lambda repo: repo.save_config(),
}
V1 = ("commit", "branch", "tag", "reset", "expire", "collect")
CASES = [*((1, name) for name in V1), *((2, name) for name in CHANGES)]


def opened(place: Path, days: float = 0) -> frazil.Repository:
    """By a clock that is so many days ahead."""
    repo = frazil.Repository.open(frazil.local_filesystem_storage(str(place)))
    ahead = int(days * DAY_US)
    object.__setattr__(repo._repository.context, "clock", lambda: system_clock() + ahead)
    return repo


def commit(repo: frazil.Repository) -> str:
    session = repo.writable_session("main")
    zarr.open_group(session.store, mode="a").attrs["k"] = time.time_ns()
    return session.commit("k")


def flush(repo: frazil.Repository) -> str:
    session = repo.writable_session("main")
    zarr.open_group(session.store, mode="a").attrs["k"] = time.time_ns()
    return session.flush("k")


def change_ahead(place: Path, days: float) -> None:
    """What a clock wrote that is ahead, on a file system that could not tell."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("frazil.commit.flush.ensure_not_ahead", lambda *_, **__: None)
        patch.setattr("frazil.history.repo_object.update.ensure_not_ahead", lambda *_, **__: None)
        commit(opened(place, days))


@pytest.fixture(params=[1, 2])
def spec_version(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def create(place: Path, spec_version: int) -> None:
    commit(frazil.Repository.create(frazil.local_filesystem_storage(str(place)), spec_version=spec_version))


def test_a_clock_that_is_ahead_of_the_file_system_is_told(tmp_path: Path, spec_version: int) -> None:
    create(tmp_path, spec_version)
    tip = opened(tmp_path).lookup_branch("main")
    with pytest.raises(FormatError, match=r"verify if the machine clock has drifted.*2592\d{3} s behind") as caught:
        commit(opened(tmp_path, 30))
    assert caught.value.kind == "snapshot-timestamp"
    assert opened(tmp_path).lookup_branch("main") == tip
    if spec_version == 2:
        for change in (CHANGES["branch"], CHANGES["tag"], CHANGES["metadata"]):
            with pytest.raises(FormatError, match="verify if the machine clock has drifted"):
                change(opened(tmp_path, 30))
    commit(opened(tmp_path, 1 / 288))  # five minutes
    commit(opened(tmp_path))


@pytest.mark.parametrize(("spec_version", "change"), CASES)
def test_a_change_by_a_clock_that_was_ahead_keeps_nobody_from_writing(
    tmp_path: Path, spec_version: int, change: str, caplog: pytest.LogCaptureFixture
) -> None:
    create(tmp_path, spec_version)
    change_ahead(tmp_path, 30)
    repo = opened(tmp_path)
    with caplog.at_level(logging.WARNING, logger="frazil"):
        CHANGES[change](repo)
        commit(repo)
        commit(repo)
    if change != "reset" or spec_version == 2:
        warnings = [record.getMessage() for record in caplog.records if "clock" in record.getMessage()]
        assert len(warnings) == 1
        assert "one microsecond after" in warnings[0]
    times = [entry.written_at for entry in opened(tmp_path).ancestry(branch="main")]
    assert times == sorted(set(times), reverse=True)
    updates = [update.updated_at for update in repo.ops_log()] if spec_version == 2 else []
    assert updates == sorted(set(updates), reverse=True)


def test_a_clock_that_is_behind_is_not_believed(tmp_path: Path, spec_version: int) -> None:
    """The store dates what the others wrote as they do."""
    create(tmp_path, spec_version)
    change_ahead(tmp_path, 30)
    month = time.time() + 30 * 24 * 3600
    for path in [*tmp_path.glob("snapshots/*"), *tmp_path.glob("repo")]:
        os.utime(path, (month, month))
    with pytest.raises(FormatError, match="in the future of this machine's clock, and the store agrees") as caught:
        commit(opened(tmp_path))
    assert caught.value.kind == "snapshot-timestamp"
    if spec_version == 2:
        with pytest.raises(FormatError, match="and the store agrees"):
            opened(tmp_path).create_tag("t", INITIAL)
