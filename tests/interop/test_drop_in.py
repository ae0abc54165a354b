"""One call, both packages: read-only stores, integers, pickles, names of modules, and places of repositories.

Each row has what happens here and what happens in 2.x of the official package.  An error stands for all of its classes:
what is both, such as a ``ReadOnlyError`` that is a ``ValueError``, is listed by the class that a script would catch.
"""

from __future__ import annotations

import asyncio
import importlib
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import zarr
from zarr.core.buffer import default_buffer_prototype

pytestmark = pytest.mark.interop

CHUNK = default_buffer_prototype().buffer.from_bytes(b"\x01\x02")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
ANY = object()


class World:
    """A package, and a repository of it with one array."""

    def __init__(self, package: ModuleType) -> None:
        self.package = package
        self.repo = package.Repository.create(package.in_memory_storage())
        with self.repo.transaction("main", message="start") as store:
            zarr.create_array(store, name="a", shape=(8,), chunks=(2,), dtype="u1", compressors=None)[:] = 1
        self.session = self.repo.writable_session("main")
        self.store = self.session.store
        self.read_only = self.repo.readonly_session("main").store


Row = tuple[Callable[[World], Any], Any, Any]
Error = "IcechunkError"


def run(of: Any) -> Any:
    return asyncio.run(of) if asyncio.iscoroutine(of) else of


def _branch_of_pickled(protocol: int, world: World) -> Any:
    return pickle.loads(pickle.dumps(world.read_only.session, protocol)).branch


def _type_of(name: str, world: World) -> type:
    return type(getattr(world.package, name))


ROWS: dict[str, Row] = {
    # Writing to the store of a read-only session: what official scripts catch is raised here too.
    "set": (lambda w: w.read_only.set("a/c/0", CHUNK), Error, Error),
    "set_if_not_exists": (lambda w: w.read_only.set_if_not_exists("b/zarr.json", CHUNK), Error, Error),
    "set_partial_values": (lambda w: w.read_only.set_partial_values([("a/c/0", 0, b"1")]), Error, Error),
    "delete": (lambda w: w.read_only.delete("a/c/0"), Error, Error),
    "delete_dir": (lambda w: w.read_only.delete_dir("a"), Error, Error),
    "clear": (lambda w: w.read_only.clear(), Error, Error),
    "sync_clear": (lambda w: w.read_only.sync_clear(), Error, Error),
    "set_virtual_ref": (lambda w: w.read_only.set_virtual_ref("a/c/0", "s3://b/x", offset=0, length=1), Error, Error),
    "assignment": (lambda w: zarr.open_array(w.read_only, path="a").__setitem__(0, 1), Error, Error),
    "attributes": (lambda w: zarr.open_array(w.read_only, path="a").attrs.update(a=1), Error, Error),
    "new array": (lambda w: zarr.create_array(w.read_only, name="b", shape=(1,), dtype="u1"), ValueError, ValueError),
    # A store that only was opened read-only: zarr's own stores refuse, and so does this one.
    "opened read-only": (lambda w: w.store.with_read_only(True).sync_clear(), ValueError, None),
    # Integers.
    "shift by 1.9": (lambda w: w.session.shift_array("/a", (1.9,)), TypeError, TypeError),
    "shift by text": (lambda w: w.session.shift_array("/a", ("1",)), TypeError, TypeError),
    "shift by NumPy's": (lambda w: w.session.shift_array("/a", np.array([1])), None, None),
    "shift by a boolean": (lambda w: w.session.shift_array("/a", (True,)), None, None),
    "shift too far": (lambda w: w.session.shift_array("/a", (2**70,)), OverflowError, OverflowError),
    "reindex to 0.7": (lambda w: w.session.reindex_array("/a", lambda _: (0.7,)), Error, Error),
    "reindex to -1": (lambda w: w.session.reindex_array("/a", lambda _: (-1,)), Error, Error),
    "chunk type of 1.5": (lambda w: w.session.chunk_type("/a", (1.5,)), TypeError, TypeError),
    "chunk type of -1": (lambda w: w.session.chunk_type("/a", (-1,)), OverflowError, OverflowError),
    "batches of 1.0": (lambda w: w.store.array_chunk_iterator("a", 1.0), TypeError, TypeError),
    "rebase_tries": (
        lambda w: w.session.commit("x", allow_empty=True, rebase_with=w.package.ConflictDetector(), rebase_tries=1.5),
        TypeError,
        TypeError,
    ),
    "no rebase_tries": (
        lambda w: len(
            w.session.commit("x", allow_empty=True, rebase_with=w.package.ConflictDetector(), rebase_tries=None)
        ),
        20,
        20,
    ),
    "limit of collection": (
        lambda w: w.repo.garbage_collect(LONG_AGO, max_concurrent_deletes=1.5),
        TypeError,
        TypeError,
    ),
    "negative limit": (
        lambda w: w.repo.garbage_collect(LONG_AGO, max_concurrent_deletes=-1),
        OverflowError,
        OverflowError,
    ),
    "no boolean": (lambda w: w.repo.garbage_collect(LONG_AGO, dry_run=0), TypeError, TypeError),
    "NumPy's boolean": (lambda w: w.repo.garbage_collect(LONG_AGO, dry_run=np.bool_(True)).chunks_deleted, 0, 0),
    # Pickles.
    **{
        f"session, protocol {protocol}": (
            partial(_branch_of_pickled, protocol),
            None,
            None,
        )
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    },
    "writable session": (lambda w: pickle.dumps(w.session), ValueError, ValueError),
    "error": (lambda w: str(pickle.loads(pickle.dumps(w.package.IcechunkError("x")))), "x", "x"),
    "settings": (lambda w: pickle.loads(pickle.dumps(w.package.StorageSettings())).storage_class, None, TypeError),
    # Names.
    **{
        name: (partial(_type_of, name), ModuleType, ModuleType)
        for name in [
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
    },
    # Not imported by the official package itself; `import frazil as icechunk` leaves no way to import them.
    "distributed": (lambda w: type(w.package.distributed), ModuleType, ANY),
    "testing": (lambda w: type(w.package.testing), ModuleType, ANY),
    "nothing": (lambda w: w.package.nothing, AttributeError, AttributeError),
    # Places.
    "open a number": (lambda w: w.package.Repository.open(3), TypeError, TypeError),
    "open a path": (lambda w: w.package.Repository.open("/nowhere/at/all"), Error, TypeError),
    "open s3": (lambda w: w.package.Repository.open("s3://b/p"), ValueError, TypeError),
    "configuration of another type": (
        lambda w: w.package.Repository.create(w.package.in_memory_storage(), {}),
        TypeError,
        TypeError,
    ),
}


def check(package: ModuleType, call: Callable[[World], Any], expected: Any) -> None:
    world = World(package)
    if expected is Error or (isinstance(expected, type) and issubclass(expected, Exception)):
        with pytest.raises(package.IcechunkError if expected is Error else expected):
            run(call(world))
    elif expected is ANY:
        return
    else:
        assert run(call(world)) == expected


@pytest.mark.parametrize("what", ROWS)
def test_here(what: str) -> None:
    call, here, _ = ROWS[what]
    check(importlib.import_module("frazil"), call, here)


@pytest.mark.parametrize("what", [what for what, row in ROWS.items() if row[2] is not ANY])
def test_there(what: str) -> None:
    official = pytest.importorskip("icechunk", minversion="2.0", reason="2.x of the official package is not installed")
    call, _, there = ROWS[what]
    check(official, call, there)
