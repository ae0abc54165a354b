"""Large arrays without a splitting configuration: their own thresholds, appends, and files that arrays share."""

import numpy as np
import pytest

import frazil
from frazil._core import ChunkRef
from frazil.format.node_path import NodePath
from tests.property.layouts import array_document, num_manifests, refs_of


@pytest.fixture
def repo():
    return frazil.Repository.create(frazil.in_memory_storage())


def create(session, path, shape):
    session._session.tree.set_metadata(NodePath(path), array_document(shape))


def add(session, path, shape, offset=None, location="s3://bucket/file"):
    count = int(np.prod(shape))
    session.store.set_virtual_refs_arr(
        path,
        shape,
        [location] * count,
        np.arange(count, dtype="u8"),
        np.full(count, 8, "u8"),
        validate_containers=False,
        arr_offset=offset,
    )


def files(repo, snapshot):
    return sorted(file.num_chunk_refs for file in repo.list_manifest_files(snapshot))


def test_a_large_array_is_cut_between_rows(repo):
    session = repo.writable_session("main")
    create(session, "/a", (300, 400))
    add(session, "a", (300, 400))
    made = session.commit("120,000 references")
    found = files(repo, made)
    assert sum(found) == 120_000
    assert 3 <= len(found) <= 4
    assert all(count % 400 == 0 for count in found)
    assert len(refs_of(repo, made, "/a")) == 120_000


def test_a_smaller_one_has_one_manifest(repo):
    session = repo.writable_session("main")
    create(session, "/a", (24_000,))
    add(session, "a", (24_000,))
    assert files(repo, session.commit("24,000 references")) == [24_000]


def test_nothing_is_saved_in_the_configuration(repo):
    session = repo.writable_session("main")
    create(session, "/a", (60_000,))
    add(session, "a", (60_000,))
    session.commit("60,000 references")
    assert frazil.Repository.fetch_config(repo.storage) is None


def test_an_append_leaves_the_manifests_that_are_there(repo):
    session = repo.writable_session("main")
    create(session, "/a", (40_000,))
    add(session, "a", (30_000,))
    before = session.commit("30,000 references")
    session = repo.writable_session("main")
    add(session, "a", (10,), offset=(30_000,))
    after = session.commit("ten more")
    assert files(repo, after) == [10, 30_000]
    assert {f.id for f in repo.list_manifest_files(before)} < {f.id for f in repo.list_manifest_files(after)}


def test_small_manifests_are_merged_before_they_are_many(repo):
    session = repo.writable_session("main")
    create(session, "/a", (40_000,))
    add(session, "a", (30_000,))
    made = session.commit("30,000 references")
    most = 0
    for at in range(60):
        session = repo.writable_session("main")
        add(session, "a", (1,), offset=(30_000 + at,))
        made = session.commit("one more")
        most = max(most, num_manifests(repo, made, "/a"))
    assert most <= 17
    assert len(refs_of(repo, made, "/a")) == 30_060


def test_a_change_rewrites_only_the_manifest_it_falls_into(repo):
    session = repo.writable_session("main")
    create(session, "/a", (400, 400))
    add(session, "a", (400, 400))
    before = {f.id for f in repo.list_manifest_files(session.commit("160,000 references"))}
    session = repo.writable_session("main")
    add(session, "a", (1, 1), offset=(200, 7), location="s3://bucket/other")
    made = session.commit("one other")
    assert len({f.id for f in repo.list_manifest_files(made)} - before) == 1
    assert refs_of(repo, made, "/a")[200, 7] == ChunkRef.virtual("s3://bucket/other", 0, 8)


def test_appends_to_many_arrays_share_a_file(repo):
    names = [f"v{number:02}" for number in range(20)]
    session = repo.writable_session("main")
    for name in names:
        create(session, f"/{name}", (5_000,))
        add(session, name, (2_000,))
    before = session.commit("20 arrays")
    assert files(repo, before) == [2_000] * 20
    session = repo.writable_session("main")
    for name in names:
        add(session, name, (1,), offset=(2_000,))
    after = session.commit("one more each")
    assert files(repo, after) == [20, *[2_000] * 20]
    for name in names:
        assert len(refs_of(repo, after, f"/{name}")) == 2_001


def test_an_explicit_configuration_decides_alone():
    config = frazil.RepositoryConfig(
        manifest=frazil.ManifestConfig(
            splitting=frazil.ManifestSplittingConfig.from_dict(
                {frazil.ManifestSplitCondition.AnyArray(): {frazil.ManifestSplitDimCondition.Any(): 2**32 - 1}}
            )
        )
    )
    repo = frazil.Repository.create(frazil.in_memory_storage(), config=config)
    session = repo.writable_session("main")
    create(session, "/a", (60_000,))
    add(session, "a", (60_000,))
    assert files(repo, session.commit("60,000 references")) == [60_000]
