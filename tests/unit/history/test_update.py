"""The compare-and-swap loop: one writer at a time, backups, the operations log, refusals."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from numcodecs import zstd  # type: ignore[import-untyped]

from frazil._core import ObjectStore, RepoInfo
from frazil.config import RepositoryConfig, RepoUpdateRetryConfig, StorageRetriesSettings, StorageSettings
from frazil.errors import ConflictError, FormatError, IcechunkError, ReadOnlyError, RepositoryNotFoundError, error
from frazil.format import keys
from frazil.format.ids import INITIAL_SNAPSHOT_ID, SnapshotId, format_id
from frazil.history.repo_object import ops_log
from frazil.history.repo_object.change import Change, UpdateTag
from frazil.history.repo_object.update import RepoObject
from frazil.history.start.creating import create
from frazil.history.v2 import HistoryV2
from tests.unit.history.contexts import START_US, Counting, StepClock, make_context

ONE_US = 1


@pytest.fixture(params=["memory", "local"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    return ObjectStore.memory() if request.param == "memory" else ObjectStore.local(str(tmp_path), durable=False)


def new_repo(objects: ObjectStore, **options: Any) -> RepoObject:
    """A fresh repository and the only object that changes it."""
    context = make_context(objects, **options)
    create(context, None)
    return RepoObject(context, sleep=lambda _: None)


def branch(name: str, target: SnapshotId = INITIAL_SNAPSHOT_ID) -> Change[str]:
    return Change({"branches": {name: target}}, UpdateTag.BRANCH_CREATED, name, (name,))


def stored(objects: ObjectStore) -> RepoInfo:
    data = objects.get(keys.REPO)
    assert data is not None
    return RepoInfo.decode(data)


def branch_names(info: RepoInfo) -> list[str]:
    return [name for name, _ in info.branches()]


def test_an_update_changes_the_object_and_returns_the_result(objects: ObjectStore) -> None:
    repo = new_repo(objects)
    assert repo.update(lambda _: branch("b")) == "b"
    assert branch_names(stored(objects)) == ["b", "main"]
    assert stored(objects).writer == "frazil-test"


def test_the_state_before_an_update_is_kept_under_the_name_that_the_log_gives(objects: ObjectStore) -> None:
    repo = new_repo(objects)
    before = bytes(objects.get(keys.REPO) or b"")
    repo.update(lambda _: branch("b"))
    newest, oldest = stored(objects).updates()
    assert newest[3] is None
    assert oldest[3] is not None
    assert bytes(objects.get(keys.backup(oldest[3])) or b"") == before
    assert [meta.key for meta in objects.list(keys.OVERWRITTEN)] == [keys.backup(oldest[3])]


def test_a_lost_race_is_run_again_on_the_new_state(objects: ObjectStore) -> None:
    """Somebody else writes between our read and our write, twice."""
    other = new_repo(objects)
    racing = Counting(objects)
    repo = RepoObject(make_context(racing), sleep=lambda _: None)
    rivals = iter(["r1", "r2"])

    def rival() -> None:
        name = next(rivals, None)
        if name is not None:
            other.update(lambda _: branch(name))

    racing.before["copy"] = rival
    seen: list[list[str]] = []

    def mutate(info: RepoInfo) -> Change[str]:
        seen.append(branch_names(info))
        return branch("ours")

    repo.update(mutate)
    assert seen == [["main"], ["main", "r1"], ["main", "r1", "r2"]]
    assert branch_names(stored(objects)) == ["main", "ours", "r1", "r2"]
    assert len(list(ops_log.read(stored(objects), objects))) == 4


def test_a_race_lost_at_the_last_moment_is_noticed_by_the_conditional_put(objects: ObjectStore) -> None:
    other = new_repo(objects)
    racing = Counting(objects)
    repo = RepoObject(make_context(racing), sleep=lambda _: None)

    def rival() -> None:
        del racing.before["put"]
        other.update(lambda _: branch("rival"))

    racing.before["put"] = rival
    repo.update(lambda _: branch("ours"))
    assert branch_names(stored(objects)) == ["main", "ours", "rival"]


def test_an_update_that_never_wins_gives_up_with_a_typed_error() -> None:
    objects = ObjectStore.memory()
    other = new_repo(objects)
    racing = Counting(objects)
    numbers = iter(range(1000))
    racing.before["put"] = lambda: other.update(lambda _: branch(f"r{next(numbers)}"))
    waits: list[float] = []
    retries = StorageRetriesSettings(max_tries=9, initial_backoff_ms=10, max_backoff_ms=20)
    config = RepositoryConfig(repo_update_retries=RepoUpdateRetryConfig(default=retries))
    repo = RepoObject(make_context(racing, config=config), sleep=waits.append)
    with pytest.raises(ConflictError, match="repository cannot be updated after 9 attempts") as raised:
        repo.update(lambda _: branch("ours"))
    assert raised.value.kind == "update-attempts-exhausted"
    assert waits[:6] == [0] * 6
    assert all(0.005 <= wait <= 0.02 for wait in waits[6:])
    assert "ours" not in branch_names(stored(objects))


def test_a_refusal_of_the_mutation_ends_the_update(objects: ObjectStore) -> None:
    repo = new_repo(objects)

    def refuse(info: RepoInfo) -> Change[None]:
        raise error("tag-already-exists", "no")

    before = bytes(objects.get(keys.REPO) or b"")
    with pytest.raises(IcechunkError, match="no"):
        repo.update(refuse)
    assert bytes(objects.get(keys.REPO) or b"") == before
    assert list(objects.list(keys.OVERWRITTEN)) == []


# ---- the copy in memory ---------------------------------------------------------------------------------------------


def asking_the_time(objects: ObjectStore) -> list[str]:
    """What a file system is asked that dates its files."""
    return ["head"] if objects.keeps_time else []


def test_a_fresh_copy_saves_the_read(objects: ObjectStore) -> None:
    new_repo(objects)
    counting = Counting(objects)
    repo = RepoObject(make_context(counting), sleep=lambda _: None)
    repo.update(lambda _: branch("a"))
    counting.calls.clear()
    repo.update(lambda _: branch("b"))
    assert [call for call in counting.calls if call != "sync"] == ["copy", *asking_the_time(objects), "put"]


def test_an_old_copy_is_revalidated_first(objects: ObjectStore) -> None:
    new_repo(objects)
    counting = Counting(objects)
    clock = StepClock()
    repo = RepoObject(make_context(counting, clock=clock), sleep=lambda _: None)
    repo.update(lambda _: branch("a"))
    counting.calls.clear()
    clock.now += 60_000_000
    repo.update(lambda _: branch("b"))
    expected = ["get_versioned", "copy", *asking_the_time(objects), "put"]
    assert [call for call in counting.calls if call != "sync"] == expected


def test_a_refusal_on_an_outdated_copy_is_not_believed(objects: ObjectStore) -> None:
    repo = new_repo(objects)
    other = RepoObject(make_context(objects), sleep=lambda _: None)
    repo.update(lambda _: branch("a"))
    other.update(lambda _: branch("wanted"))

    def needs_the_branch(info: RepoInfo) -> Change[bool]:
        if info.branch("wanted") is None:
            raise error("ref-not-found", "ref not found `wanted`")
        return Change({"branches": {"wanted": None}}, UpdateTag.BRANCH_DELETED, True, ("wanted", INITIAL_SNAPSHOT_ID))

    assert repo.update(needs_the_branch)


def test_reading_always_asks_the_store(objects: ObjectStore) -> None:
    repo = new_repo(objects)
    other = RepoObject(make_context(objects), sleep=lambda _: None)
    assert branch_names(repo.read()) == ["main"]
    other.update(lambda _: branch("b"))
    assert branch_names(repo.read()) == ["b", "main"]
    assert repo.read() is repo.read(), "an object that did not change is not decoded again"


# ---- what forbids an update ------------------------------------------------------------------------------------------


def test_a_read_only_repository_refuses_everything_but_a_change_of_status(objects: ObjectStore) -> None:
    repo = new_repo(objects)
    closing: Change[None] = Change(
        {"status": (1, START_US, "maintenance")}, UpdateTag.REPO_STATUS_CHANGED, None, ((1, START_US, "maintenance"),)
    )
    repo.update(lambda _: closing)
    with pytest.raises(ReadOnlyError, match=r"repository status is read-only.*maintenance") as raised:
        repo.update(lambda _: branch("b"))
    assert raised.value.kind == "read-only-repository"
    opening: Change[None] = Change(
        {"status": (0, START_US, None)}, UpdateTag.REPO_STATUS_CHANGED, None, ((0, START_US, None),)
    )
    repo.update(lambda _: opening, even_if_read_only=True)
    repo.update(lambda _: branch("b"))


@pytest.mark.parametrize("availability", [2, 77])
def test_other_limits_of_availability_are_none(availability: int) -> None:
    objects = ObjectStore.memory()
    repo = new_repo(objects)
    status = (availability, START_US, "strange")
    change: Change[None] = Change({"status": status}, UpdateTag.REPO_STATUS_CHANGED, None, (status,))
    repo.update(lambda _: change)
    repo.update(lambda _: branch("b"))
    assert stored(objects).status == status


def test_a_repository_that_is_gone_is_said_to_be() -> None:
    objects = ObjectStore.memory()
    repo = new_repo(objects)
    objects.delete_many([keys.REPO])
    with pytest.raises(RepositoryNotFoundError, match="the repository doesn't exist at in-memory any more"):
        repo.update(lambda _: branch("b"))


# ---- time -----------------------------------------------------------------------------------------------------------


def update_times(objects: ObjectStore) -> list[int]:
    return [entry[2] for entry in stored(objects).updates()]


def test_times_of_updates_strictly_increase_on_a_clock_that_stands_still(objects: ObjectStore) -> None:
    repo = new_repo(objects, clock=lambda: START_US)
    for name in "abc":
        made = branch(name)
        repo.update(lambda _, made=made: made)  # type: ignore[misc]
    assert update_times(objects) == [START_US + 3, START_US + 2, START_US + 1, START_US]


def test_a_clock_that_runs_behind_a_little_is_nudged(objects: ObjectStore) -> None:
    new_repo(objects, clock=lambda: START_US)
    behind = RepoObject(make_context(objects, clock=lambda: START_US - 3_000_000))
    behind.update(lambda _: branch("b"))
    assert update_times(objects)[0] == START_US + ONE_US


def test_a_clock_that_runs_far_behind_is_an_error(objects: ObjectStore) -> None:
    new_repo(objects, clock=lambda: START_US)
    behind = RepoObject(make_context(objects, clock=lambda: START_US - 3_600_000_000))
    with pytest.raises(FormatError, match="verify if the machine clock has drifted") as raised:
        behind.update(lambda _: branch("b"))
    assert raised.value.kind == "snapshot-timestamp"


# ---- stores and settings ---------------------------------------------------------------------------------------------


def test_without_conditional_updates_a_remote_store_is_overwritten() -> None:
    """The setting is for stores that cannot do better; local ones always compare."""
    objects = ObjectStore.memory()
    new_repo(objects)

    class Remote(Counting):
        always_compares = False

    remote = Remote(objects)
    settings = RepositoryConfig(storage=StorageSettings(unsafe_use_conditional_update=False))
    repo = RepoObject(make_context(remote, config=settings))
    other = RepoObject(make_context(objects))
    repo.update(lambda _: branch("a"))
    other.update(lambda _: branch("b"))
    del remote.calls[:]

    def rival() -> None:
        del remote.before["put"]
        other.update(lambda _: branch("lost"))

    remote.before["put"] = rival
    repo.update(lambda _: branch("c"))
    assert [call for call in remote.calls if call != "sync"] == ["get_versioned", "copy", "put"]
    assert branch_names(stored(objects)) == ["a", "b", "c", "main"]


def test_threads_that_update_at_once_all_succeed(objects: ObjectStore) -> None:
    shared = new_repo(objects, clock=StepClock(step=1))
    own = [RepoObject(make_context(objects, clock=StepClock(step=1))) for _ in range(3)]
    failures: list[BaseException] = []

    def work(repo: RepoObject, number: int) -> None:
        try:
            for step in range(5):
                made = branch(f"{number}-{step}")
                repo.update(lambda _, made=made: made)  # type: ignore[misc]
        except BaseException as failure:  # noqa: BLE001 - shown by the test
            failures.append(failure)

    repos: Iterator[RepoObject] = iter([shared, shared, shared, *own])
    threads = [threading.Thread(target=work, args=(repo, number)) for number, repo in enumerate(repos)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(branch_names(stored(objects))) == 31
    log = list(ops_log.read(stored(objects), objects))
    assert len(log) == 31
    times = [entry[2] for entry in log]
    assert times == sorted(set(times), reverse=True)


def test_attributes_follow_the_settings() -> None:
    for wanted in (True, False):
        objects = ObjectStore.memory()
        context = make_context(objects, use_object_metadata=wanted)
        create(context, None)
        HistoryV2(context).create_branch("b", INITIAL_SNAPSHOT_ID)
        expected = {"icspecver": "2", "icclient": "frazil-test", "icfiletype": "repo-info", "iccompalg": "zstd"}
        meta = objects.head(keys.REPO)
        assert meta is not None
        found = {name: value for name, value in meta.attributes.items() if name != "icechunkwriteid"}
        assert found == (expected if wanted else {})
        snapshot = objects.head(keys.snapshot(INITIAL_SNAPSHOT_ID))
        assert snapshot is not None, format_id(INITIAL_SNAPSHOT_ID)
        assert snapshot.attributes.get("icfiletype") == ("snapshot" if wanted else None)


def with_unknown_update(info: RepoInfo) -> bytes:
    """The object with a newest entry of kind 99, which is put in the place of the one byte that tells two kinds apart."""
    one, other = (
        info.edit(updates=[(int(tag), (), START_US + 1, None), *info.updates()]).encode(writer="newer", level=3)
        for tag in (UpdateTag.GC_RAN, UpdateTag.EXPIRATION_RAN)
    )
    body = bytearray(zstd.decompress(one[39:]))
    [position] = [at for at, byte in enumerate(zstd.decompress(other[39:])) if byte != body[at]]
    body[position] = 99
    return one[:39] + bytes(zstd.compress(bytes(body), 3))


def test_a_log_with_entries_of_a_newer_library_can_be_read_but_not_rewritten() -> None:
    objects = ObjectStore.memory()
    repo = new_repo(objects)
    strange = with_unknown_update(stored(objects))
    objects.put(keys.REPO, strange)
    assert branch_names(repo.read()) == ["main"]
    with pytest.raises(FormatError, match="upgrade the package to write to it") as raised:
        repo.update(lambda _: branch("b"))
    assert raised.value.kind == "unsupported-spec-version"
    assert bytes(objects.get(keys.REPO) or b"") == strange
    with pytest.raises(FormatError, match="unknown kind 99"):
        list(HistoryV2(make_context(objects)).ops_log())
