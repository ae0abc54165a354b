"""What is used for every setting that nobody set: the one place with the numbers.

Frozen counterparts of the configuration classes in which nothing is unset, except where None itself means something.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Final

from frazil.config.enums import CompressionAlgorithm
from frazil.config.preload_condition import DEFAULT_PRELOAD_CONDITION, ManifestPreloadCondition


@dataclass(frozen=True, slots=True)
class EffectiveCompression:
    """Compression of metadata files."""

    algorithm: CompressionAlgorithm = CompressionAlgorithm.Zstd
    level: int = 3


@dataclass(frozen=True, slots=True)
class EffectiveCaching:
    """Budgets of the caches, in units of the name; 0 turns one off."""

    num_snapshot_nodes: int = 500_000
    num_chunk_refs: int = 15_000_000
    num_transaction_changes: int = 0
    num_bytes_attributes: int = 0
    num_bytes_chunks: int = 0


@dataclass(frozen=True, slots=True)
class EffectivePreload:
    """Which manifests are fetched ahead when a session opens."""

    max_total_refs: int = 10_000
    preload_if: ManifestPreloadCondition = field(default=DEFAULT_PRELOAD_CONDITION)
    max_arrays_to_scan: int = 50


@dataclass(frozen=True, slots=True)
class EffectiveLocationCompression:
    """Compression of virtual chunk locations inside manifests."""

    min_num_chunks: int = 1000
    dictionary_max_training_samples: int = 100
    dictionary_max_size_bytes: int = 2048
    compression_level: int = 3


@dataclass(frozen=True, slots=True)
class EffectiveManifest:
    """The numbers of ``ManifestConfig``."""

    max_concurrent_manifest_fetches_during_commit: int = 1


@dataclass(frozen=True, slots=True)
class EffectiveRetries:
    """How often, and with which pauses in milliseconds, something is tried again."""

    max_tries: int = 10
    initial_backoff_ms: int = 100
    max_backoff_ms: int = 180_000


REPO_UPDATE_RETRIES: Final = EffectiveRetries(max_tries=100, initial_backoff_ms=50, max_backoff_ms=30_000)
"""For updates of the ``repo`` object that lose a race."""


@dataclass(frozen=True, slots=True)
class EffectiveConcurrency:
    """How the reading of one big object is divided."""

    max_concurrent_requests_for_object: int = 18
    ideal_concurrent_request_size: int = 12 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class EffectiveTimeouts:
    """Limits in milliseconds; None is no limit."""

    connect_timeout_ms: int | None = None
    read_timeout_ms: int | None = None
    operation_timeout_ms: int | None = None
    operation_attempt_timeout_ms: int | None = None


@dataclass(frozen=True, slots=True)
class EffectiveStorage:
    """How a storage backend is used."""

    unsafe_use_conditional_create: bool = True
    unsafe_use_conditional_update: bool = True
    unsafe_use_metadata: bool = True
    storage_class: str | None = None
    metadata_storage_class: str | None = None
    chunks_storage_class: str | None = None
    minimum_size_for_multipart_upload: int = 100 * 1024 * 1024
    concurrency: EffectiveConcurrency = field(default=EffectiveConcurrency())
    retries: EffectiveRetries = field(default=EffectiveRetries())
    timeouts: EffectiveTimeouts = field(default=EffectiveTimeouts())


@dataclass(frozen=True, slots=True)
class EffectiveRepository:
    """The numbers of ``RepositoryConfig``."""

    inline_chunk_threshold_bytes: int = 512
    get_partial_values_concurrency: int = 10
    max_concurrent_requests: int = 256
    max_concurrent_decodes: int = field(default=os.cpu_count() or 1)
    num_updates_per_repo_info_file: int = 1000
