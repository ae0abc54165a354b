"""Connections that are slow, narrow or cut in the middle: the right bytes, or an error of ours, in bounded time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import zarr

import frazil
from tests.servers.place import Place
from tests.servers.places import place
from tests.servers.toxiproxy import Link, link_to

pytestmark = pytest.mark.server

SIDE = 300_000
"""Bytes of a chunk; they do not compress."""


@pytest.fixture(scope="module")
def where() -> Place:
    """A repository with an array of two chunks."""
    made = place("minio")
    repo = frazil.Repository.create(made.storage())
    with repo.transaction("main", message="start") as store:
        array = zarr.create_array(store, name="a", shape=(2 * SIDE,), chunks=(SIDE,), dtype="u1", compressors=None)
        array[:] = CONTENT
    return made


CONTENT = np.random.default_rng(7).integers(0, 256, 2 * SIDE, dtype="u1")


@pytest.fixture
def link(where: Place) -> Iterator[Link]:
    with link_to(where.arguments["endpoint_url"]) as made:
        yield made


def config(**timeouts: int) -> frazil.RepositoryConfig:
    settings = frazil.StorageSettings(
        retries=frazil.StorageRetriesSettings(max_tries=4, initial_backoff_ms=1, max_backoff_ms=2),
        timeouts=frazil.storage.StorageTimeoutSettings(**timeouts),
    )
    return frazil.RepositoryConfig(storage=settings)


def read(where: Place, link: Link, settings: frazil.RepositoryConfig) -> np.ndarray:
    repo = frazil.Repository.open(where.at(link.url).storage(), settings)
    return np.asarray(zarr.open_array(repo.readonly_session("main").store, path="a", mode="r")[:])


def write(where: Place, link: Link, settings: frazil.RepositoryConfig, branch: str) -> None:
    direct = frazil.Repository.open(where.storage())
    direct.create_branch(branch, direct.lookup_branch("main"))
    session = frazil.Repository.open(where.at(link.url).storage(), settings).writable_session(branch)
    zarr.open_array(session.store, path="a", mode="r+")[:SIDE] = CONTENT[SIDE:]
    session.commit("again")


def assert_whole(where: Place, branch: str, *, written: bool | None) -> None:
    """The branch has the new data, the old, or (None) either of them."""
    repo = frazil.Repository.open(where.storage())
    found = np.asarray(zarr.open_array(repo.readonly_session(branch).store, path="a", mode="r")[:])
    new = np.concatenate([CONTENT[SIDE:], CONTENT[SIDE:]])
    matching = [state for state, expected in ((True, new), (False, CONTENT)) if np.array_equal(found, expected)]
    assert matching == [written] if written is not None else len(matching) == 1


def test_latency_changes_nothing(where: Place, link: Link) -> None:
    link.worsen("latency", latency=30, jitter=20)
    np.testing.assert_array_equal(read(where, link, config()), CONTENT)
    write(where, link, config(), "late")
    assert_whole(where, "late", written=True)


def test_a_narrow_connection_changes_nothing(where: Place, link: Link) -> None:
    link.worsen("bandwidth", rate=600)
    link.worsen("bandwidth", rate=600, upstream=True)
    np.testing.assert_array_equal(read(where, link, config()), CONTENT)
    write(where, link, config(), "narrow")
    assert_whole(where, "narrow", written=True)


@pytest.mark.parametrize("upstream", [False, True], ids=["answers", "requests"])
@pytest.mark.parametrize("most", [10, 1_000, 100_000])
def test_connections_that_are_always_cut_end_in_an_error(where: Place, link: Link, most: int, upstream: bool) -> None:
    link.worsen("limit_data", bytes=most, upstream=upstream)
    branch = f"cut-{most}-{upstream}"
    try:
        write(where, link, config(), branch)
    except frazil.StorageError:
        assert_whole(where, branch, written=None)
    else:
        assert_whole(where, branch, written=True)
    try:
        found = read(where, link, config())
    except frazil.StorageError:
        return
    np.testing.assert_array_equal(found, CONTENT)


def test_a_connection_that_is_cut_and_healed_goes_on(where: Place, link: Link) -> None:
    link.worsen("limit_data", bytes=1_000)
    with pytest.raises(frazil.StorageError):
        read(where, link, config())
    link.heal()
    np.testing.assert_array_equal(read(where, link, config()), CONTENT)


def test_a_server_that_falls_silent_is_given_up(where: Place, link: Link) -> None:
    link.worsen("timeout", timeout=0)
    with pytest.raises(frazil.StorageError, match=r"tim(ed|e) ?out"):
        read(where, link, config(read_timeout_ms=200, operation_attempt_timeout_ms=500))
    with pytest.raises(frazil.StorageError, match="operation timeout of 400 ms"):
        read(where, link, config(operation_timeout_ms=400))


def test_a_closed_port_is_told(where: Place, link: Link) -> None:
    storage = where.at(link.url).storage()
    link.worsen("reset_peer", timeout=0)
    with pytest.raises(frazil.StorageError):
        frazil.Repository.open(storage, config())
