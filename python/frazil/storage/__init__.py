"""Where repositories live, and where virtual chunks come from."""

from frazil.config.enums import ChecksumAlgorithm, ChunkType
from frazil.config.object_store import AnyObjectStoreConfig, ObjectStoreConfig
from frazil.config.s3_options import S3Options
from frazil.config.storage_settings import (
    StorageConcurrencySettings,
    StorageRetriesSettings,
    StorageSettings,
    StorageTimeoutSettings,
)
from frazil.storage.constructors import (
    azure_storage,
    gcs_storage,
    http_storage,
    in_memory_storage,
    local_filesystem_storage,
    redirect_storage,
)
from frazil.storage.credentials import (
    GcsBearerCredential,
    S3StaticCredentials,
    azure_credentials,
    gcs_credentials,
    s3_credentials,
)
from frazil.storage.object_info import StorageObjectInfo
from frazil.storage.s3 import hf_storage, r2_storage, s3_object_store_storage, s3_storage, tigris_storage
from frazil.storage.storage import Storage
from frazil.storage.stores import azure_store, gcs_store, http_store, local_filesystem_store, s3_store

__all__ = [
    "AnyObjectStoreConfig",
    "ChecksumAlgorithm",
    "ChunkType",
    "GcsBearerCredential",
    "ObjectStoreConfig",
    "S3Options",
    "S3StaticCredentials",
    "Storage",
    "StorageConcurrencySettings",
    "StorageObjectInfo",
    "StorageRetriesSettings",
    "StorageSettings",
    "StorageTimeoutSettings",
    "azure_credentials",
    "azure_storage",
    "azure_store",
    "gcs_credentials",
    "gcs_storage",
    "gcs_store",
    "hf_storage",
    "http_storage",
    "http_store",
    "in_memory_storage",
    "local_filesystem_storage",
    "local_filesystem_store",
    "r2_storage",
    "redirect_storage",
    "s3_credentials",
    "s3_object_store_storage",
    "s3_storage",
    "s3_store",
    "tigris_storage",
]
