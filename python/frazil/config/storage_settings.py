"""How a storage backend is used."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from frazil.config.base import Config, effective
from frazil.config.effective import (
    REPO_UPDATE_RETRIES,
    EffectiveConcurrency,
    EffectiveRetries,
    EffectiveStorage,
    EffectiveTimeouts,
)
from frazil.config.fields import flag, one_of, text, unsigned
from frazil.names import public, public_in


@public
@dataclass(repr=False)
class StorageConcurrencySettings(Config):
    """How the reading of one big object is divided into requests.

    Parameters
    ----------
    max_concurrent_requests_for_object
        Requests under way at once for one object, 18 if not given.
    ideal_concurrent_request_size
        Bytes that one request should read, 12 MiB if not given.
    """

    title = "storage.StorageConcurrencySettings"
    fallback = EffectiveConcurrency

    max_concurrent_requests_for_object: int | None = unsigned(16, minimum=1)
    ideal_concurrent_request_size: int | None = unsigned(64, minimum=1)


@public
@dataclass(repr=False)
class StorageRetriesSettings(Config):
    """How often a request that failed for a passing reason is sent again.

    Parameters
    ----------
    max_tries
        Times it is sent in all, 10 if not given.
    initial_backoff_ms
        Pause before the second time, 100 ms if not given; each further pause is longer.
    max_backoff_ms
        The longest pause, 180 s if not given.
    """

    title = "storage.StorageRetriesSettings"
    fallback = EffectiveRetries

    max_tries: int | None = unsigned(16, minimum=1)
    initial_backoff_ms: int | None = unsigned(32)
    max_backoff_ms: int | None = unsigned(32)


@public
@dataclass(repr=False)
class StorageTimeoutSettings(Config):
    """Limits on the time that requests may take, in milliseconds; there are none if not given.

    Parameters
    ----------
    connect_timeout_ms
        For making a connection.
    read_timeout_ms
        For the first byte of an answer.
    operation_timeout_ms
        For an operation with all its tries.
    operation_attempt_timeout_ms
        For one try of an operation.
    """

    title = "storage.StorageTimeoutSettings"
    fallback = EffectiveTimeouts

    connect_timeout_ms: int | None = unsigned(32)
    read_timeout_ms: int | None = unsigned(32)
    operation_timeout_ms: int | None = unsigned(32)
    operation_attempt_timeout_ms: int | None = unsigned(32)


@public
@dataclass(repr=False)
class StorageSettings(Config):
    """Settings for one storage backend.

    Parameters
    ----------
    concurrency
        How the reading of big objects is divided.
    retries
        How often failed requests are sent again.
    unsafe_use_conditional_create, unsafe_use_conditional_update
        Whether the backend can be relied on to refuse a write whose condition does not hold.  Without them two
        concurrent commits can overwrite each other.  Both are on if not given.
    unsafe_use_metadata
        Whether objects are given user metadata and content types, on if not given.
    storage_class, metadata_storage_class, chunks_storage_class
        Storage class of new objects; the more specific ones win.
    minimum_size_for_multipart_upload
        Objects of at least this many bytes are uploaded in parts, 100 MiB if not given.
    timeouts
        Limits on the time that requests may take.
    """

    title = "storage.StorageSettings"
    shown = (
        "unsafe_use_conditional_create",
        "unsafe_use_conditional_update",
        "unsafe_use_metadata",
        "storage_class",
        "metadata_storage_class",
        "chunks_storage_class",
        "minimum_size_for_multipart_upload",
        "concurrency",
        "retries",
        "timeouts",
    )
    fallback = EffectiveStorage

    concurrency: StorageConcurrencySettings | None = one_of(StorageConcurrencySettings)
    retries: StorageRetriesSettings | None = one_of(StorageRetriesSettings)
    unsafe_use_conditional_create: bool | None = flag()
    unsafe_use_conditional_update: bool | None = flag()
    unsafe_use_metadata: bool | None = flag()
    storage_class: str | None = text()
    metadata_storage_class: str | None = text()
    chunks_storage_class: str | None = text()
    minimum_size_for_multipart_upload: int | None = unsigned(64)
    timeouts: StorageTimeoutSettings | None = one_of(StorageTimeoutSettings)

    def effective(self) -> EffectiveStorage:
        """The settings with nothing unset."""
        return effective(
            EffectiveStorage,
            self,
            concurrency=effective(EffectiveConcurrency, self.concurrency),
            retries=effective(EffectiveRetries, self.retries),
            timeouts=effective(EffectiveTimeouts, self.timeouts),
        )

    def _defaults(self) -> dict[str, object]:
        return {
            **super()._defaults(),
            "concurrency": StorageConcurrencySettings(),
            "retries": StorageRetriesSettings(),
            "timeouts": None,
        }


@public_in("config")
@dataclass(repr=False)
class RepoUpdateRetryConfig(Config):
    """How often an update of the ``repo`` object that lost a race is tried again.

    Parameters
    ----------
    default
        For every kind of update; 100 tries with pauses of 50 ms to 30 s if not given.
    """

    title = "config.RepoUpdateRetryConfig"

    default: StorageRetriesSettings | None = one_of(StorageRetriesSettings)

    def effective(self) -> EffectiveRetries:
        """The settings with nothing unset."""
        return REPO_UPDATE_RETRIES if self.default is None else effective(EffectiveRetries, self.default)

    def _defaults(self) -> dict[str, object]:
        return {"default": StorageRetriesSettings(**asdict(REPO_UPDATE_RETRIES))}
