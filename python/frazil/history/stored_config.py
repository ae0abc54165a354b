"""The configuration that is saved with a repository: in the ``repo`` object, or in ``config.yaml`` of spec 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from frazil._core import ObjectStore, PutMode, RepoInfo, Version
from frazil.config import persistence
from frazil.format import keys
from frazil.format.object_attributes import content_type

if TYPE_CHECKING:
    from frazil.config import RepositoryConfig
    from frazil.open_repository.context import RepositoryContext


@dataclass(frozen=True, slots=True)
class StoredConfig:
    """What ``config.yaml`` said, and its version; both None if there was none."""

    config: RepositoryConfig | None
    version: Version | None


def from_repo(info: RepoInfo) -> RepositoryConfig | None:
    """What the ``repo`` object of spec 2 holds; None if none was ever saved."""
    data = info.config
    return persistence.from_flexbuffer(data) if data is not None else None


def read_v1(objects: ObjectStore) -> StoredConfig:
    """The present ``config.yaml``."""
    found = objects.get_versioned(keys.CONFIG)
    if found is None or found[0] is None:
        return StoredConfig(None, None)
    return StoredConfig(persistence.from_yaml(bytes(found[0])), found[1].version)


def write_v1(context: RepositoryContext, config: RepositoryConfig, mode: PutMode) -> Version:
    """Write ``config.yaml``; ``StorageConflict`` if ``mode`` does not hold."""
    mime_type = content_type(context, "application/yaml")
    return context.objects.put(keys.CONFIG, persistence.to_yaml(config), mode, content_type=mime_type)
