"""Where a number is meant, only integers are taken: nothing is rounded, and nothing is read out of a text."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import pytest
import zarr

import frazil
from frazil import IcechunkError, Repository
from frazil import ManifestSplitCondition as Split
from frazil import ManifestSplitDimCondition as SplitDim
from frazil.config import RepoUpdateRetryConfig
from frazil.testing import LatencyStorage

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
ONE = np.array([1], dtype="u8")


class Index:
    def __index__(self) -> int:
        return 1


WRONG = [1.9, 1.0, "1", b"1", np.float64(1), np.bool_(True), Decimal(1), Fraction(1), np.array([1]), [1], 1j]
RIGHT = [1, True, np.int64(1), np.uint8(1), np.array(1), Index()]


@pytest.fixture(scope="module")
def repo() -> Repository:
    repo = Repository.create(frazil.in_memory_storage())
    with repo.transaction("main", message="start") as store:
        zarr.create_array(store, name="a", shape=(8,), chunks=(2,), dtype="u1", compressors=None)[:] = range(8)
    return repo


Call = Callable[[frazil.Session, Any], object]


def _set_one(session: frazil.Session, **part: Any) -> None:
    where: dict[str, Any] = {"offset": 0, "length": 1, **part}
    session.store.set_virtual_ref("a/c/0", "s3://b/x", validate_container=False, **where)


def _set_many(session: frazil.Session, spec: frazil.VirtualChunkSpec) -> None:
    session.store.set_virtual_refs("a", [spec], validate_containers=False)


def _set_block(session: frazil.Session, shape: Any = 1, first: Any = 0) -> None:
    session.store.set_virtual_refs_arr(
        "a", (shape,), ["s3://b/x"], ONE - 1, ONE, arr_offset=(first,), validate_containers=False
    )


IN_A_SESSION: dict[str, Call] = {
    "shift": lambda session, n: session.shift_array("/a", (n,)),
    "reindex": lambda session, n: session.reindex_array("/a", lambda _: (n,)),
    "reindex, back": lambda session, n: session.reindex_array("/a", lambda _: None, lambda _: (n,)),
    "chunk type": lambda session, n: session.chunk_type("/a", (n,)),
    "chunk iterator": lambda session, n: session.store.array_chunk_iterator("a", n),
    "tries": lambda session, n: session.commit(
        "x", allow_empty=True, rebase_with=frazil.ConflictDetector(), rebase_tries=n
    ),
    "offset": lambda session, n: _set_one(session, offset=n),
    "length": lambda session, n: _set_one(session, length=n),
    "index of a reference": lambda session, n: _set_many(session, frazil.VirtualChunkSpec([n], "s3://b/x", 0, 1)),
    "offset of a reference": lambda session, n: _set_many(session, frazil.VirtualChunkSpec([0], "s3://b/x", n, 1)),
    "length of a reference": lambda session, n: _set_many(session, frazil.VirtualChunkSpec([0], "s3://b/x", 0, n)),
    "shape of a block": lambda session, n: _set_block(session, shape=n),
    "start of a block": lambda session, n: _set_block(session, first=n),
}
LIMITS = [
    "max_snapshots_in_memory",
    "max_compressed_manifest_mem_bytes",
    "max_decoded_manifest_mem_bytes",
    "max_concurrent_manifest_fetches",
]
DELETION_LIMITS = ["max_concurrent_deletes", "max_consecutive_delete_failures", "max_concurrent_listings"]


def _collect(name: str, repo: Repository, n: Any) -> object:
    return repo.garbage_collect(LONG_AGO, **{name: n})


def _statistics(name: str, repo: Repository, n: Any) -> object:
    return repo.chunk_storage_stats(**{name: n})


OF_A_REPOSITORY: dict[str, Callable[[Repository, Any], object]] = {
    **{f"collect: {name}": partial(_collect, name) for name in (*LIMITS, *DELETION_LIMITS)},
    **{f"statistics: {name}": partial(_statistics, name) for name in LIMITS},
}


def _upgrade(n: Any) -> None:
    old = Repository.create(frazil.in_memory_storage(), spec_version=1)
    frazil.upgrade_icechunk_repository(old, dry_run=True, prefetch_concurrency=n)


SETTINGS: dict[str, Callable[[Any], object]] = {
    "caching": lambda n: frazil.CachingConfig(num_chunk_refs=n),
    "compression": lambda n: frazil.CompressionConfig(level=n),
    "inline": lambda n: frazil.RepositoryConfig(inline_chunk_threshold_bytes=n),
    "inline, assigned": lambda n: setattr(frazil.RepositoryConfig(), "inline_chunk_threshold_bytes", n),
    "partial values": lambda n: frazil.RepositoryConfig(get_partial_values_concurrency=n),
    "updates in a file": lambda n: frazil.RepositoryConfig(num_updates_per_repo_info_file=n),
    "requests": lambda n: frazil.RepositoryConfig(max_concurrent_requests=n),
    "concurrency": lambda n: frazil.StorageConcurrencySettings(n),
    "retries": lambda n: RepoUpdateRetryConfig(default=frazil.StorageRetriesSettings(max_tries=n)),
    "timeouts": lambda n: frazil.StorageTimeoutSettings(connect_timeout_ms=n),
    "multipart": lambda n: frazil.StorageSettings(minimum_size_for_multipart_upload=n),
    "preload": lambda n: frazil.ManifestPreloadConfig(max_total_refs=n),
    "preload condition": lambda n: frazil.ManifestPreloadCondition.num_refs(n, None),
    "manifests": lambda n: frazil.ManifestConfig(max_concurrent_manifest_fetches_during_commit=n),
    "locations": lambda n: frazil.ManifestVirtualChunkLocationCompressionConfig(n),
    "split": lambda n: frazil.ManifestSplittingConfig.from_dict({Split.AnyArray(): {SplitDim.Any(): n}}),
    "split axis": lambda n: SplitDim.Axis(n),
    "s3": lambda n: frazil.S3Options(network_stream_timeout_seconds=n),
    "latency": lambda n: LatencyStorage(frazil.in_memory_storage(), write_latency_ms=n),
    "conflict": lambda n: frazil.Conflict(frazil.ConflictType.ChunkDoubleUpdate, "/a", [[n]]),
    "upgrade": _upgrade,
}


@pytest.mark.parametrize("number", WRONG, ids=repr)
@pytest.mark.parametrize("where", [*IN_A_SESSION, *OF_A_REPOSITORY, *SETTINGS])
def test_what_is_no_integer_is_refused(repo: Repository, where: str, number: Any) -> None:
    session = repo.writable_session("main")
    with pytest.raises(TypeError):
        if where in IN_A_SESSION:
            IN_A_SESSION[where](session, number)
        elif where in OF_A_REPOSITORY:
            OF_A_REPOSITORY[where](repo, number)
        else:
            SETTINGS[where](number)
    assert not session.has_uncommitted_changes


@pytest.mark.parametrize("number", RIGHT, ids=lambda number: type(number).__name__)
@pytest.mark.parametrize("where", [*IN_A_SESSION, *OF_A_REPOSITORY, *SETTINGS])
def test_what_is_an_integer_is_taken(repo: Repository, where: str, number: Any) -> None:
    if where in IN_A_SESSION:
        IN_A_SESSION[where](repo.writable_session("main"), number)
    elif where in OF_A_REPOSITORY:
        OF_A_REPOSITORY[where](repo, number)
    else:
        SETTINGS[where](number)


@pytest.mark.parametrize("number", [1.9, "1", 0, -1])
async def test_the_batches_of_coordinates(repo: Repository, number: Any) -> None:
    with pytest.raises((TypeError, ValueError, OverflowError)):
        _ = [coords async for coords in repo.readonly_session("main").chunk_coordinates("/a", number)]


def test_a_reindexing_function_that_gives_no_index(repo: Repository) -> None:
    """The official package raises ``IcechunkError``, whatever went wrong in the function."""
    session = repo.writable_session("main")
    with pytest.raises(IcechunkError, match="made of integers") as raised:
        session.reindex_array("/a", lambda index: [0.7 * index[0]])  # type: ignore[list-item, misc]
    assert isinstance(raised.value, TypeError)
    with pytest.raises(IcechunkError, match="invalid chunk index") as outside:
        session.reindex_array("/a", lambda _: [-1])
    assert outside.value.kind == "invalid-chunk-index"
    with pytest.raises(TypeError, match="functions"):
        session.reindex_array("/a", 3)  # type: ignore[arg-type]
    assert not session.has_uncommitted_changes


@pytest.mark.parametrize("wrong", [1, 0, "no", None, 1.0])
@pytest.mark.parametrize(
    "call",
    [
        lambda repo, yes: repo.garbage_collect(LONG_AGO, dry_run=yes),
        lambda repo, yes: repo.expire_snapshots(LONG_AGO, delete_expired_branches=yes),
        lambda repo, yes: repo.expire_snapshots(LONG_AGO, delete_expired_tags=yes),
        lambda repo, yes: repo.writable_session("main").commit("x", allow_empty=yes),
        lambda repo, yes: repo.writable_session("main").amend("x", allow_empty=yes),
        lambda repo, yes: repo.set_feature_flag("move_node", "x" if yes is None else yes),
        lambda _, yes: frazil.upgrade_icechunk_repository(
            Repository.create(frazil.in_memory_storage(), spec_version=1), dry_run=yes
        ),
    ],
)
def test_what_decides_on_deletion_is_a_boolean(repo: Repository, call: Callable[..., object], wrong: Any) -> None:
    with pytest.raises(TypeError, match="must be a bool"):
        call(repo, wrong)


def test_numpy_s_booleans_are_booleans(repo: Repository) -> None:
    repo.garbage_collect(LONG_AGO, dry_run=np.bool_(True))  # type: ignore[arg-type]
    assert frazil.S3Options(allow_http=np.bool_(True)).allow_http is True  # type: ignore[arg-type]


@pytest.mark.parametrize(("offset", "expected"), [(2**63, OverflowError), (-(2**63) - 1, OverflowError)])
def test_an_offset_out_of_range(repo: Repository, offset: int, expected: type[Exception]) -> None:
    with pytest.raises(expected):
        repo.writable_session("main").shift_array("/a", (offset,))
