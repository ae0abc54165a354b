"""The one way to change the ``repo`` object: read, decide, back up, write if nobody else did (format section 9.3)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from frazil._core import ObjectStore, PutMode, RepoInfo, Version
from frazil.errors import ErrorKind, IcechunkError, StorageConflict, error
from frazil.format import keys
from frazil.format.object_attributes import attributes, metadata_storage_class
from frazil.history import backoff, ops_log
from frazil.history.change import Change
from frazil.history.repo_status import ensure_online

if TYPE_CHECKING:
    from frazil.context import RepositoryContext

Result = TypeVar("Result")
Mutation = Callable[[RepoInfo], Change[Result]]
"""Decides on a change from the state of the repository, without I/O; may run several times.  Raises to give up."""

_FRESH_US: Final = 5_000_000
"""A copy read this long ago is worth an attempt: if it is out of date, the conditional write says so."""

_MAX_CLOCK_SKEW_US: Final = 600_000_000
"""How far the newest entry of the log may be ahead of this machine's clock."""


@dataclass(frozen=True, slots=True)
class HeldRepo:
    """The ``repo`` object as it was read or written at ``read_at`` (microseconds since 1970)."""

    info: RepoInfo
    version: Version
    read_at: int


def fetch(objects: ObjectStore, held: HeldRepo | None, now: int) -> HeldRepo | None:
    """The object as it is now; the held copy is used again if the store says that it still is the one."""
    found = objects.get_versioned(keys.REPO, held.version if held is not None else None)
    if found is None:
        return None
    data, meta = found
    if data is not None:
        return HeldRepo(RepoInfo.decode(data), meta.version, now)
    assert held is not None, "a store said `not modified` without having been asked"
    return HeldRepo(held.info, held.version, now)


class RepoObject:
    """The ``repo`` object of one repository: read it, change it.

    Safe between threads.  The updates of one process queue up instead of competing with each other.
    """

    def __init__(
        self,
        context: RepositoryContext,
        held: HeldRepo | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._context = context
        self._held = held
        self._sleep = sleep
        self._writing = threading.Lock()

    @property
    def held(self) -> HeldRepo | None:
        """The copy in memory, which may be out of date."""
        return self._held

    def read(self) -> RepoInfo:
        """The present state, revalidated with the store."""
        return self._fetch().info

    def update(self, mutate: Mutation[Result], *, even_if_read_only: bool = False) -> Result:
        """Apply a mutation to the present state of the repository, again and again until no other writer is faster.

        Raises what the mutation raises, ``ReadOnlyError`` if the repository was set read-only, and ``ConflictError``
        of kind ``update-attempts-exhausted``.
        """
        attempts = 0
        for delay in self._delays():
            self._sleep(delay)
            attempts += 1
            with self._writing:
                result = self._attempt(mutate, even_if_read_only=even_if_read_only, trusting=attempts == 1)
            if result is not None:
                return result[0]
        raise error(
            ErrorKind.UPDATE_ATTEMPTS_EXHAUSTED,
            f"repository cannot be updated after {attempts} attempts, too many concurrent changes",
        )

    def _attempt(self, mutate: Mutation[Result], *, even_if_read_only: bool, trusting: bool) -> tuple[Result] | None:
        """One attempt; None if another writer was faster."""
        held = self._fresh() if trusting else None
        change = _decide_or_none(held, mutate, even_if_read_only=even_if_read_only)
        if held is None or change is None:
            held = self._fetch()
            change = _decide(held.info, mutate, even_if_read_only=even_if_read_only)
        try:
            self._write(held, change)
        except StorageConflict:
            self._held = HeldRepo(held.info, held.version, 0)
            return None
        return (change.result,)

    def _fetch(self) -> HeldRepo:
        now = self._context.clock()
        held = fetch(self._context.objects, self._held, now)
        if held is None:
            raise error(
                ErrorKind.REPOSITORY_NOT_FOUND, "the repository doesn't exist: its `repo` object was removed while open"
            )
        self._held = held
        return held

    def _fresh(self) -> HeldRepo | None:
        held = self._held
        if held is None or not self._is_conditional():
            return None
        return held if 0 <= self._context.clock() - held.read_at <= _FRESH_US else None

    def _write(self, held: HeldRepo, change: Change[object]) -> None:
        context = self._context
        now = context.clock()
        backup = keys.backup_name(keys.REPO, now, context.ids.backup_id())
        log = held.info.updates()
        entry = (int(change.tag), change.fields, _update_time(now, newest=log[0][2]), None)
        limit = context.config.effective_num_updates_per_repo_info_file()
        updates, rest = ops_log.prepended(log, entry, backup=backup, limit=limit)
        info = held.info.edit(**change.edits, updates=updates, repo_before_updates=rest)
        data = info.encode(writer=context.writer, level=context.config.effective_compression().level)
        condition = held.version if self._is_conditional() else None
        context.objects.copy(keys.REPO, keys.backup(backup), condition)
        context.objects.sync()  # what the new object refers to, its backup too, must outlive a power failure if it does
        version = context.objects.put(
            keys.REPO,
            data,
            PutMode.OVERWRITE if condition is None else PutMode.update(condition),
            attributes=attributes(context, "repo-info"),
            storage_class=metadata_storage_class(context),
        )
        self._held = HeldRepo(info, version, context.clock())

    def _is_conditional(self) -> bool:
        """Our local and in-memory stores always compare versions; others may be told not to."""
        settings = self._context.config.effective_storage()
        return self._context.objects.is_local or settings.unsafe_use_conditional_update

    def _delays(self) -> Iterator[float]:
        retries = self._context.config.effective_repo_update_retries()
        return backoff.delays(
            attempts=retries.max_tries,
            initial_ms=retries.initial_backoff_ms,
            maximum_ms=retries.max_backoff_ms,
            jitter=self._jitter,
        )

    def _jitter(self) -> float:
        return self._context.ids.backup_id()[0] / 256


def _decide(info: RepoInfo, mutate: Mutation[Result], *, even_if_read_only: bool) -> Change[Result]:
    if not even_if_read_only:
        ensure_online(info)
    if info.has_unknown_updates:
        raise error(
            ErrorKind.UNSUPPORTED_SPEC_VERSION,
            "this repository's operations log has entries of a kind that this version does not know; it can be read, but "
            "changing it would lose them: upgrade the package to write to it",
        )
    return mutate(info)


def _decide_or_none(
    held: HeldRepo | None, mutate: Mutation[Result], *, even_if_read_only: bool
) -> Change[Result] | None:
    """A decision on a copy that may be out of date: a refusal counts only once the store was asked."""
    if held is None:
        return None
    try:
        return _decide(held.info, mutate, even_if_read_only=even_if_read_only)
    except IcechunkError:
        return None


def _update_time(now: int, *, newest: int) -> int:
    """Strictly after the newest entry of the log (format section 9.4).

    Machines' clocks differ a little: then one microsecond is added.  If they differ much, one of them is wrong, and
    writing on would carry the wrong time along for ever.
    """
    if now > newest:
        return now
    if newest - now > _MAX_CLOCK_SKEW_US:
        raise error(
            ErrorKind.SNAPSHOT_TIMESTAMP,
            "the repository was last changed in the future of this machine's clock, by "
            f"{(newest - now) / 1e6:.0f} s: please verify if the machine clock has drifted",
        )
    return newest + 1
