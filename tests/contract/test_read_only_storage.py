"""No request that changes anything leaves a storage that can only be read.

The server behind these storages would take every write, and records what arrives.  Every public method is on one of the
lists below, so that a new one fails here until somebody has said whether it writes.
"""

import asyncio
import pickle
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
import pytest
import zarr
from zarr.core.buffer import default_buffer_prototype

import frazil
from frazil import ForkSession, IcechunkStore, RepoAvailability, Repository, RepoStatus, Session, VirtualChunkSpec
from frazil.config.enums import SessionMode
from frazil.errors import ErrorKind, FormatError, IcechunkError, ReadOnlyError
from frazil.testing import LatencyStorage
from tests.contract.http_serving import Handler, Serving
from tests.contract.object_server import ObjectServer
from tests.contract.served_storage import s3_storage_at

_LATER = datetime.now(UTC) + timedelta(days=1)
_LARGE = b"x" * 100_000

# ---- the methods -----------------------------------------------------------------------------------------------------

Call = Callable[[Any], Any]

REPOSITORY_WRITES: dict[str, Call] = {
    "create": lambda repo: Repository.create(repo.storage, check_clean_root=False),
    "create_branch": lambda repo: repo.create_branch("new", repo.lookup_branch("main")),
    "create_tag": lambda repo: repo.create_tag("new", repo.lookup_branch("main")),
    "delete_branch": lambda repo: repo.delete_branch("other"),
    "delete_tag": lambda repo: repo.delete_tag("tag"),
    "expire_snapshots": lambda repo: repo.expire_snapshots(_LATER, delete_expired_branches=True),
    "garbage_collect": lambda repo: repo.garbage_collect(_LATER),
    "rearrange_session": lambda repo: repo.rearrange_session("main"),
    "reset_branch": lambda repo: repo.reset_branch("main", repo.lookup_branch("other")),
    "rewrite_manifests": lambda repo: repo.rewrite_manifests("again", branch="main"),
    "save_config": lambda repo: repo.save_config(),
    "set_feature_flag": lambda repo: repo.set_feature_flag("move_node", False),
    "set_metadata": lambda repo: repo.set_metadata({"a": 1}),
    "set_status": lambda repo: repo.set_status(RepoStatus(RepoAvailability.read_only)),
    "transaction": lambda repo: repo.transaction("main", message="m").__enter__(),
    "update_metadata": lambda repo: repo.update_metadata({"a": 1}),
    "writable_session": lambda repo: repo.writable_session("main"),
}
"""Each raises, and by its coroutine twin too."""

REPOSITORY_READS = {
    "ancestry",
    "ancestry_graph",
    "attribution",
    "authorized_virtual_container_prefixes",
    "chunk_storage_stats",
    "config",
    "default_commit_metadata",
    "diff",
    "disabled_feature_flags",
    "enabled_feature_flags",
    "exists",
    "feature_flags",
    "fetch_config",
    "fetch_spec_version",
    "get_metadata",
    "get_status",
    "inspect_manifest",
    "inspect_repo_info",
    "inspect_snapshot",
    "inspect_transaction_log",
    "list_branches",
    "list_manifest_files",
    "list_tags",
    "lookup_branch",
    "lookup_snapshot",
    "lookup_tag",
    "metadata",
    "open",
    "open_or_create",  # opens here; where nothing is it has a test of its own
    "ops_log",
    "readonly_session",
    "reopen",
    "set_default_commit_metadata",  # kept in the object only
    "spec_version",
    "status",
    "storage",
    "total_chunks_storage",
}

SESSION_WRITES: dict[str, Call] = {
    "amend": lambda session: session.amend("m"),
    "commit": lambda session: session.commit("m"),
    "flush": lambda session: session.flush("m"),
    "fork": lambda session: session.fork(),  # which stores the changes
}

SESSION_CHANGES: dict[str, Call] = {
    "merge": lambda session: session.merge(),
    "move": lambda session: session.move("/a", "/b"),
    "rebase": lambda session: session.rebase(frazil.BasicConflictSolver()),
    "reindex_array": lambda session: session.reindex_array("/a", lambda index: index),
    "shift_array": lambda session: session.shift_array("/a", (1,)),
    "discard_changes": lambda session: session.discard_changes(),
}
"""In memory, until a commit."""

SESSION_READS = {
    "all_virtual_chunk_locations",
    "branch",
    "chunk_coordinates",
    "chunk_type",
    "config",
    "get_node_id",
    "has_uncommitted_changes",
    "mode",
    "read_only",
    "snapshot_id",
    "status",
    "store",
}


def _buffer(data: bytes) -> Any:
    return default_buffer_prototype().buffer.from_bytes(data)


def _spec(store: IcechunkStore) -> VirtualChunkSpec:
    return VirtualChunkSpec([0], "https://example.org/x", 0, 1, None, None)


STORE_WRITES: dict[str, Call] = {
    "set": lambda store: store.set("a/c/1", _buffer(_LARGE)),
    "set_if_not_exists": lambda store: store.set_if_not_exists("a/c/2", _buffer(_LARGE)),
    "set_sync": lambda store: store.set_sync("a/c/1", _buffer(_LARGE)),
}
"""Chunks that are stored when they are written."""

STORE_CHANGES: dict[str, Call] = {
    "delete": lambda store: store.delete("a/c/0"),
    "delete_dir": lambda store: store.delete_dir("a/c"),
    "delete_sync": lambda store: store.delete_sync("a/c/0"),
    "set_partial_values": lambda store: store.set_partial_values([("a/c/0", 0, b"x")]),
    "set_virtual_ref": lambda store: store.set_virtual_ref("a/c/0", "https://example.org/x", offset=0, length=1),
    "set_virtual_refs": lambda store: store.set_virtual_refs("a", [_spec(store)]),
    "set_virtual_refs_arr": lambda store: store.set_virtual_refs_arr(
        "a", (1,), ["https://example.org/x"], np.array([0], "u8"), np.array([1], "u8")
    ),
    "clear": lambda store: store.clear(),
    "sync_clear": lambda store: store.sync_clear(),
}

STORE_READS = {
    "array_chunk_iterator",
    "close",
    "direct_tree",
    "exists",
    "get",
    "get_partial_values",
    "get_ranges",
    "get_ranges_sync",
    "get_sync",
    "getsize",
    "getsize_prefix",
    "is_empty",
    "list",
    "list_dir",
    "list_prefix",
    "open",
    "read_only",
    "session",
    "supports_consolidated_metadata",
    "supports_deletes",
    "supports_listing",
    "supports_partial_writes",
    "supports_writes",
    "with_read_only",
}

SINCE_ZARR_3_4 = {"get_ranges", "get_ranges_sync"}


def _base(name: str) -> str:
    """Of a method and its coroutine twin."""
    return name.removesuffix("_async").removeprefix("async_")


@pytest.mark.parametrize(
    ("cls", "listed"),
    [
        (Repository, {*REPOSITORY_WRITES, *REPOSITORY_READS}),
        (Session, {*SESSION_WRITES, *SESSION_CHANGES, *SESSION_READS}),
        (ForkSession, {*SESSION_WRITES, *SESSION_CHANGES, *SESSION_READS}),
        (IcechunkStore, {*STORE_WRITES, *STORE_CHANGES, *STORE_READS}),
    ],
)
def test_every_public_method_is_listed(cls, listed):
    found = {_base(name) for name in dir(cls) if not name.startswith("_")}
    assert found <= listed
    assert listed - found <= SINCE_ZARR_3_4


# ---- the storages ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[1, 2], ids=lambda version: f"spec{version}")
def server(request) -> Iterator[ObjectServer]:
    """A repository below `/bucket/p`, as S3 and as a web server that takes whatever it is sent."""
    with ObjectServer() as server:
        repo = Repository.create(s3_storage_at(server.url), spec_version=request.param)
        session = repo.writable_session("main")
        array = zarr.create_array(session.store, name="a", shape=(30_000,), chunks=(10_000,), dtype="i8")
        array[:10_000] = np.arange(10_000)
        first = session.commit("first")
        repo.create_branch("other", first)
        repo.create_tag("tag", first)
        session = repo.writable_session("main")
        zarr.open_array(session.store, path="a")[0] = 7
        session.commit("second")
        yield server


class _Redirecting(Handler):
    target = ""

    def do_GET(self) -> None:  # noqa: N802 - a name that the base class looks for
        self.send_response(302)
        self.send_header("Location", self.target)
        self.send_header("Content-Length", "0")
        self.end_headers()


@pytest.fixture(scope="module")
def redirecting(server) -> Iterator[str]:
    target = f"{server.url}/bucket/p".replace("http", "http+icechunk")
    with Serving(type("Here", (_Redirecting,), {"target": target})) as found:
        yield found.url


def _tigris(url: str) -> frazil.Storage:
    # Path style is what the small server knows; the public function has no argument for it.
    options = frazil.S3Options(region="us-east-1", endpoint_url=url, allow_http=True, force_path_style=True)
    key = frazil.s3_static_credentials(access_key_id="id", secret_access_key="secret")
    return frazil.Storage.new_tigris(options, "bucket", "p", True, key)


@pytest.fixture(params=["http", "redirect", "tigris", "late", "pickled"])
def storage(request, server, redirecting) -> frazil.Storage:
    web = frazil.http_storage(f"{server.url}/bucket/p")
    match request.param:
        case "http":
            return web
        case "redirect":
            return frazil.redirect_storage(redirecting)
        case "tigris":
            return _tigris(server.url)
        case "late":
            return LatencyStorage(web)
        case _:
            copy: frazil.Storage = pickle.loads(pickle.dumps(_tigris(server.url)))
            return copy


@pytest.fixture
def nothing_changes(server) -> Iterator[None]:
    """Hold the test to it: only reads arrive, and everything is as it was."""
    before = dict(server.objects)
    server.requests.clear()
    yield
    assert {request.method for request in server.requests} <= {"GET", "HEAD"}
    assert server.objects == before


# ---- what happens ----------------------------------------------------------------------------------------------------


def _refusal(call: Callable[[], Any]) -> IcechunkError:
    with pytest.raises(IcechunkError) as caught:
        result = call()
        if asyncio.iscoroutine(result):
            asyncio.run(result)
    return caught.value


@pytest.mark.usefixtures("nothing_changes")
@pytest.mark.parametrize("twin", ["", "_async"])
def test_no_method_of_a_repository_writes(storage, server, twin):
    repo = Repository.open(storage)
    assert storage.read_only
    for name, call in REPOSITORY_WRITES.items():
        if twin and not hasattr(Repository, name + twin):
            continue
        asked = len(server.requests)
        refusal = _refusal(partial(call, _Twins(repo, twin)))
        if repo.spec_version == 1 and isinstance(refusal, FormatError):
            continue
        assert isinstance(refusal, ReadOnlyError), name
        assert refusal.kind == ErrorKind.READ_ONLY_STORAGE, name
        looked_up = "lookup_branch" in call.__code__.co_names
        assert looked_up or len(server.requests) == asked, f"{name} asks before it refuses"


class _Twins:
    """A repository whose writing methods are their coroutine twins."""

    def __init__(self, repo: Repository, twin: str) -> None:
        self._repo, self._twin = repo, twin

    def __getattr__(self, name: str) -> Any:
        return getattr(self._repo, name + self._twin if name in REPOSITORY_WRITES else name)


@pytest.mark.usefixtures("nothing_changes")
def test_nothing_is_created_where_nothing_is(server):
    empty = frazil.http_storage(f"{server.url}/bucket/nothing")
    for name in ("create", "open_or_create", "create_async", "open_or_create_async"):
        assert _refusal(partial(getattr(Repository, name), empty)).kind == ErrorKind.READ_ONLY_STORAGE
    assert not Repository.exists(empty)


@pytest.mark.usefixtures("nothing_changes")
def test_no_migration_writes(storage):
    repo = Repository.open(storage)
    refusal = _refusal(lambda: frazil.upgrade_icechunk_repository(repo, dry_run=False))
    assert refusal.kind in (ErrorKind.READ_ONLY_STORAGE, ErrorKind.INVALID_REPOSITORY_MIGRATION)
    assert (refusal.kind == ErrorKind.READ_ONLY_STORAGE) == (repo.spec_version == 1)


def _opened(repo: Repository, mode: SessionMode = SessionMode.writable) -> Session:
    """The session that ``writable_session`` refuses to open, by the door behind it."""
    base = repo._snapshot_of(None, lambda: repo._history.branch_tip("main"))
    return repo._open(base, mode, "main")


@pytest.mark.usefixtures("nothing_changes")
def test_no_method_of_a_session_writes(storage):
    repo = Repository.open(storage)
    session = _opened(repo)
    for name, call in SESSION_CHANGES.items():
        if name != "move":  # which has a test of its own
            call(session)
    zarr.create_group(session.store, path="new")
    for name, call in SESSION_WRITES.items():
        refusal = _refusal(partial(call, session))
        if name == "amend" and repo.spec_version == 1:
            continue
        assert (name, refusal.kind) == (name, ErrorKind.READ_ONLY_STORAGE)
    for solver in (None, frazil.BasicConflictSolver()):
        refusal = _refusal(partial(session.commit, "m", allow_empty=True, rebase_with=solver))
        assert refusal.kind == ErrorKind.READ_ONLY_STORAGE


@pytest.mark.usefixtures("nothing_changes")
def test_no_move_is_published(storage):
    repo = Repository.open(storage)
    if repo.spec_version == 1:
        pytest.skip("spec 1 has no moves")
    session = _opened(repo, SessionMode.rearrange)
    session.move("/a", "/b")
    assert _refusal(lambda: session.commit("m")).kind == ErrorKind.READ_ONLY_STORAGE


@pytest.mark.usefixtures("nothing_changes")
def test_no_method_of_a_store_writes(storage):
    store = _opened(Repository.open(storage)).store
    for name, call in STORE_WRITES.items():
        assert (name, _refusal(partial(call, store)).kind) == (name, ErrorKind.READ_ONLY_STORAGE)
    with pytest.raises(ReadOnlyError):
        zarr.open_array(store, path="a")[:20_000] = 1
    for call in STORE_CHANGES.values():
        try:
            result = call(store)
            if asyncio.iscoroutine(result):
                asyncio.run(result)
        except (IcechunkError, RuntimeError):  # zarr has no partial writes, and says so with a RuntimeError of its own
            pass
