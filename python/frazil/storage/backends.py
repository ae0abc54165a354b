"""The kinds of storage: each a frozen description of where bytes live, which can be shown, pickled and opened."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Protocol

from frazil import _core
from frazil.config.attribution import Attribution
from frazil.config.effective import EffectiveStorage
from frazil.config.s3_options import S3Options
from frazil.config.storage_settings import StorageSettings
from frazil.display import Fields
from frazil.errors import ErrorKind, InvalidInputError, error
from frazil.storage.access import azure_access, gcs_access, s3_access
from frazil.storage.credentials.azure import AzureCredentials
from frazil.storage.credentials.gcs import GcsCredentials
from frazil.storage.credentials.profiles import profile_region
from frazil.storage.credentials.s3 import S3Credentials
from frazil.storage.headers import RequestHeaders
from frazil.storage.remote import Remote
from frazil.storage.settings import local_settings, memory_settings

_CHECKSUM_NAMES: Final = ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256")


class Backend(Protocol):
    """What a storage handle stands on."""

    @property
    def read_only(self) -> bool:
        """Whether nothing can be written there."""

    @property
    def shares_its_root(self) -> bool:
        """Whether the root is that of a bucket or container, where other things live too."""

    def shown(self) -> Fields:
        """What a user sees; no secrets."""

    def default_settings(self) -> StorageSettings:
        """Settings that suit this backend; what is unset has the library's defaults."""

    def open(self, settings: EffectiveStorage, attribution: Attribution) -> _core.ObjectStore:
        """Open the store; no request is made."""


@dataclass(frozen=True, slots=True)
class MemoryBackend:
    """The memory of this process.  Copies share it; pickles do not carry it, and start anew empty."""

    store: _core.ObjectStore = field(default_factory=_core.ObjectStore.memory)

    read_only = False
    shares_its_root = False

    def shown(self) -> Fields:
        return (("type", "in-memory"),)

    def default_settings(self) -> StorageSettings:
        return memory_settings()

    def open(self, settings: EffectiveStorage, attribution: Attribution) -> _core.ObjectStore:  # noqa: ARG002
        return self.store

    def __reduce__(self) -> tuple[Callable[[], MemoryBackend], tuple[()]]:
        return MemoryBackend, ()


@dataclass(frozen=True, slots=True)
class LocalBackend:
    """A directory, made when something is first written.

    ``durable`` puts everything that a commit refers to on stable storage before the commit is visible.
    """

    path: str
    durable: bool = True

    read_only = False
    shares_its_root = False

    def shown(self) -> Fields:
        return (("type", "local filesystem"), ("path", self.path))

    def default_settings(self) -> StorageSettings:
        return local_settings()

    def open(self, settings: EffectiveStorage, attribution: Attribution) -> _core.ObjectStore:  # noqa: ARG002
        return _core.ObjectStore.local(Path(self.path).absolute(), durable=self.durable)


@dataclass(frozen=True, slots=True)
class S3Backend:
    """A bucket of S3, or of a service that speaks its protocol.

    ``virtual_hosted`` puts the bucket into the host name of a service of its own, as AWS does.
    """

    bucket: str
    prefix: str | None
    options: S3Options
    credentials: S3Credentials | None = field(default=None, repr=False)
    headers: RequestHeaders = field(default_factory=RequestHeaders)
    flavour: str = "S3 (native)"
    read_only: bool = False
    virtual_hosted: bool = False
    legacy_rooted_keys: bool | None = None

    @property
    def shares_its_root(self) -> bool:
        return self.prefix is None

    def shown(self) -> Fields:
        options = self.options
        fields: Fields = (
            ("type", self.flavour),
            ("bucket", self.bucket),
            ("prefix", self.prefix),
            ("region", options.region),
            ("endpoint_url", options.endpoint_url),
            ("anonymous", self._anonymous or None),
            ("allow_http", options.allow_http or None),
            ("force_path_style", options.force_path_style or None),
        )
        return tuple((name, value) for name, value in fields if value is not None)

    def default_settings(self) -> StorageSettings:
        return StorageSettings()

    @property
    def _anonymous(self) -> bool:
        return self.options.anonymous or isinstance(self.credentials, S3Credentials.Anonymous)

    def open(self, settings: EffectiveStorage, attribution: Attribution) -> _core.ObjectStore:
        rooted = self.prefix is not None and self.prefix.startswith("/")
        return Remote(
            kind="s3",
            options=s3_connection(self.bucket, self.options, virtual_hosted=self.virtual_hosted),
            access=s3_access(self.credentials, anonymous=self.options.anonymous),
            prefix=self.prefix.removeprefix("/") if self.prefix else None,
            headers=self.headers,
            extra={**s3_settings(self.options), "legacy_rooted_keys": rooted or self.legacy_rooted_keys},
            writable=not self.read_only,
        ).open(settings, attribution)


def s3_connection(bucket: str, options: S3Options, *, virtual_hosted: bool = False) -> dict[str, str]:
    """What identifies a bucket, by the client's names."""
    found = {"aws_bucket_name": bucket, "aws_virtual_hosted_style_request": str(virtual_hosted).lower()}
    region = options.region if options.region is not None else profile_region()
    if region is not None:
        found["aws_region"] = region
    endpoint = options.endpoint_url or _endpoint_of_environment()
    if endpoint is not None:
        found["aws_endpoint"] = _with_bucket(endpoint, bucket) if virtual_hosted else endpoint
    if options.allow_http:
        found["aws_allow_http"] = "true"
    if options.requester_pays:
        found["aws_request_payer"] = "true"
    return found


def _endpoint_of_environment() -> str | None:
    """Where the tools of AWS look for a service of their protocol; the more specific variable wins."""
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or None


def s3_settings(options: S3Options) -> dict[str, Any]:
    """How a bucket is used, as far as its options say."""
    checksum = options.checksum_algorithm
    return {
        "network_stream_timeout_seconds": options.network_stream_timeout_seconds,
        "checksum_algorithm": None if checksum is None else _CHECKSUM_NAMES[checksum],
    }


def _with_bucket(endpoint_url: str, bucket: str) -> str:
    scheme, separator, rest = endpoint_url.partition("://")
    return f"{scheme}{separator}{bucket}.{rest}"


@dataclass(frozen=True, slots=True)
class GcsBackend:
    """A bucket of Google Cloud Storage; ``config`` goes to the client as it is."""

    bucket: str
    prefix: str | None
    credentials: GcsCredentials | None = field(default=None, repr=False)
    config: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: RequestHeaders = field(default_factory=RequestHeaders)

    read_only = False

    @property
    def shares_its_root(self) -> bool:
        return self.prefix is None

    def shown(self) -> Fields:
        prefix = () if self.prefix is None else (("prefix", self.prefix),)
        return (("type", "GCS"), ("bucket", self.bucket), *prefix)

    def default_settings(self) -> StorageSettings:
        return StorageSettings()

    def open(self, settings: EffectiveStorage, attribution: Attribution) -> _core.ObjectStore:
        return Remote(
            kind="gcs",
            options={**self.config, "google_bucket": self.bucket},
            access=gcs_access(self.credentials),
            prefix=self.prefix,
            headers=self.headers,
            writable=not self.read_only,
        ).open(settings, attribution)


@dataclass(frozen=True, slots=True)
class AzureBackend:
    """A container of Azure Blob Storage; ``config`` goes to the client as it is."""

    account: str
    container: str
    prefix: str | None
    credentials: AzureCredentials | None = field(default=None, repr=False)
    config: Mapping[str, str] = field(default_factory=dict, repr=False)

    read_only = False

    @property
    def shares_its_root(self) -> bool:
        return self.prefix is None

    def shown(self) -> Fields:
        prefix = () if self.prefix is None else (("prefix", self.prefix),)
        return (("type", "Azure"), ("account", self.account), ("container", self.container), *prefix)

    def default_settings(self) -> StorageSettings:
        return StorageSettings()

    def open(self, settings: EffectiveStorage, attribution: Attribution) -> _core.ObjectStore:
        names = {"azure_storage_account_name": self.account, "azure_container_name": self.container}
        return Remote(
            kind="azure",
            options={**self.config, **names},
            access=azure_access(self.credentials),
            prefix=self.prefix,
            writable=not self.read_only,
        ).open(settings, attribution)


@dataclass(frozen=True, slots=True)
class HttpBackend:
    """A web server that gives out files; ``config`` goes to the client as it is.

    ``named`` are the hosts that it may redirect to even if they are on this machine, its link or a private network, as
    hosts or addresses; None names its own.
    """

    url: str = field(repr=False)
    config: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: RequestHeaders = field(default_factory=RequestHeaders)
    named: tuple[str, ...] | None = field(default=None, repr=False)

    read_only = True
    shares_its_root = False

    def shown(self) -> Fields:
        return (("type", "HTTP"), ("url", self.url))

    def default_settings(self) -> StorageSettings:
        return StorageSettings()

    def open(self, settings: EffectiveStorage, attribution: Attribution) -> _core.ObjectStore:
        extra = {} if self.named is None else {"named_hosts": list(self.named)}
        options = {**self.config, "url": self.url}
        return Remote(kind="http", options=options, headers=self.headers, extra=extra).open(settings, attribution)


def clean_prefix(prefix: str | None) -> str | None:
    """Without slashes at the ends; None for the root.  ``InvalidInputError`` where segments are empty, ``.`` or ``..``."""
    cleaned = (prefix or "").strip("/") or None
    return None if cleaned is None else _addressable(cleaned, prefix)


def s3_prefix(prefix: str | None) -> str | None:
    """As the official package takes it: without one slash at the end, and with a slash in front if it was given.

    Raises ``InvalidInputError`` where that gives keys that no request of the client library can have: the place would be
    another one than the one that was named.
    """
    cleaned = (prefix or "").removesuffix("/")
    if cleaned:
        _addressable(cleaned.removeprefix("/"), prefix)
    return cleaned or None


def _addressable(cleaned: str, given: str | None) -> str:
    if {"", ".", ".."}.isdisjoint(cleaned.split("/")):
        return cleaned
    raise InvalidInputError(
        f"the prefix {given!r} has segments that are empty, '.' or '..': keys below it cannot be addressed"
    )


def clean_url(url: str) -> str:
    """The normal form of a URL; ``StorageError`` of kind ``cannot-parse-url`` if it is none."""
    try:
        return _core.normalise_url(url)
    except ValueError as problem:
        shown = _core.address_without_secrets(url)
        raise error(ErrorKind.CANNOT_PARSE_URL, f'error parsing URL: "{shown}": {problem}') from None


def s3_backend(
    options: S3Options,
    bucket: str,
    prefix: str | None,
    credentials: S3Credentials | None,
    headers: RequestHeaders,
    *,
    legacy_rooted_keys: bool | None = None,
) -> S3Backend:
    """A backend that shares nothing mutable with its arguments; ``StorageError`` if they contradict each other."""
    cleaned = s3_prefix(prefix)
    if legacy_rooted_keys and cleaned is not None:
        raise error(ErrorKind.STORAGE_OTHER, "legacy_rooted_keys is only valid with an empty prefix")
    return S3Backend(bucket, cleaned, replace(options), credentials, headers, legacy_rooted_keys=legacy_rooted_keys)


_PLACE: Final = ("path", "bucket", "account", "container", "prefix", "url", "base_url", "endpoint_url")


def place_of(backend: Backend) -> str:
    """The kind of storage and where it is, for messages: ``S3 (native), bucket b, prefix p``."""
    shown = {name: str(value) for name, value in backend.shown()}
    if isinstance(backend, LocalBackend):
        shown["path"] = str(Path(backend.path).absolute())
    parts = [f"{name} {_core.without_secrets(shown[name])}" for name in _PLACE if name in shown]
    return ", ".join([shown["type"], *parts])


def ensure_creatable(backend: Backend) -> None:
    """Raise if no repository may be made there; asks nothing of the network."""
    if backend.read_only:
        raise error(
            ErrorKind.READ_ONLY_STORAGE, f"cannot create a repository in a read-only storage ({dict(backend.shown())})"
        )
    if backend.shares_its_root:
        raise error(
            ErrorKind.EMPTY_PREFIX_CREATION,
            "repositories cannot be created with an empty prefix, at the root of a bucket or container",
        )
