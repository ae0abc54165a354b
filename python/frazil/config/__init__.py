"""Everything about a repository that can be chosen."""

from frazil.config.attribution import Attribution
from frazil.config.caching import CachingConfig
from frazil.config.compression import CompressionConfig
from frazil.config.enums import ChecksumAlgorithm, ChunkType, CompressionAlgorithm, RepoAvailability, SpecVersion
from frazil.config.feature_flag import FeatureFlag
from frazil.config.location_compression import ManifestVirtualChunkLocationCompressionConfig
from frazil.config.manifest import ManifestConfig
from frazil.config.object_store import AnyObjectStoreConfig, ObjectStoreConfig
from frazil.config.preload import ManifestPreloadConfig
from frazil.config.preload_condition import ManifestPreloadCondition
from frazil.config.repo_status import RepoStatus
from frazil.config.repository import RepositoryConfig
from frazil.config.s3_options import S3Options
from frazil.config.split_condition import ManifestSplitCondition
from frazil.config.split_dim_condition import ManifestSplitDimCondition
from frazil.config.splitting import (
    ManifestSplittingConfig,
    ManifestSplitValues,
    SplitSizesDict,
    from_dict,
    to_dict,
)
from frazil.config.storage_settings import (
    RepoUpdateRetryConfig,
    StorageConcurrencySettings,
    StorageRetriesSettings,
    StorageSettings,
    StorageTimeoutSettings,
)
from frazil.config.virtual_chunk_container import VirtualChunkContainer
from frazil.logs import initialize_logs, set_logs_filter, shutdown_telemetry

__all__ = [
    "AnyObjectStoreConfig",
    "Attribution",
    "CachingConfig",
    "ChecksumAlgorithm",
    "ChunkType",
    "CompressionAlgorithm",
    "CompressionConfig",
    "FeatureFlag",
    "ManifestConfig",
    "ManifestPreloadCondition",
    "ManifestPreloadConfig",
    "ManifestSplitCondition",
    "ManifestSplitDimCondition",
    "ManifestSplitValues",
    "ManifestSplittingConfig",
    "ManifestVirtualChunkLocationCompressionConfig",
    "ObjectStoreConfig",
    "RepoAvailability",
    "RepoStatus",
    "RepoUpdateRetryConfig",
    "RepositoryConfig",
    "S3Options",
    "SpecVersion",
    "SplitSizesDict",
    "StorageConcurrencySettings",
    "StorageRetriesSettings",
    "StorageSettings",
    "StorageTimeoutSettings",
    "VirtualChunkContainer",
    "from_dict",
    "initialize_logs",
    "set_logs_filter",
    "shutdown_telemetry",
    "to_dict",
]
