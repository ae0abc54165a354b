"""The one way to change the ``repo`` object: read, decide, back up, write if nobody else did (format section 9.3)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from frazil._core import Buffer, ObjectStore, PutMode, RepoInfo, Version
from frazil.errors import ErrorKind, IcechunkError, StorageConflict, error
from frazil.forking import renew_in_children
from frazil.format import keys
from frazil.format.object_attributes import attributes, metadata_storage_class
from frazil.history.drift import ensure_not_ahead, time_after
from frazil.history.repo_object.backoff import update_delays
from frazil.history.repo_object.change import Change
from frazil.history.repo_object.repo_status import ensure_online

if TYPE_CHECKING:
    from frazil.open_repository.context import RepositoryContext

Result = TypeVar("Result")
Mutation = Callable[[RepoInfo], Change[Result]]
"""Decides on a change from the state of the repository, without I/O; may run several times.  Raises to give up."""

IsDone = Callable[[RepoInfo], bool]
"""Whether an update that was sent got through, as far as the state of the repository tells."""

_FRESH_US: Final = 5_000_000
"""A copy read this long ago is worth an attempt: if it is out of date, the conditional write says so."""

_KEPT_BYTES: Final = 1 << 20
"""Objects up to this size are kept as they were read, and backed up from memory instead of read again."""


@dataclass(frozen=True, slots=True)
class HeldRepo:
    """The ``repo`` object as it was read or written at ``read_at`` (microseconds since 1970).

    ``data`` is the object itself, None if it is too large to be kept.
    """

    info: RepoInfo
    version: Version
    read_at: int
    data: bytes | Buffer | None = None

    @classmethod
    def of(cls, info: RepoInfo, version: Version, read_at: int, data: bytes | Buffer) -> HeldRepo:
        return cls(info, version, read_at, data if len(data) <= _KEPT_BYTES else None)


@dataclass(frozen=True, slots=True)
class Ahead:
    """What was done for an update while there still was something else to do.

    ``was_asked`` says that the store was asked for ``held`` meanwhile, so that a refusal on its grounds counts;
    ``backup`` is the name under which ``held`` was backed up, if it was.
    """

    held: HeldRepo
    was_asked: bool
    backup: str | None


def fetch(objects: ObjectStore, held: HeldRepo | None, now: int) -> HeldRepo | None:
    """The object as it is now; the held copy is used again if the store says that it still is the one."""
    found = objects.get_versioned(keys.REPO, held.version if held is not None else None)
    if found is None:
        return None
    data, meta = found
    if data is not None:
        return HeldRepo.of(RepoInfo.decode(data), meta.version, now, data)
    assert held is not None, "a store said `not modified` without having been asked"
    return replace(held, read_at=now)


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
        renew_in_children(self)

    def renew_locks(self) -> None:
        """The update of a thread that is not there any more goes on in the parent."""
        self._writing = threading.Lock()

    @property
    def held(self) -> HeldRepo | None:
        """The copy in memory, which may be out of date."""
        return self._held

    def read(self) -> RepoInfo:
        """The present state, revalidated with the store."""
        return self._fetch().info

    @property
    def can_look_ahead(self) -> bool:
        """Whether requests cost time, and whether a write tells if its grounds have changed."""
        objects = self._context.objects
        return not (objects.is_local or objects.is_read_only) and self._is_conditional()

    def look_ahead(self, is_welcome: Callable[[RepoInfo], bool]) -> Ahead | None:
        """Make those requests of an update that do not depend on what it will write: read the object, back it up.

        The copy in memory is read again unless it is fresh.  Nothing is backed up if ``is_welcome`` says that the update
        will be refused.  What is not used in the end is left behind: one more file among the backups, which nothing
        refers to.
        """
        if not self.can_look_ahead:
            return None
        held, was_asked = self._fresh(), False
        if held is None or not is_welcome(held.info):
            held, was_asked = self._fetch(), True
        if held.data is None or not is_welcome(held.info):
            return Ahead(held, was_asked, None)
        return Ahead(held, was_asked, self._back_up(held, self._context.clock()))

    def update(
        self,
        mutate: Mutation[Result],
        *,
        even_if_read_only: bool = False,
        ahead: Ahead | None = None,
        is_done: IsDone = lambda _: False,
    ) -> Result:
        """Apply a mutation to the present state of the repository, again and again until no other writer is faster.

        ``ahead`` is what ``look_ahead`` has prepared.  A network may lose the answer of an attempt that got through: the next
        one finds it by the backup that it noted in the log, or because ``is_done`` says so.

        Raises what the mutation raises, ``ReadOnlyError`` if the storage can only be read or the repository was set
        read-only, and ``ConflictError`` of kind ``update-attempts-exhausted``; ``StorageError`` of kind
        ``outcome-unknown`` if the store gave no answer, and does not show the change either.
        """
        self._context.objects.ensure_writable()
        attempts = 0
        sent: dict[str, Result] = {}
        for delay in update_delays(self._context):
            self._sleep(delay)
            attempts += 1
            with self._writing:
                first = attempts == 1
                result = self._attempt(
                    partial(_decide, mutate=mutate, even_if_read_only=even_if_read_only),
                    trusting=first,
                    ahead=ahead if first else None,
                    sent=sent,
                    is_done=is_done,
                )
            if result is not None:
                return result[0]
        raise error(
            ErrorKind.UPDATE_ATTEMPTS_EXHAUSTED,
            f"repository cannot be updated after {attempts} attempts, too many concurrent changes",
        )

    def _attempt(
        self,
        decide: Mutation[Result],
        *,
        trusting: bool,
        ahead: Ahead | None,
        sent: dict[str, Result],
        is_done: IsDone,
    ) -> tuple[Result] | None:
        """One attempt; None if another writer was faster.

        ``sent`` are the results of the attempts before this one by the backups that they made, to which this one is added.
        A network may have lost the answer of one that was successful.
        """
        if ahead is not None and self._is_superseded(ahead):
            ahead = None
        if ahead is not None and ahead.was_asked:
            held: HeldRepo | None = ahead.held
            change: Change[Result] | None = decide(ahead.held.info)
        else:
            held = ahead.held if ahead is not None else self._fresh() if trusting else None
            change = _decide_or_none(held, decide)
        if held is None or change is None:
            ahead, held = None, self._fetch()
            landed = _landed(held.info, sent, is_done)
            if landed is not None:
                return (sent[landed],)
            change = decide(held.info)
        backup = ahead.backup if ahead is not None else None
        try:
            if backup is None:
                backup = self._back_up(held, self._context.clock())
            sent[backup] = change.result
            self._write(held, change, backup)
        except StorageConflict:
            self._held = replace(held, read_at=0)
            return None
        except IcechunkError as failure:
            self._held = None
            if failure.kind != ErrorKind.OUTCOME_UNKNOWN or not self._has_landed(sent, is_done):
                raise
        return (change.result,)

    def _has_landed(self, sent: dict[str, Result], is_done: IsDone) -> bool:
        """Whether an update of which no answer came got through after all.

        A local disk that gives none may not have it on stable storage, whatever can be read: that is left to the caller.
        """
        if self._context.objects.is_local:
            return False
        try:
            return _landed(self._fetch().info, sent, is_done) is not None
        except IcechunkError:
            return False

    def _is_superseded(self, ahead: Ahead) -> bool:
        """Whether another thread of this process has read or written a newer state since."""
        return self._held is not None and self._held.version != ahead.held.version

    def _fetch(self) -> HeldRepo:
        now = self._context.clock()
        held = fetch(self._context.objects, self._held, now)
        if held is None:
            raise error(
                ErrorKind.REPOSITORY_NOT_FOUND,
                f"the repository doesn't exist at {self._context.storage.place} any more: its `repo` object was removed "
                "while open",
            )
        self._held = held
        return held

    def _fresh(self) -> HeldRepo | None:
        held = self._held
        if held is None or not self._is_conditional():
            return None
        return held if 0 <= self._context.clock() - held.read_at <= _FRESH_US else None

    def _back_up(self, held: HeldRepo, now: int) -> str:
        """Keep the state that is about to be replaced; returns the name of the backup."""
        context = self._context
        name = keys.backup_name(keys.REPO, now, context.ids.backup_id())
        condition = held.version if self._is_conditional() else None
        if held.data is None or not self.can_look_ahead:
            context.objects.copy(keys.REPO, keys.backup(name), condition)
        else:
            # Only if the object still is at this version will it be replaced, so these are the bytes to keep.
            self._put(keys.backup(name), held.data, PutMode.OVERWRITE)
        return name

    def _put(self, key: str, data: bytes | Buffer, mode: PutMode) -> Version:
        context = self._context
        return context.objects.put(
            key,
            data,
            mode,
            attributes=attributes(context, "repo-info"),
            storage_class=metadata_storage_class(context),
        )

    def _write(self, held: HeldRepo, change: Change[object], backup: str) -> None:
        context = self._context
        ensure_not_ahead(context, keys.backup(backup))
        newest = held.info.updated_at or 0
        at = time_after(context, newest, written="the repository was last changed", key=keys.REPO)
        entry = (int(change.tag), change.fields, at, None)
        limit = context.config.effective_num_updates_per_repo_info_file()
        info = held.info.edit(**change.edits, log=(entry, backup, limit))
        data = info.encode(writer=context.writer, level=context.config.effective_compression().level)
        context.objects.sync()  # what the new object refers to, its backup too, must outlive a power failure if it does
        mode = PutMode.update(held.version) if self._is_conditional() else PutMode.OVERWRITE
        version = self._put(keys.REPO, data, mode)
        self._held = HeldRepo.of(info, version, context.clock(), data)

    def _is_conditional(self) -> bool:
        """Our local and in-memory stores always compare versions; others may be told not to."""
        settings = self._context.config.effective_storage()
        return self._context.objects.always_compares or settings.unsafe_use_conditional_update


def _landed(info: RepoInfo, sent: Iterable[str], is_done: IsDone) -> str | None:
    """Which of the attempts with these backups got through: it noted its backup, whose name nobody else uses, in the log."""
    noted = {backup for _, _, _, backup in info.updates()} | {info.repo_before_updates}
    found = [backup for backup in sent if backup in noted]
    return found[-1] if found else next(iter(sent), None) if is_done(info) else None


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


def _decide_or_none(held: HeldRepo | None, decide: Mutation[Result]) -> Change[Result] | None:
    """A decision on a copy that may be out of date: a refusal counts only once the store was asked."""
    if held is None:
        return None
    try:
        return decide(held.info)
    except IcechunkError:
        return None
