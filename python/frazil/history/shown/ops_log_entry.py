"""Entries of the operations log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from frazil.clock import to_datetime
from frazil.config import RepoStatus
from frazil.display import Parts, StructuralDisplay, Verbatim, quoted
from frazil.errors import error
from frazil.format.ids import format_id
from frazil.history.repo_object.repo_status import from_fields
from frazil.names import PACKAGE, public
from frazil.variants import variant

if TYPE_CHECKING:
    from frazil import _core


@public
class UpdateType:
    """What was done to a repository; the variants say what to what."""

    if TYPE_CHECKING:
        RepoInitialized: TypeAlias = "_RepoInitialized"
        RepoMigrated: TypeAlias = "_RepoMigrated"
        RepoStatusChanged: TypeAlias = "_RepoStatusChanged"
        ConfigChanged: TypeAlias = "_ConfigChanged"
        MetadataChanged: TypeAlias = "_MetadataChanged"
        FeatureFlagChanged: TypeAlias = "_FeatureFlagChanged"
        TagCreated: TypeAlias = "_TagCreated"
        TagDeleted: TypeAlias = "_TagDeleted"
        BranchCreated: TypeAlias = "_BranchCreated"
        BranchDeleted: TypeAlias = "_BranchDeleted"
        BranchReset: TypeAlias = "_BranchReset"
        NewCommit: TypeAlias = "_NewCommit"
        CommitAmended: TypeAlias = "_CommitAmended"
        NewDetachedSnapshot: TypeAlias = "_NewDetachedSnapshot"
        GCRan: TypeAlias = "_GCRan"
        ExpirationRan: TypeAlias = "_ExpirationRan"

    __slots__ = ()

    def __repr__(self) -> str:
        values = ((part.name, getattr(self, part.name)) for part in fields(self))  # type: ignore[arg-type]
        inside = ", ".join(f"{name}={quoted(v) if isinstance(v, str) else v}" for name, v in values)
        return f"{PACKAGE}.ops.{type(self).__qualname__}({inside})"

    __str__ = __repr__


@variant(UpdateType, "RepoInitialized")
@dataclass(frozen=True, slots=True, repr=False)
class _RepoInitialized(UpdateType):
    """The repository was made."""


@variant(UpdateType, "RepoMigrated")
@dataclass(frozen=True, slots=True, repr=False)
class _RepoMigrated(UpdateType):
    """The repository went from one spec version to another."""

    from_version: int
    to_version: int


@variant(UpdateType, "RepoStatusChanged")
@dataclass(frozen=True, slots=True, repr=False)
class _RepoStatusChanged(UpdateType):
    """The repository was set online or read-only."""

    status: RepoStatus


@variant(UpdateType, "ConfigChanged")
@dataclass(frozen=True, slots=True, repr=False)
class _ConfigChanged(UpdateType):
    """A configuration was saved."""


@variant(UpdateType, "MetadataChanged")
@dataclass(frozen=True, slots=True, repr=False)
class _MetadataChanged(UpdateType):
    """The metadata of the repository changed."""


@variant(UpdateType, "FeatureFlagChanged")
@dataclass(frozen=True, slots=True, repr=False)
class _FeatureFlagChanged(UpdateType):
    """A feature was turned on (True), off (False), or returned to its default (None)."""

    id: int
    new_value: bool | None


@variant(UpdateType, "TagCreated")
@dataclass(frozen=True, slots=True, repr=False)
class _TagCreated(UpdateType):
    """A tag was made."""

    name: str


@variant(UpdateType, "TagDeleted")
@dataclass(frozen=True, slots=True, repr=False)
class _TagDeleted(UpdateType):
    """A tag was deleted."""

    name: str
    previous_snap_id: str


@variant(UpdateType, "BranchCreated")
@dataclass(frozen=True, slots=True, repr=False)
class _BranchCreated(UpdateType):
    """A branch was made."""

    name: str


@variant(UpdateType, "BranchDeleted")
@dataclass(frozen=True, slots=True, repr=False)
class _BranchDeleted(UpdateType):
    """A branch was deleted."""

    name: str
    previous_snap_id: str


@variant(UpdateType, "BranchReset")
@dataclass(frozen=True, slots=True, repr=False)
class _BranchReset(UpdateType):
    """A branch was pointed elsewhere."""

    name: str
    previous_snap_id: str


@variant(UpdateType, "NewCommit")
@dataclass(frozen=True, slots=True, repr=False)
class _NewCommit(UpdateType):
    """A session was committed."""

    branch: str
    new_snap_id: str


@variant(UpdateType, "CommitAmended")
@dataclass(frozen=True, slots=True, repr=False)
class _CommitAmended(UpdateType):
    """A commit was replaced."""

    branch: str
    previous_snap_id: str
    new_snap_id: str


@variant(UpdateType, "NewDetachedSnapshot")
@dataclass(frozen=True, slots=True, repr=False)
class _NewDetachedSnapshot(UpdateType):
    """A session was flushed."""

    new_snap_id: str


@variant(UpdateType, "GCRan")
@dataclass(frozen=True, slots=True, repr=False)
class _GCRan(UpdateType):
    """Garbage was collected."""


@variant(UpdateType, "ExpirationRan")
@dataclass(frozen=True, slots=True, repr=False)
class _ExpirationRan(UpdateType):
    """Old snapshots were released."""


def _flag(flag_id: int, new_value: bool, is_set: bool) -> UpdateType:  # noqa: FBT001 - fields of a file, by position
    return _FeatureFlagChanged(flag_id, new_value if is_set else None)


def _named(cls: Callable[..., UpdateType]) -> Callable[..., UpdateType]:
    """A maker for variants that hold names and snapshot ids."""
    return lambda *values: cls(*(format_id(v) if isinstance(v, bytes) else v for v in values))


_MAKERS: Final[dict[int, Callable[..., UpdateType]]] = {
    1: _RepoInitialized,
    2: _RepoMigrated,
    3: _ConfigChanged,
    4: _MetadataChanged,
    5: _TagCreated,
    6: _named(_TagDeleted),
    7: _BranchCreated,
    8: _named(_BranchDeleted),
    9: _named(_BranchReset),
    10: _named(_NewCommit),
    11: _named(_CommitAmended),
    12: _named(_NewDetachedSnapshot),
    13: _GCRan,
    14: _ExpirationRan,
    15: _flag,
    16: lambda status: _RepoStatusChanged(from_fields(status)),
}
"""By the union tag of the file (format section 3.6)."""


@public
@dataclass(frozen=True, slots=True, repr=False)
class Update(StructuralDisplay):
    """One change of a repository.

    Parameters
    ----------
    kind
        What was done.
    updated_at
        When, in UTC.
    backup_path
        The object below ``overwritten/`` with the state that this change made, once it was superseded.
    """

    kind: UpdateType
    updated_at: datetime
    backup_path: str | None

    @classmethod
    def of(cls, update: _core._UpdateTuple) -> Update:
        """The public face of an entry.  Raises ``FormatError`` for kinds of a newer library."""
        tag, values, updated_at, backup_path = update
        make: Callable[..., Any] | None = _MAKERS.get(tag)
        if make is None:
            raise error(
                "deserialization",
                f"the operations log has an entry of the unknown kind {tag}; a newer version of this library wrote it, "
                "upgrade to read it",
            )
        return cls(make(*values), to_datetime(updated_at), backup_path)

    def __display__(self) -> Parts:
        """The fields, in order."""
        return Parts(
            "ops.Update",
            (("kind", Verbatim(repr(self.kind))), ("updated_at", self.updated_at), ("backup_path", self.backup_path)),
        )
