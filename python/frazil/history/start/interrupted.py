"""What a creation that was interrupted has left, and going on with it.

Nobody can have used a repository that has no more than its initial snapshot: ``repo``, or the ref of main, comes last.
What is there is kept as it is, for its writer may still be about to finish: whoever is first does, with the same files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from frazil._core import Snapshot
from frazil.errors import ErrorKind, FormatError, IcechunkError, error
from frazil.format import keys
from frazil.format import snapshot_entry as entries
from frazil.format.ids import INITIAL_SNAPSHOT_ID
from frazil.format.node_path import ROOT
from frazil.format.records import SnapshotEntry
from frazil.history import stored_config as stored_configs
from frazil.history.start.opening import detect_spec_version
from frazil.history.stored_config import StoredConfig
from frazil.open_repository.new_files import NewFile

if TYPE_CHECKING:
    from frazil.config import RepositoryConfig
    from frazil.open_repository.context import RepositoryContext

_SNAPSHOT: Final = keys.snapshot(INITIAL_SNAPSHOT_ID)
_LEFT: Final = {
    1: frozenset({_SNAPSHOT, keys.CONFIG}),
    2: frozenset({_SNAPSHOT, keys.transaction_log(INITIAL_SNAPSHOT_ID)}),
}
"""What there may be before the object that makes a repository one, by spec version."""

_MOST: Final = 4


@dataclass(frozen=True, slots=True)
class InitialSnapshot:
    """The first snapshot of a repository, with its file."""

    entry: SnapshotEntry
    data: bytes

    @property
    def file(self) -> NewFile:
        return NewFile(keys.snapshot(self.entry.id), self.data)


def ensure_clean(context: RepositoryContext) -> frozenset[str]:
    """The keys that an interrupted creation of the same spec version has left; none in a clean place.

    Raises ``InvalidInputError`` of kind ``parent-directory-not-clean`` if there is anything else.
    """
    found = [meta.key for meta, _ in zip(context.objects.list(), range(_MOST), strict=False)]
    if _LEFT[context.spec_version].issuperset(found):
        return frozenset(found)
    if (_LEFT[1] | _LEFT[2]).issuperset(found):
        raise _left_otherwise(found)
    if detect_spec_version(context.objects, context.clock()) is not None:
        raise error(
            ErrorKind.PARENT_DIRECTORY_NOT_CLEAN,
            "there is a repository here already, so none is created: open it with Repository.open() or "
            f"Repository.open_or_create() (found {_named(found)})",
        )
    raise error(
        ErrorKind.PARENT_DIRECTORY_NOT_CLEAN,
        f"repositories can only be created in clean prefixes: {_named(found)} is here already; choose another prefix, or "
        "say check_clean_root=False to create one beside it",
    )


def initial_snapshot(context: RepositoryContext, left: frozenset[str]) -> InitialSnapshot | None:
    """The initial snapshot that was left; None if there is none.

    Raises ``InvalidInputError`` of kind ``parent-directory-not-clean`` if it is not as we would have written it.
    """
    data = bytes(context.objects.get(_SNAPSHOT) or b"") if _SNAPSHOT in left else b""
    if not data:
        return None
    try:
        snapshot = Snapshot.decode(data, INITIAL_SNAPSHOT_ID)
    except FormatError:
        raise _left_otherwise(left) from None
    is_empty = snapshot.parent_id is None and all(path == ROOT for path, _, _ in snapshot.paths(ROOT))
    if snapshot.file_spec_version != context.spec_version or not is_empty:
        raise _left_otherwise(left)
    return InitialSnapshot(entries.from_snapshot(snapshot), data)


def stored_config(context: RepositoryContext, left: frozenset[str], config: RepositoryConfig | None) -> StoredConfig:
    """The configuration that was left; none where none was.

    Raises ``InvalidInputError`` of kind ``parent-directory-not-clean`` if it is not ``config``.
    """
    if keys.CONFIG not in left:
        return StoredConfig(None, None)
    stored = stored_configs.read_v1(context.objects)
    if stored.config is None or stored.config != config:
        raise _left_otherwise(left)
    return stored


def _left_otherwise(left: frozenset[str] | list[str]) -> IcechunkError:
    return error(
        ErrorKind.PARENT_DIRECTORY_NOT_CLEAN,
        "repositories can only be created in clean prefixes: a creation that was interrupted has left "
        f"{_named(sorted(left))} here, with other settings; if nobody is creating it right now, delete that, or create it "
        "with the same spec version and configuration",
    )


def _named(found: list[str]) -> str:
    return ", ".join(f"`{key}`" for key in found[: _MOST - 1]) + (" and more" if len(found) >= _MOST else "")
