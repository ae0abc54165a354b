"""Creating and finding repositories."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from frazil._core import ObjectStore, PutMode, RepoInfo, Snapshot, TransactionLog, read_header
from frazil.config import RepositoryConfig
from frazil.errors import ConflictError, FormatError, InvalidInputError, RepositoryNotFoundError
from frazil.format import keys
from frazil.format.ids import INITIAL_SNAPSHOT_ID
from frazil.history.base import History
from frazil.history.start.creating import create
from frazil.history.start.opening import detect, detect_spec_version, find, history_of
from frazil.history.v1.history import HistoryV1
from frazil.history.v2 import HistoryV2
from tests.unit.history.contexts import Counting, StepClock, make_context

both_specs = pytest.mark.parametrize("spec_version", [1, 2])


def contents(objects: ObjectStore) -> dict[str, bytes]:
    found = {}
    for meta in objects.list():
        data = objects.get(meta.key)
        assert data is not None
        found[meta.key] = bytes(data)
    return found


# ---- creating -------------------------------------------------------------------------------------------------------


def test_the_first_objects_of_spec_2() -> None:
    objects = ObjectStore.memory()
    history = create(make_context(objects), None)
    files = contents(objects)
    assert files.keys() == {"repo", "snapshots/1CECHNKREP0F1RSTCMT0", "transactions/1CECHNKREP0F1RSTCMT0"}
    for data, file_type in zip(files.values(), [read_header(data)[2] for data in files.values()], strict=True):
        assert read_header(data) == ("frazil-test", 2, file_type, 1)
    info = RepoInfo.decode(files["repo"])
    assert info.branches() == [("main", INITIAL_SNAPSHOT_ID)]
    assert (info.tags(), info.deleted_tags(), info.metadata, info.config) == ([], [], [], None)
    assert (info.enabled_flags, info.disabled_flags, info.repo_before_updates) == (None, None, None)
    [(tag, fields, updated_at, backup)] = info.updates()
    assert (tag, fields, backup) == (1, (), None)
    assert info.status == (0, updated_at, None)
    snapshot = Snapshot.decode(files["snapshots/1CECHNKREP0F1RSTCMT0"], INITIAL_SNAPSHOT_ID)
    assert (snapshot.id, snapshot.message, snapshot.num_nodes) == (INITIAL_SNAPSHOT_ID, "Repository initialized", 0)
    assert snapshot.flushed_at == updated_at
    assert (
        TransactionLog.decode(files["transactions/1CECHNKREP0F1RSTCMT0"], INITIAL_SNAPSHOT_ID).id == INITIAL_SNAPSHOT_ID
    )
    assert history.entry(INITIAL_SNAPSHOT_ID).metadata == {"__icechunk": {"is_root": True}}


@both_specs
def test_a_configuration_is_saved_if_one_is_given(spec_version: int) -> None:
    config = RepositoryConfig(inline_chunk_threshold_bytes=7)
    objects = ObjectStore.memory()
    context = make_context(objects, spec_version=spec_version)
    history = create(context, config)
    assert history.load_config() == config
    assert find(objects, 0).config == config
    history.save_config(RepositoryConfig(inline_chunk_threshold_bytes=8))
    assert find(objects, 0).config == RepositoryConfig(inline_chunk_threshold_bytes=8)
    assert (keys.CONFIG in contents(objects)) == (spec_version == 1)


@both_specs
def test_only_a_clean_place_is_used(spec_version: int) -> None:
    objects = ObjectStore.memory()
    objects.put("some/thing", b"else")
    context = make_context(objects, spec_version=spec_version)
    with pytest.raises(InvalidInputError, match="repositories can only be created in clean prefixes") as raised:
        create(context, None)
    assert raised.value.kind == "parent-directory-not-clean"
    assert contents(objects).keys() == {"some/thing"}
    create(context, None, check_clean_root=False)
    assert detect_spec_version(objects, 0) == spec_version


CONFIG = RepositoryConfig(inline_chunk_threshold_bytes=7)


def interrupted(spec_version: int, config: RepositoryConfig | None, writes: int) -> ObjectStore:
    """A store in which a creation died after that many writes."""
    whole = ObjectStore.memory()
    create(make_context(whole, spec_version=spec_version), config)
    left = ObjectStore.memory()
    for key, data in list(in_order(whole, spec_version))[:writes]:
        left.put(key, data)
    return left


def in_order(objects: ObjectStore, spec_version: int) -> Iterator[tuple[str, bytes]]:
    last = {keys.REPO: 3, keys.branch_ref("main"): 3, keys.CONFIG: 2}
    yield from sorted(contents(objects).items(), key=lambda item: last.get(item[0], 1))


@pytest.mark.parametrize(
    ("spec_version", "config", "writes"),
    [(1, None, 1), (1, CONFIG, 1), (1, CONFIG, 2), (2, None, 1), (2, None, 2), (2, CONFIG, 2)],
)
def test_a_creation_that_was_interrupted_is_finished(spec_version: int, config, writes: int) -> None:
    objects = interrupted(spec_version, config, writes)
    left = contents(objects)
    history = create(make_context(objects, spec_version=spec_version), config)
    assert {key: contents(objects)[key] for key in left} == left
    assert [entry.id for entry in history.ancestry(INITIAL_SNAPSHOT_ID)] == [INITIAL_SNAPSHOT_ID]
    assert history.load_config() == config
    assert detect_spec_version(objects, 0) == spec_version


@both_specs
def test_a_creation_that_is_taken_over_conflicts(spec_version: int) -> None:
    """Who was thought dead finds that somebody else was quicker, and what it wrote is still what is there."""
    objects = ObjectStore.memory()
    racing = Counting(objects)

    def rival() -> None:
        if not any(meta.key in {keys.REPO, keys.branch_ref("main")} for meta in objects.list()):
            before = contents(objects)
            create(make_context(objects, spec_version=spec_version), None)
            assert {key: contents(objects)[key] for key in before} == before

    racing.before["sync"] = rival
    with pytest.raises(ConflictError) as raised:
        create(make_context(racing, spec_version=spec_version), None)
    assert raised.value.kind == "repo-info-updated"


@pytest.mark.parametrize(
    ("left_by", "config", "writes", "spec_version", "other"),
    [(1, None, 1, 2, None), (2, None, 2, 1, None), (1, CONFIG, 2, 2, CONFIG), (1, CONFIG, 2, 1, None)],
)
def test_another_creation_that_was_interrupted_is_told(left_by, config, writes, spec_version, other) -> None:
    objects = interrupted(left_by, config, writes)
    left = contents(objects)
    with pytest.raises(
        InvalidInputError, match=r"clean prefixes: .* interrupted .*`snapshots/1CECHNKREP0F1RSTCMT0`"
    ) as raised:
        create(make_context(objects, spec_version=spec_version), other)
    assert raised.value.kind == "parent-directory-not-clean"
    assert contents(objects) == left


@both_specs
def test_what_only_looks_like_an_interrupted_creation_is_told(spec_version: int) -> None:
    key = keys.snapshot(INITIAL_SNAPSHOT_ID)
    objects = ObjectStore.memory()
    objects.put(key, b"something else")
    with pytest.raises(InvalidInputError, match="interrupted"):
        create(make_context(objects, spec_version=spec_version), None)
    objects = interrupted(spec_version, None, 1)
    objects.put("snapshots/another", b"")
    with pytest.raises(InvalidInputError, match=r"`snapshots/another`.*check_clean_root=False"):
        create(make_context(objects, spec_version=spec_version), None)


@both_specs
@pytest.mark.parametrize("there", [1, 2])
def test_a_repository_that_is_there_is_left_alone(spec_version: int, there: int) -> None:
    objects = ObjectStore.memory()
    create(make_context(objects, spec_version=there), None)
    before = contents(objects)
    with pytest.raises(ConflictError) as raised:
        create(make_context(objects, spec_version=spec_version), None, check_clean_root=False)
    assert raised.value.kind == "repo-info-updated"
    assert contents(objects) == before


@both_specs
def test_of_two_who_create_at_once_one_wins(spec_version: int) -> None:
    objects = ObjectStore.memory()
    racing = Counting(objects)

    def rival() -> None:
        if not any(meta.key in {keys.REPO, keys.branch_ref("main")} for meta in objects.list()):
            create(make_context(objects, spec_version=spec_version), None, check_clean_root=False)

    racing.before["sync"] = rival
    with pytest.raises(ConflictError) as raised:
        create(make_context(racing, spec_version=spec_version), None)
    assert raised.value.kind == "repo-info-updated"
    assert detect_spec_version(objects, 0) == spec_version


# ---- finding --------------------------------------------------------------------------------------------------------


def test_nothing_there(tmp_path: Path) -> None:
    objects = ObjectStore.local(str(tmp_path / "nowhere"))
    assert detect(objects, 0) is None
    assert detect_spec_version(objects, 0) is None
    with pytest.raises(RepositoryNotFoundError, match="the repository doesn't exist") as raised:
        find(objects, 0)
    assert raised.value.message == "the repository doesn't exist"
    assert raised.value.kind == "repository-not-found"
    assert not (tmp_path / "nowhere").exists()


def test_the_protocol_is_found_out() -> None:
    for spec_version, cls in ((1, HistoryV1), (2, HistoryV2)):
        objects = ObjectStore.memory()
        create(make_context(objects, spec_version=spec_version), None)
        assert detect_spec_version(objects, 0) == spec_version
        found = find(objects, 0)
        assert (found.spec_version, found.config) == (spec_version, None)
        history: History = history_of(make_context(objects, spec_version=spec_version), found)
        assert isinstance(history, cls)
        assert history.spec_version == spec_version
        assert history.branch_tip("main") == INITIAL_SNAPSHOT_ID


def test_opening_spec_2_takes_one_request() -> None:
    objects = ObjectStore.memory()
    create(make_context(objects), None)
    counting = Counting(objects)
    find(cast("ObjectStore", counting), 0)
    assert counting.calls == ["get_versioned"]


def test_the_repo_object_decides_beside_refs_of_an_unfinished_migration() -> None:
    objects = ObjectStore.memory()
    create(make_context(objects, spec_version=1), None)
    other = ObjectStore.memory()
    create(make_context(other), None)
    objects.put(keys.REPO, other.get(keys.REPO) or b"")
    assert find(objects, 0).spec_version == 2


def test_an_incomplete_copy_is_recognised() -> None:
    objects = ObjectStore.memory()
    create(make_context(objects, clock=StepClock()), None)
    objects.delete_many([keys.REPO])
    with pytest.raises(
        RepositoryNotFoundError, match="the repository doesn't exist: there are snapshots, transactions"
    ):
        find(objects, 0)


def test_a_newer_version_asks_for_an_upgrade() -> None:
    objects = ObjectStore.memory()
    create(make_context(objects), None)
    data = bytearray(objects.get(keys.REPO) or b"")
    data[36] = 3
    objects.put(keys.REPO, bytes(data), PutMode.OVERWRITE)
    with pytest.raises(FormatError, match=r"(?i)upgrade") as raised:
        find(objects, 0)
    assert raised.value.kind == "unsupported-spec-version"
    data[36] = 1
    objects.put(keys.REPO, bytes(data), PutMode.OVERWRITE)
    with pytest.raises(FormatError) as older:
        find(objects, 0)
    assert older.value.kind == "unsupported-operation-for-version"


def test_a_damaged_repo_object_is_an_error() -> None:
    objects = ObjectStore.memory()
    objects.put(keys.REPO, b"damaged")
    with pytest.raises(FormatError) as raised:
        find(objects, 0)
    assert raised.value.kind == "invalid-file-format"
