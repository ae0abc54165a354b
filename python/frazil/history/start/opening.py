"""Finding the repository at a place, and which protocol it follows (format section 9.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from frazil._core import ObjectStore
from frazil.concurrency.offload import begin
from frazil.errors import ErrorKind, MissingBucket, StorageError, error
from frazil.format import keys
from frazil.history import stored_config
from frazil.history.base import History
from frazil.history.repo_object.ref_changes import MAIN_BRANCH
from frazil.history.repo_object.update import HeldRepo, fetch
from frazil.history.stored_config import StoredConfig
from frazil.history.v1.history import HistoryV1
from frazil.history.v2 import HistoryV2

if TYPE_CHECKING:
    from frazil.config import RepositoryConfig
    from frazil.open_repository.context import RepositoryContext

_MAIN_REF: Final = keys.branch_ref(MAIN_BRANCH)
_MAX_LOOK: Final = 100
_ZARR_FILES: Final = {"zarr.json", ".zgroup", ".zarray", ".zattrs", ".zmetadata"}


@dataclass(frozen=True, slots=True)
class Found:
    """A repository, as far as it had to be read to know what it is.

    ``config`` is the configuration saved with it; ``repo`` the ``repo`` object (spec 2); ``stored`` the state of
    ``config.yaml`` (spec 1).
    """

    spec_version: int
    config: RepositoryConfig | None
    repo: HeldRepo | None = None
    stored: StoredConfig | None = None


def detect(objects: ObjectStore, now: int) -> Found | None:
    """The repository at the root of ``objects``, None if there is none.

    The ``repo`` object decides, also if refs of spec 1 are left beside it by a migration: they are asked for only where
    it is missing.  ``now`` is the present time in microseconds since 1970.
    """
    repo = _look_for_repo(objects, now)
    if repo is not None:
        return Found(2, stored_config.from_repo(repo.info), repo=repo)
    read_config: Callable[[], StoredConfig] = partial(stored_config.read_v1, objects)
    if not objects.is_local:
        read_config = begin(read_config)
    try:
        if objects.head(_MAIN_REF) is None:
            return None
        stored = read_config()
    except MissingBucket:
        return None
    return Found(1, stored.config, stored=stored)


def find(objects: ObjectStore, now: int, where: str = "") -> Found:
    """As ``detect``, with ``RepositoryNotFoundError`` if there is none, which says ``where`` that is."""
    found = detect(objects, now)
    if found is None:
        raise error(
            ErrorKind.REPOSITORY_NOT_FOUND,
            f"the repository doesn't exist{where and f' at {where}'}{_what_is_there(objects)}",
        )
    return found


def detect_spec_version(objects: ObjectStore, now: int) -> int | None:
    """The spec version of the repository at the root of ``objects``, None if there is none."""
    if _look_for_repo(objects, now) is not None:
        return 2
    try:
        return 1 if objects.head(_MAIN_REF) is not None else None
    except MissingBucket:
        return None


def _look_for_repo(objects: ObjectStore, now: int) -> HeldRepo | None:
    """The ``repo`` object; where there is no bucket there is none."""
    try:
        return fetch(objects, None, now)
    except MissingBucket:
        return None


def history_of(context: RepositoryContext, found: Found | None = None) -> History:
    """The history of a repository; ``found`` saves reading again what was read to open it."""
    if context.spec_version == 1:
        return HistoryV1(context, found.stored if found is not None else None)
    return HistoryV2(context, found.repo if found is not None else None)


def _what_is_there(objects: ObjectStore) -> str:
    """A hint where something else is found: files of a repository without the one that makes them one, or a Zarr store."""
    try:
        there = {meta.key.split("/")[0] for meta, _ in zip(objects.list(), range(_MAX_LOOK), strict=False)}
    except MissingBucket:
        return ": there is no such bucket or container"
    except StorageError:
        return ""
    if there & _ZARR_FILES:
        return (
            ": there is a Zarr store here, which has no history; open it with zarr, or make a repository at another place "
            "and copy it there"
        )
    parts = sorted(there & {keys.SNAPSHOTS, keys.MANIFESTS, keys.TRANSACTIONS, keys.CHUNKS, keys.REFS})
    if not parts:
        return ""
    return (
        f": there are {', '.join(parts)} here, but neither `{keys.REPO}` nor `{_MAIN_REF}`; if this is a copy of a "
        "repository, it is not complete"
    )
