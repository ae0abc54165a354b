"""The settings that backends have of their own."""

from __future__ import annotations

from frazil.config.storage_settings import (
    StorageConcurrencySettings,
    StorageRetriesSettings,
    StorageSettings,
)

_ONE_TRY = (1, 0, 0)


def memory_settings() -> StorageSettings:
    """Nothing is gained by dividing or repeating requests."""
    return StorageSettings(concurrency=StorageConcurrencySettings(5, 1), retries=StorageRetriesSettings(*_ONE_TRY))


def local_settings() -> StorageSettings:
    """Files have no user metadata, and comparing versions is the extension's own affair."""
    return StorageSettings(
        concurrency=StorageConcurrencySettings(5, 4096),
        retries=StorageRetriesSettings(*_ONE_TRY),
        unsafe_use_conditional_update=False,
        unsafe_use_metadata=False,
    )
