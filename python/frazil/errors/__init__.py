"""Every error that this package raises on purpose: what may be caught, and how errors are made."""

from frazil.errors.build import CLASS_OF_KIND, commit_conflict, core_error, error
from frazil.errors.classes import (
    AlreadyExistsError,
    ConflictError,
    FormatError,
    IcechunkError,
    InternalError,
    InvalidInputError,
    InvalidTypeError,
    MissingBucket,
    NodeNotFoundError,
    NotFoundError,
    ReadOnlyError,
    RebaseFailedError,
    RefNotFoundError,
    RepositoryNotFoundError,
    SessionStateError,
    SnapshotNotFoundError,
    StorageConflict,
    StorageError,
    UnmergedForkWarning,
)
from frazil.errors.context import operation
from frazil.errors.kinds import ErrorKind

__all__ = [
    "CLASS_OF_KIND",
    "AlreadyExistsError",
    "ConflictError",
    "ErrorKind",
    "FormatError",
    "IcechunkError",
    "InternalError",
    "InvalidInputError",
    "InvalidTypeError",
    "MissingBucket",
    "NodeNotFoundError",
    "NotFoundError",
    "ReadOnlyError",
    "RebaseFailedError",
    "RefNotFoundError",
    "RepositoryNotFoundError",
    "SessionStateError",
    "SnapshotNotFoundError",
    "StorageConflict",
    "StorageError",
    "UnmergedForkWarning",
    "commit_conflict",
    "core_error",
    "error",
    "operation",
]
