"""Contexts for tests of the history: a store, a clock and a source of ids that the test controls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from frazil._core import Assets, ObjectStore
from frazil.config import RepositoryConfig
from frazil.format.ids import RandomIds, SnapshotId
from frazil.format.records import SnapshotEntry
from frazil.open_repository.context import RepositoryContext
from frazil.storage import in_memory_storage

START_US = 1_700_000_000_000_000
WRITER = "frazil-test"


class StepClock:
    """Every question is a millisecond later; ``now`` may be set."""

    def __init__(self, now: int = START_US, step: int = 1_000) -> None:
        self.now = now
        self.step = step

    def __call__(self) -> int:
        self.now += self.step
        return self.now


class Counting:
    """A store that notes requests, and lets a test act before one of them.  Cached reads do not pass here."""

    def __init__(self, inner: ObjectStore) -> None:
        self.inner = inner
        self.calls: list[str] = []
        self.before: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.inner, name)
        if not callable(value) or name == "ensure_writable":  # which asks nobody
            return value

        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls.append(name)
            if name in self.before:
                self.before[name]()
            return value(*args, **kwargs)

        return call


def make_context(
    objects: ObjectStore | Counting | None = None,
    *,
    spec_version: int = 2,
    config: RepositoryConfig | None = None,
    clock: Callable[[], int] | None = None,
    use_object_metadata: bool = True,
) -> RepositoryContext:
    """A context without virtual chunks, which the history never asks for; its storage is asked for its name alone."""
    store = ObjectStore.memory() if objects is None else objects
    inner = store.inner if isinstance(store, Counting) else store
    assets = Assets(
        inner, snapshot_nodes=500_000, chunk_refs=1_000_000, transaction_changes=0, chunk_bytes=0, max_requests=8
    )
    nothing = cast("Any", None)
    return RepositoryContext(
        storage=in_memory_storage(),
        config=RepositoryConfig() if config is None else config,
        spec_version=spec_version,
        writer=WRITER,
        attribution=nothing,
        virtual=nothing,
        objects=cast("Any", store),
        assets=assets,
        use_object_metadata=use_object_metadata,
        clock=StepClock() if clock is None else clock,
        ids=RandomIds(),
    )


def new_entry(context: RepositoryContext, parent: SnapshotId, message: str = "", **metadata: Any) -> SnapshotEntry:
    """An entry that could be committed on ``parent``."""
    return SnapshotEntry(context.ids.snapshot_id(), parent, context.clock(), message, metadata)
