"""A change of the ``repo`` object, decided but not yet made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Generic, TypedDict, TypeVar

if TYPE_CHECKING:
    from frazil import _core

Result_co = TypeVar("Result_co", covariant=True)


class UpdateTag(IntEnum):
    """What an entry of the operations log is about: the tags of the union in the file (format section 3.6)."""

    REPO_INITIALIZED = 1
    REPO_MIGRATED = 2
    CONFIG_CHANGED = 3
    METADATA_CHANGED = 4
    TAG_CREATED = 5
    TAG_DELETED = 6
    BRANCH_CREATED = 7
    BRANCH_DELETED = 8
    BRANCH_RESET = 9
    NEW_COMMIT = 10
    COMMIT_AMENDED = 11
    NEW_DETACHED_SNAPSHOT = 12
    GC_RAN = 13
    EXPIRATION_RAN = 14
    FEATURE_FLAG_CHANGED = 15
    REPO_STATUS_CHANGED = 16


class Edits(TypedDict, total=False):
    """The arguments of ``RepoInfo.edit`` that a mutation may set; what is left out stays."""

    insert: Sequence[_core._SnapshotEntry]
    replace: Sequence[_core._SnapshotEntry]
    drop: Sequence[bytes]
    branches: Mapping[str, bytes | None]
    tags: Mapping[str, bytes | None]
    deleted_tags: Sequence[str]
    status: tuple[int, int, str | None]
    metadata: list[tuple[str, bytes]]
    config: bytes
    flags: tuple[list[int], list[int]]


@dataclass(frozen=True, slots=True)
class Change(Generic[Result_co]):
    """What a mutation decided: the edits, how the operations log calls them, and the answer for its caller.

    ``fields`` are those of the update's table, in slot order.
    """

    edits: Edits
    tag: UpdateTag
    result: Result_co
    fields: tuple[Any, ...] = ()
