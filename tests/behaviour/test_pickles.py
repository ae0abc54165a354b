"""What the public API gives out travels in pickles of every protocol, and in copies."""

from __future__ import annotations

import copy
import importlib
import inspect
import pickle
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import zarr

import frazil
from frazil import ManifestPreloadCondition as Preload
from frazil import ManifestSplitCondition as Split
from frazil import ManifestSplitDimCondition as SplitDim
from frazil import ObjectStoreConfig, Repository, UpdateType
from frazil.credentials import gcs_anonymous_credentials
from frazil.repository import ChunkStorageStats
from frazil.storage import StorageObjectInfo
from frazil.testing import LatencyStorage

TIME = datetime(2026, 1, 2, tzinfo=UTC)
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
MODULES = [
    "config",
    "conflicts",
    "credentials",
    "ops",
    "repository",
    "session",
    "snapshots",
    "storage",
    "store",
    "types",
    "virtual",
]
KEYS = {"access_key_id": "a", "secret_access_key": "b"}
NOT_GIVEN_OUT = {
    "AsyncCloseableIterator": "an iteration under way belongs to its process",
}


def static_keys() -> frazil.S3StaticCredentials:
    return frazil.S3StaticCredentials(**KEYS, expires_after=TIME)


def bearer() -> frazil.GcsBearerCredential:
    return frazil.GcsBearerCredential("token", expires_after=TIME)


def azure_token() -> Any:
    return frazil.AzureRefreshableCredential.BearerToken("token", expires_after=TIME)


VALUES: dict[str, Callable[[], object]] = {
    "memory": frazil.in_memory_storage,
    "s3": lambda: frazil.s3_storage(bucket="b", prefix="p", region="x", **KEYS),
    "s3 refreshable": lambda: frazil.s3_storage(bucket="b", prefix="p", region="x", get_credentials=static_keys),
    "tigris": lambda: frazil.tigris_storage(bucket="b", prefix="p", region="x", anonymous=True),
    "r2": lambda: frazil.r2_storage(bucket="b", prefix="p", account_id="x", anonymous=True),
    "gcs": lambda: frazil.gcs_storage(bucket="b", prefix="p", anonymous=True),
    "azure": lambda: frazil.azure_storage(account="a", container="c", prefix="p", access_key="YQ=="),
    "http": lambda: frazil.http_storage("http://localhost/x"),
    "redirect": lambda: frazil.redirect_storage("http://localhost/x"),
    "late": lambda: LatencyStorage(frazil.in_memory_storage(), write_latency_ms=3),
    "config": frazil.RepositoryConfig.default,
    "caching": frazil.CachingConfig,
    "compression": lambda: frazil.CompressionConfig(level=3),
    "location compression": frazil.ManifestVirtualChunkLocationCompressionConfig,
    "preload": lambda: frazil.ManifestPreloadConfig(preload_if=Preload.true() & Preload.name_matches("x")),
    "preload condition": lambda: Preload.false() | Preload.path_matches("x"),
    "split condition": lambda: Split.path_matches("x") | Split.name_matches("y"),
    "split name": lambda: SplitDim.DimensionName("x"),
    "splitting": lambda: frazil.ManifestSplittingConfig.from_dict({Split.AnyArray(): {SplitDim.Any(): 3}}),
    "split axis": lambda: SplitDim.Axis(1),
    "manifests": frazil.ManifestConfig,
    "settings": lambda: frazil.StorageSettings(concurrency=frazil.StorageConcurrencySettings(3)),
    "concurrency": lambda: frazil.StorageConcurrencySettings(3),
    "retries": frazil.StorageRetriesSettings,
    "timeouts": frazil.StorageTimeoutSettings,
    "update retries": lambda: importlib.import_module("frazil.config").RepoUpdateRetryConfig(),
    "attribution": frazil.Attribution,
    "container": lambda: frazil.VirtualChunkContainer("s3://x/", frazil.s3_store(region="a")),
    "s3 store": lambda: ObjectStoreConfig.S3(frazil.S3Options(region="a")),
    "s3 options": lambda: frazil.S3Options(region="a"),
    "gcs store": frazil.gcs_store,
    "local store": lambda: frazil.local_filesystem_store("/tmp"),
    "http store": frazil.http_store,
    "s3 keys": lambda: frazil.s3_credentials(**KEYS),
    "s3 static keys": static_keys,
    "s3 function": lambda: frazil.s3_credentials(get_credentials=static_keys),
    "gcs bearer": bearer,
    "gcs token": lambda: frazil.gcs_credentials(bearer_token="x"),
    "gcs function": lambda: frazil.gcs_credentials(get_credentials=bearer),
    "gcs anonymous": gcs_anonymous_credentials,
    "azure key": lambda: frazil.azure_credentials(access_key="YQ=="),
    "azure function": lambda: frazil.azure_refreshable_credentials(azure_token),
    "azure token": azure_token,
    "azure static": lambda: frazil.AzureStaticCredentials.BearerToken("token"),
    "gcs static": lambda: frazil.GcsStaticCredentials.BearerToken("token"),
    "mode": lambda: frazil.SessionMode.writable,
    "kind": lambda: frazil.ErrorKind.IO,
    "credentials": lambda: frazil.containers_credentials({"s3://x/": frazil.s3_credentials(anonymous=True)})["s3://x/"],
    "solver": frazil.BasicConflictSolver,
    "detector": frazil.ConflictDetector,
    "conflict": lambda: frazil.Conflict(frazil.ConflictType.ChunkDoubleUpdate, "/a", [[0]]),
    "versions": lambda: frazil.VersionSelection.UseOurs,
    "update": lambda: UpdateType.BranchReset("main", "ABC"),
    "flag": lambda: frazil.FeatureFlag(1, "x", default_enabled=True),
    "summary": frazil.GCSummary,
    "statistics": lambda: ChunkStorageStats(1, 2, 3),
    "object": lambda: StorageObjectInfo("key", 3, TIME),
    "file": lambda: frazil.ManifestFileInfo("ABC", 3, 4),
    "reference": lambda: frazil.VirtualChunkSpec([0], "s3://x/y", 0, 1, last_updated_at_checksum=TIME),
    "differences": lambda: frazil.Diff({"/g"}, updated_chunks={"/a": [[0]]}, moved_nodes=[("/a", "/b")]),
    "error": lambda: frazil.FormatError("broken", "invalid-file-format"),
    "conflict error": lambda: frazil.ConflictError("A", "B"),
    "rebase error": lambda: frazil.RebaseFailedError(
        "A", [frazil.Conflict(frazil.ConflictType.ChunkDoubleUpdate, "/a", [[0]])]
    ),
}


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    repo = Repository.create(frazil.local_filesystem_storage(tmp_path_factory.mktemp("repo")))
    with repo.transaction("main", message="start") as store:
        zarr.create_array(store, name="a", shape=(4,), chunks=(2,), dtype="u1")[:] = 9
    return repo


def changed_fork(repo: Repository) -> frazil.ForkSession:
    fork = repo.writable_session("main").fork()
    zarr.open_array(fork.store, path="a")[0] = 7
    return fork


def moved(repo: Repository) -> frazil.Diff:
    session = repo.rearrange_session("main")
    session.move("/a", "/b")
    return session.status()


MADE: dict[str, Callable[[Repository], object]] = {
    "repository": lambda repo: repo,
    "read-only session": lambda repo: repo.readonly_session("main"),
    "store": lambda repo: repo.readonly_session("main").store,
    "fork": lambda repo: repo.writable_session("main").fork(),
    "changed fork": changed_fork,
    "store of a fork": lambda repo: changed_fork(repo).store,
    "storage": lambda repo: frazil.local_filesystem_storage("/tmp/nowhere"),
    "snapshot": lambda repo: next(iter(repo.ancestry(branch="main"))),
    "graph": lambda repo: repo.ancestry_graph(),
    "log entry": lambda repo: next(iter(repo.ops_log())),
    "status": lambda repo: repo.status,
    "moves": moved,
    "configuration": lambda repo: repo.config,
    "error of a read": lambda repo: raised(lambda: repo.lookup_branch("nope")),
}


def raised(call: Callable[[], object]) -> BaseException:
    try:
        call()
    except frazil.IcechunkError as error:
        return error
    raise AssertionError("no error")


def state(thing: Any) -> object:
    """What must be the same on the other side."""
    if isinstance(thing, frazil.IcechunkError):
        return (type(thing), str(thing), thing.kind, thing.args, vars(thing))
    if isinstance(thing, frazil.IcechunkStore):
        return (str(thing), int(zarr.open_array(thing, path="a", mode="r")[0]))
    if isinstance(thing, frazil.Session):
        return (str(thing), state(thing.store))
    if isinstance(thing, Repository):
        return (str(thing), thing.lookup_branch("main"))
    return repr(thing)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("what", [*VALUES, *MADE])
def test_it_travels(repo: Repository, what: str, protocol: int) -> None:
    thing = VALUES[what]() if what in VALUES else MADE[what](repo)
    back = pickle.loads(pickle.dumps(thing, protocol))
    assert type(back) is type(thing)
    assert state(back) == state(thing)


@pytest.mark.parametrize("what", [*VALUES, *MADE])
def test_it_copies(repo: Repository, what: str) -> None:
    thing = VALUES[what]() if what in VALUES else MADE[what](repo)
    assert state(copy.copy(thing)) == state(copy.deepcopy(thing)) == state(thing)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_writable_session_says_how_to_travel(repo: Repository, protocol: int) -> None:
    session = repo.writable_session("main")
    for thing in (session, session.store):
        with pytest.raises(ValueError, match="fork"):
            pickle.dumps(thing, protocol)


def exported() -> Iterator[tuple[str, Any]]:
    for name in frazil.__all__:
        yield f"frazil.{name}", getattr(frazil, name)
    for module in MODULES:
        held = importlib.import_module(f"frazil.{module}")
        for name in getattr(held, "__all__", ()):
            yield f"frazil.{module}.{name}", getattr(held, name)


@pytest.mark.parametrize(
    "dotted", [name for name, thing in exported() if inspect.isroutine(thing) or inspect.isclass(thing)]
)
def test_names_are_found_again(dotted: str) -> None:
    thing = dict(exported())[dotted]
    for protocol in PROTOCOLS:
        assert pickle.loads(pickle.dumps(thing, protocol)) is thing


def test_every_class_is_tried(repo: Repository) -> None:
    tried = {cls for make in VALUES.values() for cls in type(make()).__mro__}
    tried |= {cls for make in MADE.values() for cls in type(make(repo)).__mro__}
    missing = []
    for dotted, thing in exported():
        if inspect.isclass(thing) and thing not in tried and not issubclass(thing, BaseException):
            variants = [getattr(thing, name) for name in vars(thing) if not name.startswith("_")]
            is_family = any(inspect.isclass(variant) and variant in tried for variant in variants)
            is_enum = issubclass(thing, importlib.import_module("enum").Enum)
            if not (is_family or is_enum or dotted.rpartition(".")[2] in NOT_GIVEN_OUT):
                missing.append(dotted)
    assert missing == []
