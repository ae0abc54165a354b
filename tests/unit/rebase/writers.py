"""A repository with two writers: us, in a session, and somebody else, who commits at once."""

import numpy as np
import zarr

import frazil


def a_repository(spec_version):
    repo = frazil.Repository.create(frazil.in_memory_storage(), spec_version=spec_version)
    session = repo.writable_session("main")
    root = zarr.create_group(session.store)
    for name in ("a", "b", "g/x"):
        root.create_array(name, shape=(4,), chunks=(1,), dtype="i4", fill_value=-1)[:] = 0
    session.commit("four chunks in each of three arrays")
    return repo


def opened(repo, branch="main"):
    session = repo.writable_session(branch)
    return session, zarr.open_group(session.store, mode="r+")


def tip(repo, branch="main"):
    return zarr.open_group(repo.readonly_session(branch).store, mode="r")


def commit(repo, edit, message="theirs"):
    """Let somebody else commit an edit of the root group."""
    session, root = opened(repo)
    edit(root)
    return session.commit(message)


def set_chunk(name, index, value):
    def edit(root):
        root[name][index] = value

    return edit


def values(array):
    return np.asarray(array[:]).tolist()


def kinds(failure):
    return [(conflict.conflict_type, conflict.path) for conflict in failure.value.conflicts]
