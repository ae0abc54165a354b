"""From a kind to the exception of the right class, with its help."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from frazil.errors.classes import (
    AlreadyExistsError,
    ConflictError,
    FormatError,
    IcechunkError,
    InternalError,
    InvalidInputError,
    MissingBucket,
    NodeNotFoundError,
    ReadOnlyError,
    RebaseFailedError,
    RefNotFoundError,
    RepositoryNotFoundError,
    SessionStateError,
    SnapshotNotFoundError,
    StorageConflict,
    StorageError,
    parents_differ,
)
from frazil.errors.help import REPORT
from frazil.errors.kinds import ErrorKind

_GO_ON: Final = (
    "; somebody else committed first: commit again with rebase_with=frazil.ConflictDetector(), or call "
    "session.rebase(solver) and commit"
)
_MEMBERS: Final = tuple(ErrorKind)


def _between(first: ErrorKind, last: ErrorKind) -> tuple[ErrorKind, ...]:
    return _MEMBERS[_MEMBERS.index(first) : _MEMBERS.index(last) + 1]


# ``ErrorKind`` lists its members class by class.
_GROUPS: Final[dict[type[IcechunkError], tuple[ErrorKind, ...]]] = {
    ConflictError: _between(ErrorKind.COMMIT_CONFLICT, ErrorKind.UPDATE_ATTEMPTS_EXHAUSTED),
    RebaseFailedError: (ErrorKind.REBASE_FAILED,),
    NodeNotFoundError: _between(ErrorKind.NODE_NOT_FOUND, ErrorKind.KEY_NOT_FOUND),
    SnapshotNotFoundError: _between(ErrorKind.SNAPSHOT_NOT_FOUND, ErrorKind.NO_SNAPSHOT_AT_TIME),
    RefNotFoundError: _between(ErrorKind.REF_NOT_FOUND, ErrorKind.TAG_NOT_FOUND),
    RepositoryNotFoundError: (ErrorKind.REPOSITORY_NOT_FOUND,),
    AlreadyExistsError: _between(ErrorKind.NODE_ALREADY_EXISTS, ErrorKind.MOVE_WONT_OVERWRITE),
    ReadOnlyError: _between(ErrorKind.READ_ONLY_SESSION, ErrorKind.READ_ONLY_REPOSITORY),
    InvalidInputError: _between(ErrorKind.INVALID_KEY, ErrorKind.BAD_SNAPSHOT_CHAIN_FOR_DIFF),
    SessionStateError: _between(ErrorKind.COMMIT_NOT_ALLOWED, ErrorKind.INVALID_REPOSITORY_MIGRATION),
    StorageError: _between(ErrorKind.OBJECT_NOT_FOUND, ErrorKind.GC_DELETES_FAILING),
    FormatError: _between(ErrorKind.SERIALIZATION, ErrorKind.MANIFEST_INFO_NOT_FOUND),
    InternalError: _between(ErrorKind.CONCURRENCY, ErrorKind.UNKNOWN),
}

CLASS_OF_KIND: Final[dict[str, type[IcechunkError]]] = {
    kind.value: cls for cls, kinds in _GROUPS.items() for kind in kinds
}
"""The class of every kind."""


def error(kind: ErrorKind | str, message: str, **details: object) -> IcechunkError:
    """The exception for ``kind``, to be raised by the caller.

    ``details`` end the message as ``(name=value, ...)``.  The kind ``unknown`` gives a plain ``IcechunkError``.  Errors
    with fields of their own are made by ``commit_conflict`` and ``RebaseFailedError``.

    Raises
    ------
    ValueError
        For a kind that is not published.
    """
    kind = ErrorKind(kind)
    text = _with_details(message, details)
    if kind == ErrorKind.UNKNOWN:
        return IcechunkError(text)
    cls = CLASS_OF_KIND[kind]
    if issubclass(cls, ConflictError):
        return ConflictError(message=text, kind=kind)
    return cls(text, kind)


def commit_conflict(expected: str | None, actual: str | None) -> ConflictError:
    """The branch moved from ``expected`` to ``actual`` while a session was open."""
    return ConflictError(expected, actual, message=f"{parents_differ(expected, actual)}{_GO_ON}")


def core_error(kind: str, message: str, context: Sequence[str]) -> Exception:
    """The exception that the extension raises; ``context`` are ``operation name=value ...``, innermost first."""
    raised: IcechunkError
    if kind == "precondition-failed":
        raised = StorageConflict(message, ErrorKind.OBJECT_STORE)
    elif kind == "missing-bucket":
        raised = MissingBucket(message, ErrorKind.STORAGE_CONFIG)
    elif kind == "invalid-input":
        raised = InvalidInputError(message)
    elif kind == ErrorKind.UNKNOWN or kind not in CLASS_OF_KIND:
        unpublished = "" if kind == ErrorKind.UNKNOWN else f" (its kind, `{kind}`, is not published)"
        raised = InternalError(f"{message}{unpublished}", ErrorKind.UNKNOWN)
        raised.add_note(f"help: {REPORT}")
    else:
        raised = error(kind, message)
    for operation in context:
        raised.add_operation(operation)
    return raised


def _with_details(message: str, details: dict[str, object]) -> str:
    if not details:
        return message
    return f"{message} ({', '.join(f'{name}={value}' for name, value in details.items())})"
