"""Branches and tags of spec 1: one small JSON file each (format section 10.1)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from frazil._core import ObjectStore, PutMode, Version
from frazil.errors import ErrorKind, IcechunkError, StorageConflict, error
from frazil.format import keys
from frazil.format.ids import SnapshotId, format_id, parse_snapshot_id
from frazil.format.object_attributes import content_type
from frazil.history.repo_object.ref_changes import ref_not_found, tag_exists

if TYPE_CHECKING:
    from frazil.open_repository.context import RepositoryContext

_BRANCH: Final = "branch"
_TAG: Final = "tag"
_REF_FILE: Final = "ref.json"
_MAX_TRIES: Final = 100
"""Conflicts in a row after which a store is not believed to make progress."""


@dataclass(frozen=True, slots=True)
class OtherTip:
    """The tip of a branch that is not where it was expected to be; None if there is no such branch.

    ``was_sent`` says that it was there before, and that a write was refused: by its own first attempt, perhaps, if a
    network lost the answer to that.
    """

    tip: SnapshotId | None
    was_sent: bool = False


@dataclass(frozen=True, slots=True)
class RefNames:
    """What the listing of all refs tells; a deleted tag has a tombstone beside its file."""

    branches: frozenset[str]
    tags: frozenset[str]
    deleted_tags: frozenset[str]


class RefFiles:
    """The ref files of one repository."""

    def __init__(self, context: RepositoryContext) -> None:
        self._context = context
        self._objects = context.objects

    def names(self) -> RefNames:
        """All names, without reading a ref."""
        found: dict[tuple[str, str], set[str]] = {}
        for meta in self._objects.list(keys.REFS):
            _, ref, *rest = meta.key.split("/")
            kind, dot, name = ref.partition(".")
            if not dot or kind not in {_BRANCH, _TAG}:
                raise error(ErrorKind.INVALID_REF_TYPE, f"invalid ref type `{ref}`: remove `{meta.key}`, it is no ref")
            found.setdefault((kind, "/".join(rest)), set()).add(name)
        deleted = found.get((_TAG, _tombstone(_REF_FILE)), set())
        live = found.get((_TAG, _REF_FILE), set()) - deleted
        return RefNames(frozenset(found.get((_BRANCH, _REF_FILE), set())), frozenset(live), frozenset(deleted))

    def read_branches(self, names: Iterable[str]) -> dict[str, SnapshotId]:
        """The tips of branches; those that are gone by now are left out."""
        return self._read_all({name: self._key(_BRANCH, name) for name in names})

    def read_tags(self, names: Iterable[str]) -> dict[str, SnapshotId]:
        """What the files of tags say, of deleted ones too."""
        return self._read_all({name: self._key(_TAG, name) for name in names})

    # ---- branches --------------------------------------------------------------------------------------------------

    def branch(self, name: str) -> SnapshotId:
        found = self._get(self._key(_BRANCH, name))
        if found is None:
            raise ref_not_found(name)
        return found[0]

    def swap_branch(self, name: str, target: SnapshotId, *, expected: SnapshotId | None) -> OtherTip | None:
        """Compare and set; None expects that there is no such branch.  Returns what was found if that was not so."""
        key = self._key(_BRANCH, name)
        for attempt in range(_MAX_TRIES):
            found = self._get(key)
            actual = found[0] if found is not None else None
            if actual != expected:
                was_sent = attempt > 0 and not self._objects.is_local
                return None if was_sent and actual == target else OtherTip(actual, was_sent)
            if self._try_put(key, target, found[1] if found is not None else None):
                return None
        raise _exhausted(name)

    def move_branch(self, name: str, target: SnapshotId) -> None:
        """Set an existing branch, whatever its tip is."""
        key = self._key(_BRANCH, name)
        for _ in range(_MAX_TRIES):
            found = self._get(key)
            if found is None:
                raise ref_not_found(name)
            if self._try_put(key, target, found[1]):
                return
        raise _exhausted(name)

    def delete_branch(self, name: str) -> None:
        self.branch(name)
        delete_all(self._objects, [self._key(_BRANCH, name)])

    # ---- tags ------------------------------------------------------------------------------------------------------

    def tag(self, name: str) -> SnapshotId:
        key = self._key(_TAG, name)
        found = self._get(key)
        if found is None or self._objects.head(_tombstone(key)) is not None:
            raise ref_not_found(name)
        return found[0]

    def create_tag(self, name: str, target: SnapshotId) -> None:
        key = self._key(_TAG, name)
        # Asked first because the storage settings may turn conditional creation off.
        if self._objects.head(key) is not None:
            raise tag_exists(name)
        if not self._try_put(key, target, None):
            found = None if self._objects.is_local else self._get(key)
            if found is None or found[0] != target:  # else a network lost the answer, or another made the same tag
                raise tag_exists(name)

    def delete_tag(self, name: str) -> None:
        """Leave a tombstone beside the file, so that the name is never used again."""
        self.tag(name)
        try:
            self._objects.put(_tombstone(self._key(_TAG, name)), b"", put_mode(self._context, None))
        except StorageConflict:
            raise ref_not_found(name) from None

    # ---- files -----------------------------------------------------------------------------------------------------

    def _read_all(self, wanted: Mapping[str, str]) -> dict[str, SnapshotId]:
        """The refs of these names and keys, read at once."""
        found = self._objects.get_many([(key, None, None) for key in wanted.values()])
        return {
            name: _decode(key, bytes(data))
            for (name, key), data in zip(wanted.items(), found, strict=True)
            if data is not None
        }

    def _key(self, kind: str, name: str) -> str:
        if "/" in name:
            raise error(ErrorKind.INVALID_REF_NAME, f"invalid ref name `{name}`: it may not contain `/`")
        return keys.branch_ref(name) if kind == _BRANCH else keys.tag_ref(name)

    def _get(self, key: str) -> tuple[SnapshotId, Version] | None:
        found = self._objects.get_versioned(key)
        if found is None or found[0] is None:
            return None
        return _decode(key, bytes(found[0])), found[1].version

    def _try_put(self, key: str, target: SnapshotId, version: Version | None) -> bool:
        """Write a ref that is at ``version``, or that does not exist if it is None; False if that was not so."""
        try:
            self._objects.put(
                key,
                b'{"snapshot":"%s"}' % format_id(target).encode(),
                put_mode(self._context, version),
                content_type=content_type(self._context, "application/json"),
            )
        except StorageConflict:
            return False
        return True


def put_mode(context: RepositoryContext, version: Version | None) -> PutMode:
    """Update an object at ``version``, or create it if that is None; as far as the storage settings allow it."""
    settings = context.config.effective_storage()
    allowed = settings.unsafe_use_conditional_create if version is None else settings.unsafe_use_conditional_update
    if not allowed and not context.objects.always_compares:
        return PutMode.OVERWRITE
    return PutMode.CREATE if version is None else PutMode.update(version)


def delete_all(objects: ObjectStore, names: list[str]) -> None:
    """Delete objects; ``StorageError`` if one could not be deleted."""
    failures = objects.delete_many(names)
    if failures:
        key, reason = failures[0]
        raise error(ErrorKind.OBJECT_STORE, f"{len(failures)} objects could not be deleted, first `{key}`: {reason}")


def _tombstone(key: str) -> str:
    return f"{key}.deleted"


def _decode(key: str, data: bytes) -> SnapshotId:
    try:
        return parse_snapshot_id(json.loads(data)["snapshot"])
    except RecursionError:
        raise error(ErrorKind.SERIALIZATION, f"cannot read ref `{key}`: it is nested too deeply") from None
    except (ValueError, TypeError, KeyError) as failure:
        raise error(ErrorKind.SERIALIZATION, f"cannot read ref `{key}`: {failure}") from failure


def _exhausted(name: str) -> IcechunkError:
    return error(
        ErrorKind.UPDATE_ATTEMPTS_EXHAUSTED,
        f"branch `{name}` cannot be updated after {_MAX_TRIES} attempts, too many concurrent changes",
    )
