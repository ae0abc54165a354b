"""The configuration of a repository."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from frazil.config.base import Config, effective
from frazil.config.caching import CachingConfig
from frazil.config.compression import CompressionConfig
from frazil.config.effective import (
    EffectiveCaching,
    EffectiveCompression,
    EffectiveRepository,
    EffectiveRetries,
    EffectiveStorage,
)
from frazil.config.fields import checked, instance, one_of, string, unsigned
from frazil.config.manifest import ManifestConfig
from frazil.config.storage_settings import RepoUpdateRetryConfig, StorageSettings
from frazil.config.virtual_chunk_container import VirtualChunkContainer, validate
from frazil.names import public


def _containers(name: str, value: object) -> dict[str, VirtualChunkContainer] | None:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must map url prefixes to containers, not be {value!r}")
    return {string(name, key): instance(name, item, VirtualChunkContainer) for key, item in value.items()}


@public
@dataclass(repr=False)
class RepositoryConfig(Config):
    """How a repository is read and written.  Whatever is not given has the default named with it.

    Parameters
    ----------
    inline_chunk_threshold_bytes
        Chunks of up to this many bytes are kept in manifests, 512.
    get_partial_values_concurrency
        Chunks that one call for partial values reads at once, 10.
    compression
        Compression of metadata files.
    max_concurrent_requests
        Storage requests of one repository object under way at once, 256.
    caching
        Budgets of the caches.
    storage
        Settings of the storage backend; its own defaults.
    virtual_chunk_containers
        Where virtual chunks may be read from, by url prefix; nowhere.
    manifest
        Splitting, compression and fetching of manifests.
    repo_update_retries
        How often updates that lose a race are tried again.
    num_updates_per_repo_info_file
        Entries of the operations log in the ``repo`` object before older ones are left to its backups, 1000.
    max_concurrent_decodes
        Metadata files decoded at once, the number of CPUs.
    """

    title = "config.RepositoryConfig"
    shown = (
        "inline_chunk_threshold_bytes",
        "get_partial_values_concurrency",
        "max_concurrent_requests",
        "max_concurrent_decodes",
        "num_updates_per_repo_info_file",
        "compression",
        "caching",
        "storage",
        "manifest",
        "repo_update_retries",
        "virtual_chunk_containers",
    )
    fallback = EffectiveRepository

    inline_chunk_threshold_bytes: int | None = unsigned(16)
    get_partial_values_concurrency: int | None = unsigned(16)
    compression: CompressionConfig | None = one_of(CompressionConfig)
    max_concurrent_requests: int | None = unsigned(16)
    caching: CachingConfig | None = one_of(CachingConfig)
    storage: StorageSettings | None = one_of(StorageSettings)
    virtual_chunk_containers: dict[str, VirtualChunkContainer] | None = checked(_containers, default=None)
    manifest: ManifestConfig | None = one_of(ManifestConfig)
    repo_update_retries: RepoUpdateRetryConfig | None = one_of(RepoUpdateRetryConfig)
    num_updates_per_repo_info_file: int | None = unsigned(16)
    max_concurrent_decodes: int | None = unsigned(16)

    @staticmethod
    def default() -> RepositoryConfig:
        """A configuration that says nothing."""
        return RepositoryConfig()

    @property
    def previous_file(self) -> str | None:
        """Where the configuration that this one replaced was kept, if it was loaded from a file that says so."""
        found: str | None = vars(self).get("_previous_file")
        return found

    def note_previous_file(self, path: str) -> None:
        """Remember what a file says in ``previous_file``; it takes no part in comparisons."""
        vars(self)["_previous_file"] = string("previous_file", path)

    def merge(self, other: RepositoryConfig) -> RepositoryConfig:
        """A new configuration: what ``other`` sets, and this one where it sets nothing.

        Nested settings are merged field by field, except that containers, preloading and splitting are taken as a
        whole from ``other`` if it sets them.
        """
        return super().merge(other)

    # ---- virtual chunk containers ----------------------------------------------------------------------------------

    def set_virtual_chunk_container(self, cont: VirtualChunkContainer) -> None:
        """Add a container, in the place of any with the same url prefix or the same name.

        Raises
        ------
        ValueError
            If the url prefix does not suit the store, or the name cannot be part of a URL.
        """
        validate(cont)
        kept = {
            prefix: container
            for prefix, container in (self.virtual_chunk_containers or {}).items()
            if cont.name is None or container.name != cont.name
        }
        self._set_containers({**kept, cont.url_prefix: cont})

    def get_virtual_chunk_container(self, name: str) -> VirtualChunkContainer | None:
        """The container with this url prefix or, failing that, with this name."""
        containers = self.virtual_chunk_containers or {}
        named = (container for container in containers.values() if container.name == name)
        return containers.get(name) or next(named, None)

    def clear_virtual_chunk_containers(self) -> None:
        """Remove all containers; unlike None, this also hides those of a configuration that this one is merged on."""
        self._set_containers({})

    def _set_containers(self, containers: dict[str, VirtualChunkContainer]) -> None:
        vars(self)["virtual_chunk_containers"] = containers

    def __setattr__(self, name: str, value: object) -> None:
        if name == "virtual_chunk_containers" and name in vars(self):
            raise AttributeError(
                "virtual_chunk_containers cannot be assigned; use set_virtual_chunk_container() and "
                "clear_virtual_chunk_containers()"
            )
        super().__setattr__(name, value)

    # ---- what is used ----------------------------------------------------------------------------------------------

    def effective(self) -> EffectiveRepository:
        """The numbers on this level, with nothing unset."""
        return effective(EffectiveRepository, self)

    def effective_inline_threshold(self) -> int:
        """Chunks of up to this many bytes are kept in manifests."""
        return self.effective().inline_chunk_threshold_bytes

    def effective_max_concurrent_requests(self) -> int:
        """Storage requests under way at once."""
        return self.effective().max_concurrent_requests

    def effective_max_concurrent_decodes(self) -> int:
        """Metadata files decoded at once."""
        return self.effective().max_concurrent_decodes

    def effective_get_partial_values_concurrency(self) -> int:
        """Chunks that one call for partial values reads at once."""
        return self.effective().get_partial_values_concurrency

    def effective_num_updates_per_repo_info_file(self) -> int:
        """Entries of the operations log in one ``repo`` object."""
        return self.effective().num_updates_per_repo_info_file

    def effective_compression(self) -> EffectiveCompression:
        """Compression of metadata files, with nothing unset."""
        return effective(EffectiveCompression, self.compression)

    def effective_compression_level(self) -> int:
        """Level of compression of metadata files."""
        return self.effective_compression().level

    def effective_caching(self) -> EffectiveCaching:
        """Budgets of the caches, with nothing unset."""
        return effective(EffectiveCaching, self.caching)

    def effective_storage(self) -> EffectiveStorage:
        """Settings of the storage backend, with nothing unset."""
        return (self.storage or StorageSettings()).effective()

    def effective_manifest(self) -> ManifestConfig:
        """Settings for manifests; see its own ``effective_`` methods."""
        return self.manifest or ManifestConfig()

    def effective_repo_update_retries(self) -> EffectiveRetries:
        """How often updates that lose a race are tried again, with nothing unset."""
        return (self.repo_update_retries or RepoUpdateRetryConfig()).effective()

    def _defaults(self) -> dict[str, object]:
        return {
            **super()._defaults(),
            "compression": CompressionConfig(),
            "caching": CachingConfig(),
            "manifest": ManifestConfig(),
            "repo_update_retries": RepoUpdateRetryConfig(),
        }
