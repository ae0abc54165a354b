"""Which keys each part of the configuration has in files, in the order in which they are written (format section 4.3)."""

from __future__ import annotations

from typing import Any

from frazil.config.caching import CachingConfig
from frazil.config.compression import CompressionConfig
from frazil.config.enums import CompressionAlgorithm
from frazil.config.location_compression import ManifestVirtualChunkLocationCompressionConfig
from frazil.config.manifest import ManifestConfig
from frazil.config.persistence.conditions import PRELOAD_CONDITION, SPLIT_SIZES
from frazil.config.persistence.object_store import OBJECT_STORE
from frazil.config.persistence.tree import (
    PLAIN,
    Codec,
    Shape,
    Tree,
    read_fields,
    struct,
    unknown_variant,
    variant,
    write_struct,
)
from frazil.config.preload import ManifestPreloadConfig
from frazil.config.repository import RepositoryConfig
from frazil.config.splitting import ManifestSplittingConfig
from frazil.config.storage_settings import (
    RepoUpdateRetryConfig,
    StorageConcurrencySettings,
    StorageRetriesSettings,
    StorageSettings,
    StorageTimeoutSettings,
)
from frazil.config.virtual_chunk_container import VirtualChunkContainer


def _plain(*keys: str) -> Shape:
    return dict.fromkeys(keys, PLAIN)


def _read_algorithm(tree: Tree) -> CompressionAlgorithm:
    name, _ = variant("compression algorithm", tree)
    if name != "zstd":
        raise unknown_variant("compression algorithm", name)
    return CompressionAlgorithm.Zstd


_COMPRESSION: Shape = {"algorithm": Codec(lambda _: "zstd", _read_algorithm), "level": PLAIN}
_CACHING = _plain(
    "num_snapshot_nodes", "num_chunk_refs", "num_transaction_changes", "num_bytes_attributes", "num_bytes_chunks"
)
_RETRIES = struct(StorageRetriesSettings, _plain("max_tries", "initial_backoff_ms", "max_backoff_ms"))
_STORAGE: Shape = {
    "concurrency": struct(
        StorageConcurrencySettings, _plain("max_concurrent_requests_for_object", "ideal_concurrent_request_size")
    ),
    "retries": _RETRIES,
    "timeouts": struct(
        StorageTimeoutSettings,
        _plain("connect_timeout_ms", "read_timeout_ms", "operation_timeout_ms", "operation_attempt_timeout_ms"),
    ),
    **_plain(
        "unsafe_use_conditional_update",
        "unsafe_use_conditional_create",
        "unsafe_use_metadata",
        "storage_class",
        "metadata_storage_class",
        "chunks_storage_class",
        "minimum_size_for_multipart_upload",
    ),
}
_CONTAINER: Shape = {"name": PLAIN, "url_prefix": PLAIN, "store": OBJECT_STORE}


def _write_containers(containers: dict[str, VirtualChunkContainer]) -> Tree:
    return {prefix: write_struct(container, _CONTAINER) for prefix, container in containers.items()}


def _read_containers(tree: Tree) -> dict[str, VirtualChunkContainer]:
    if not isinstance(tree, dict):
        raise TypeError(f"virtual_chunk_containers must be a mapping, not {tree!r}")
    containers = {}
    for prefix, item in tree.items():
        values: dict[str, Any] = {"url_prefix": prefix, **read_fields("a container", _CONTAINER, item)}
        if "store" not in values:
            raise ValueError(f"the virtual chunk container `{prefix}` has no store")
        containers[prefix] = VirtualChunkContainer(**values)
    return containers


_SPLITTING: Shape = {"split_sizes": SPLIT_SIZES}
_MANIFEST: Shape = {
    "preload": struct(
        ManifestPreloadConfig,
        {"max_total_refs": PLAIN, "preload_if": PRELOAD_CONDITION, "max_arrays_to_scan": PLAIN},
    ),
    "splitting": struct(ManifestSplittingConfig, _SPLITTING),
    "virtual_chunk_location_compression": struct(
        ManifestVirtualChunkLocationCompressionConfig,
        _plain("min_num_chunks", "dictionary_max_training_samples", "dictionary_max_size_bytes", "compression_level"),
    ),
    "max_concurrent_manifest_fetches_during_commit": PLAIN,
}
_REPOSITORY: Shape = {
    **_plain("inline_chunk_threshold_bytes", "get_partial_values_concurrency"),
    "compression": struct(CompressionConfig, _COMPRESSION),
    **_plain("max_concurrent_requests", "max_concurrent_decodes"),
    "caching": struct(CachingConfig, _CACHING),
    "storage": struct(StorageSettings, _STORAGE),
    "virtual_chunk_containers": Codec(_write_containers, _read_containers),
    "manifest": struct(ManifestConfig, _MANIFEST),
    "previous_file": PLAIN,
    "repo_update_retries": struct(RepoUpdateRetryConfig, {"default": _RETRIES}),
    "num_updates_per_repo_info_file": PLAIN,
}


def write_repository(config: RepositoryConfig) -> Tree:
    """The tree of a whole configuration."""
    return write_struct(config, _REPOSITORY)


def read_repository(tree: Tree) -> RepositoryConfig:
    """The configuration that a tree describes; ``TypeError``, ``ValueError`` or ``OverflowError`` if it is none."""
    values = read_fields("a configuration", _REPOSITORY, tree)
    previous_file = values.pop("previous_file", None)
    config = RepositoryConfig(**values)
    if previous_file is not None:
        config.note_previous_file(previous_file)
    return config


def write_splitting(splitting: ManifestSplittingConfig) -> Tree:
    """The tree of the splitting rules alone."""
    return write_struct(splitting, _SPLITTING)
