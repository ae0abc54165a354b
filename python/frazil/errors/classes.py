"""The exception tree.

Each instance has a ``message`` (also its ``str``), a ``kind`` (equal to a member of ``ErrorKind``) and a trace of the
operations that it passed through, which the message ends with.  What a user can do about it is attached as a note,
which traceback printers show below the message.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from frazil import _core
from frazil.display import Parts, Verbatim
from frazil.display.html import html
from frazil.errors.conflict import CONFLICTS_SHOWN, Conflict, in_a_line, more
from frazil.errors.help import HELP
from frazil.errors.kinds import ErrorKind
from frazil.names import PACKAGE, public, public_in

_TRACE_TITLE: Final = "\n\ncontext:\n"
_TRY_AGAIN: Final = (
    "The session keeps its changes: call session.rebase(solver), or commit again with rebase_with=solver, with one that "
    "settles these, or make the changes again in a new session; all conflicts are in the attribute `conflicts`"
)


@public
class IcechunkError(Exception):
    """The base class of every error of this package.

    Parameters
    ----------
    message
        What happened, and what to do next where that is known.
    kind
        The stable code of the error, a value of ``ErrorKind``; ``"unknown"`` if not given.
    """

    def __init__(self, message: str, kind: str | None = None) -> None:
        # An error may be shown, logged and pickled: what is in it has no secrets from here on.
        message = _core.without_secrets(message)
        super().__init__(message, kind)
        self._head = message
        self._kind = str(kind or ErrorKind.UNKNOWN)
        self._operations: list[str] = []
        hint = HELP.get(self._kind)
        if hint is not None:
            self.add_note(f"kind: {self._kind}\nhelp: {hint}")

    @property
    def message(self) -> str:
        """What happened, followed by the numbered trace of operations, innermost first."""
        if not self._operations:
            return self._head
        return self._head + _TRACE_TITLE + "\n".join(map(_trace_entry, range(len(self._operations)), self._operations))

    @property
    def kind(self) -> str:
        """The stable code of the error: a plain string that equals a member of ``ErrorKind``."""
        return self._kind

    def add_operation(self, text: str) -> None:
        """Add ``operation name=value ...`` to the outer end of the trace."""
        self._operations.append(_core.without_secrets(text))

    def __str__(self) -> str:
        return self.message

    def __repr__(self) -> str:
        return f'{PACKAGE}.{type(self).__name__}(message="{self.message}", kind="{self.kind}")'

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._head, self._kind), dict(vars(self))


@public
class ConflictError(IcechunkError):
    """Somebody else changed the branch, the configuration or the repository first.

    Attributes
    ----------
    expected_parent
        The snapshot that this writer started from, if the conflict is about a branch.
    actual_parent
        The snapshot that was found instead.
    """

    expected_parent: str | None
    actual_parent: str | None

    def __init__(
        self,
        expected_parent: str | None = None,
        actual_parent: str | None = None,
        message: str | None = None,
        kind: str | None = None,
    ) -> None:
        if message is None:
            message = parents_differ(expected_parent, actual_parent)
        super().__init__(message, kind or ErrorKind.COMMIT_CONFLICT)
        self.args = (expected_parent, actual_parent)
        self.expected_parent = expected_parent
        self.actual_parent = actual_parent

    def __repr__(self) -> str:
        return (
            f"{PACKAGE}.{type(self).__name__}"
            f"(expected_parent={self.expected_parent}, actual_parent={self.actual_parent})"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        arguments = (self.expected_parent, self.actual_parent, self._head, self._kind)
        return type(self), arguments, dict(vars(self))


@public
class RebaseFailedError(ConflictError):
    """A rebase met conflicts that its solver did not resolve; the session keeps its changes.

    Attributes
    ----------
    snapshot
        The snapshot whose changes conflict with the session's.
    conflicts
        Every conflict that was left.
    """

    snapshot: str
    conflicts: list[Conflict]

    def __init__(self, snapshot: str, conflicts: Sequence[Conflict]) -> None:
        super().__init__(message=_rebase_failed(snapshot, conflicts), kind=ErrorKind.REBASE_FAILED)
        self.snapshot = snapshot
        self.conflicts = list(conflicts)
        self.args = (snapshot, self.conflicts)

    def __repr__(self) -> str:
        shown = [f'{conflict.conflict_type!r}("{conflict.path}")' for conflict in self.conflicts[:CONFLICTS_SHOWN]]
        conflicts = ", ".join(shown + more(self.conflicts))
        return f'{PACKAGE}.{type(self).__name__}(snapshot="{self.snapshot}", conflicts=[{conflicts}])'

    def __display__(self) -> Parts:
        """The snapshot and the first conflicts."""
        shown = [Verbatim(text) for text in [*map(in_a_line, self.conflicts[:CONFLICTS_SHOWN]), *more(self.conflicts)]]
        return Parts(f"errors.{type(self).__name__}", (("snapshot", self.snapshot), ("conflicts", shown)))

    def _repr_html_(self) -> str:
        return html(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.snapshot, self.conflicts), dict(vars(self))


@public
class NotFoundError(IcechunkError, KeyError):
    """Something that was named does not exist."""


@public
class NodeNotFoundError(NotFoundError):
    """No group, array, chunk or key of that name."""


@public
class SnapshotNotFoundError(NotFoundError):
    """No snapshot of that id, or none that is old enough."""


@public
class RefNotFoundError(NotFoundError):
    """No branch or tag of that name."""


@public
class RepositoryNotFoundError(NotFoundError):
    """No repository at that place."""


@public
class AlreadyExistsError(IcechunkError):
    """A node, branch or tag of that name exists, or existed and may not be made again."""


@public
class ReadOnlyError(IcechunkError, ValueError):
    """A write to a session, store, storage or repository that cannot be written to.

    It is a ``ValueError`` too: that is what zarr's own stores raise, and what programs written for them catch.
    """


@public
class InvalidInputError(IcechunkError, ValueError):
    """An argument that cannot be accepted, whatever the state of the repository."""


@public_in("errors")
class InvalidTypeError(InvalidInputError, TypeError):
    """An argument of a type that cannot be accepted."""


@public
class SessionStateError(IcechunkError):
    """An operation that the session or repository does not allow in the state it is in."""


@public
class UnmergedForkWarning(UserWarning):
    """A session was committed while forks of it had not been merged back: what they hold is not in the commit."""


@public
class StorageError(IcechunkError):
    """The object store or the disk refused, failed, or did not have an object."""


@public
class FormatError(IcechunkError):
    """A file that cannot be decoded, or something that its version of the format cannot hold."""


@public
class InternalError(IcechunkError):
    """A broken promise of this package; please report it."""


class StorageConflict(StorageError):  # noqa: N818 - an outcome, not a failure; it never reaches a user
    """The condition of a conditional read or write did not hold."""


class MissingBucket(StorageError):  # noqa: N818 - an outcome to who looks for a repository; a plain StorageError to users
    """The bucket or container is not there."""


def _rebase_failed(snapshot: str, conflicts: Sequence[Conflict]) -> str:
    first = f"Rebase failed on snapshot {snapshot}: {len(conflicts)} conflicts found"
    if not conflicts:
        return first
    lines = [f"  {text}" for text in [*map(in_a_line, conflicts[:CONFLICTS_SHOWN]), *more(conflicts)]]
    return "\n".join([first, *lines, _TRY_AGAIN])


def parents_differ(expected: str | None, actual: str | None) -> str:
    """The message of a commit that found another snapshot at the tip of its branch."""
    return f"Failed to commit, expected parent: {_optional(expected)}, actual parent: {_optional(actual)}"


def _optional(value: str | None) -> str:
    return "None" if value is None else f'Some("{value}")'


def _trace_entry(number: int, operation: str) -> str:
    name, _, details = operation.partition(" ")
    entry = f"{number:4}: {name}"
    return f"{entry}\n           with {details}" if details else entry
