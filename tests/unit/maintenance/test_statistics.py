"""Bytes of chunks, each counted once."""

import numpy as np
import pytest
import zarr

import frazil


@pytest.fixture(params=[1, 2])
def repo(request):
    config = frazil.RepositoryConfig(inline_chunk_threshold_bytes=50)
    return frazil.Repository.create(frazil.in_memory_storage(), config=config, spec_version=request.param)


def commit(repo, edit, branch="main"):
    session = repo.writable_session(branch)
    edit(session)
    return session.commit("edit")


def create(name, **options):
    def edit(session):
        zarr.create_array(session.store, name=name, shape=(100,), chunks=(10,), dtype="i8", compressors=None, **options)

    return edit


def write(name, part, value):
    def edit(session):
        zarr.open_array(session.store, path=name)[part] = value

    return edit


def stats(repo, **limits):
    found = repo.chunk_storage_stats(**limits)
    return (found.native_bytes, found.virtual_bytes, found.inlined_bytes)


def test_an_empty_repository_holds_nothing(repo):
    assert stats(repo) == (0, 0, 0)


def test_a_chunk_counts_once_for_all_snapshots_that_have_it(repo):
    commit(repo, create("a"))
    commit(repo, write("a", slice(0, 30), 1))
    assert stats(repo) == (3 * 80, 0, 0)
    commit(repo, write("a", slice(0, 10), 2))
    assert stats(repo) == (4 * 80, 0, 0)
    repo.create_tag("tag", repo.lookup_branch("main"))
    assert stats(repo) == (4 * 80, 0, 0)


def test_inline_chunks_count_once_for_each_manifest(repo):
    commit(
        repo,
        lambda session: zarr.create_array(
            session.store, name="i", shape=(4,), chunks=(1,), dtype="i1", compressors=None
        ),
    )
    commit(repo, write("i", slice(0, 2), 1))
    assert stats(repo) == (0, 0, 2)
    commit(repo, write("i", 2, 1))  # the new manifest repeats the two others
    assert stats(repo) == (0, 0, 5)


def test_small_limits_change_nothing(repo):
    commit(repo, create("a"))
    for number in range(5):
        commit(repo, write("a", slice(10 * number, 10 * number + 10), number))
    few = {
        "max_snapshots_in_memory": 1,
        "max_compressed_manifest_mem_bytes": 1,
        "max_decoded_manifest_mem_bytes": 1,
        "max_concurrent_manifest_fetches": 1,
    }
    assert stats(repo, **few) == stats(repo)


def test_snapshots_that_no_ref_leads_to_do_not_count(repo):
    commit(repo, create("a"))
    session = repo.writable_session("main")
    write("a", slice(0, 10), 1)(session)
    detached = session.flush("detached")
    assert stats(repo) == (0, 0, 0)
    repo.create_tag("now", detached)
    assert stats(repo) == (80, 0, 0)


def test_a_virtual_range_counts_once(tmp_path):
    (tmp_path / "data").write_bytes(np.arange(100, dtype="i8").tobytes())
    prefix = f"file://{tmp_path}/"
    config = frazil.RepositoryConfig(inline_chunk_threshold_bytes=50)
    config.set_virtual_chunk_container(
        frazil.VirtualChunkContainer(prefix, frazil.local_filesystem_store(str(tmp_path)))
    )
    repo = frazil.Repository.create(
        frazil.in_memory_storage(),
        config=config,
        authorize_virtual_chunk_access={prefix: frazil.credentials.LocalFileSystemAccess},
    )

    def refer(session):
        create("v")(session)
        for chunk, offset in enumerate([0, 80, 0, 160]):
            session.store.set_virtual_ref(f"v/c/{chunk}", f"{prefix}data", offset=offset, length=80)

    commit(repo, refer)
    commit(repo, write("v", slice(90, 100), 1))

    assert stats(repo) == (80, 3 * 80, 0)
    found = repo.chunk_storage_stats()
    assert (found.non_virtual_bytes(), found.total_bytes()) == (80, 320)


def test_the_old_name_counts_native_bytes_and_warns(repo):
    commit(repo, create("a"))
    commit(repo, write("a", slice(0, 20), 1))
    with pytest.warns(DeprecationWarning, match="total_chunks_storage"):
        assert repo.total_chunks_storage() == 160
