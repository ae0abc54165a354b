"""The handle that users pass around: where a repository lives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from os import PathLike, fspath
from typing import Self

from frazil import _core
from frazil.clock import to_datetime
from frazil.config.attribution import Attribution
from frazil.config.effective import EffectiveStorage
from frazil.config.s3_options import S3Options
from frazil.config.storage_settings import StorageSettings
from frazil.display import Parts, StructuralDisplay
from frazil.names import public
from frazil.storage.backends import (
    AzureBackend,
    Backend,
    GcsBackend,
    HttpBackend,
    LocalBackend,
    MemoryBackend,
    clean_prefix,
    clean_url,
    ensure_creatable,
    place_of,
    s3_backend,
)
from frazil.storage.credentials.azure import AzureCredentials
from frazil.storage.credentials.gcs import GcsCredentials
from frazil.storage.credentials.s3 import S3Credentials
from frazil.storage.headers import request_headers
from frazil.storage.object_info import StorageObjectInfo
from frazil.storage.redirect import RedirectBackend
from frazil.storage.services import hf_options, r2_bucket, r2_options, tigris_headers, tigris_options

_Headers = Mapping[str, str] | None


@public
class Storage(StructuralDisplay):
    """Where a repository lives.  Made by the ``*_storage`` functions; a handle never changes, and may be shared."""

    __slots__ = ("_backend",)

    _backend: Backend

    def __init__(self) -> None:
        raise TypeError("cannot create 'Storage' instances: use in_memory_storage(), s3_storage() and the like")

    @classmethod
    def of(cls, backend: Backend) -> Self:
        """A handle for a backend."""
        storage = object.__new__(cls)
        object.__setattr__(storage, "_backend", backend)
        return storage

    # ---- using it --------------------------------------------------------------------------------------------------

    @property
    def read_only(self) -> bool:
        """Whether nothing can be written there."""
        return self._backend.read_only

    @property
    def place(self) -> str:
        """The kind of storage and where it is, in a line; no secrets."""
        return place_of(self._backend)

    def default_settings(self) -> StorageSettings:
        """The settings that suit this kind of storage; what they leave unset has the library's defaults."""
        return self._backend.default_settings()

    def list_objects(self, settings: StorageSettings | None = None, prefix: str | None = None) -> list[tuple[str, int]]:
        """The key and size of every object.

        Parameters
        ----------
        settings
            For the requests, in the place of the default ones.
        prefix
            List only what is below, with keys relative to it.
        """
        return [(key, item.size) for key, item in self._list(settings, prefix)]

    def list_objects_metadata(
        self, settings: StorageSettings | None = None, prefix: str | None = None
    ) -> list[StorageObjectInfo]:
        """The key, size and age of every object; the arguments are those of ``list_objects``."""
        return [
            StorageObjectInfo(key, item.size, to_datetime(item.last_modified))
            for key, item in self._list(settings, prefix)
        ]

    def _list(self, settings: StorageSettings | None, prefix: str | None) -> Iterator[tuple[str, _core.ObjectMeta]]:
        merged = self.default_settings().merge(settings or StorageSettings())
        below = (prefix or "").strip("/")
        for item in self.open(merged.effective(), Attribution()).list(below):
            yield item.key[len(below) :].lstrip("/"), item

    def open(self, settings: EffectiveStorage, attribution: Attribution) -> _core.ObjectStore:
        """The extension's store; no request is made.

        Every repository gets its store here: what cannot be written to is handed out without a way to write.
        """
        store = self._backend.open(settings, attribution)
        return store.as_read_only() if self._backend.read_only else store

    def ensure_creatable(self) -> None:
        """Raise if no repository may be made here.

        Raises
        ------
        ReadOnlyError
            ``read-only-storage``
        InvalidInputError
            ``empty-prefix-creation``, for the root of a bucket.
        """
        ensure_creatable(self._backend)

    # ---- value -----------------------------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a Storage cannot be changed; make another one")

    def __display__(self) -> Parts:
        """The kind of storage and where it is; no secrets."""
        return Parts("Storage", self._backend.shown())

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        return type(self).of, (self._backend,)

    # ---- constructors ----------------------------------------------------------------------------------------------

    @classmethod
    def new_in_memory(cls) -> Self:
        """In the memory of this process; see ``in_memory_storage``."""
        return cls.of(MemoryBackend())

    @classmethod
    def new_local_filesystem(cls, path: str | PathLike[str], *, durable: bool = True) -> Self:
        """In a directory; see ``local_filesystem_storage``."""
        return cls.of(LocalBackend(fspath(path), durable=durable))

    @classmethod
    def new_s3(
        cls,
        config: S3Options,
        bucket: str,
        prefix: str | None,
        credentials: S3Credentials | None = None,
        legacy_rooted_keys: bool | None = None,  # noqa: FBT001 - positional in the API that we match
        *,
        read_headers: _Headers = None,
        write_headers: _Headers = None,
        headers: _Headers = None,
    ) -> Self:
        """In a bucket of S3; see ``s3_storage``."""
        sent = request_headers(read_headers, write_headers, headers)
        return cls.of(s3_backend(config, bucket, prefix, credentials, sent, legacy_rooted_keys=legacy_rooted_keys))

    @classmethod
    def new_s3_object_store(
        cls,
        config: S3Options,
        bucket: str,
        prefix: str | None,
        credentials: S3Credentials | None = None,
        *,
        read_headers: _Headers = None,
        write_headers: _Headers = None,
        headers: _Headers = None,
    ) -> Self:
        """In a bucket of S3; see ``s3_object_store_storage``."""
        sent = request_headers(read_headers, write_headers, headers)
        return cls.of(replace(s3_backend(config, bucket, prefix, credentials, sent), flavour="S3"))

    @classmethod
    def new_tigris(
        cls,
        config: S3Options,
        bucket: str,
        prefix: str | None,
        use_weak_consistency: bool,  # noqa: FBT001 - positional in the API that we match
        credentials: S3Credentials | None = None,
        legacy_rooted_keys: bool | None = None,  # noqa: FBT001
        *,
        read_headers: _Headers = None,
        write_headers: _Headers = None,
        headers: _Headers = None,
    ) -> Self:
        """In a bucket of Tigris; see ``tigris_storage``."""
        options = tigris_options(config, use_weak_consistency=use_weak_consistency)
        own = tigris_headers(options, use_weak_consistency=use_weak_consistency)
        sent = request_headers(read_headers, write_headers, {**own, **(headers or {})})
        backend = s3_backend(options, bucket, prefix, credentials, sent, legacy_rooted_keys=legacy_rooted_keys)
        hosted = config.endpoint_url is None and not config.force_path_style
        return cls.of(replace(backend, read_only=use_weak_consistency, virtual_hosted=hosted))

    @classmethod
    def new_r2(
        cls,
        config: S3Options,
        bucket: str | None = None,
        prefix: str | None = None,
        account_id: str | None = None,
        credentials: S3Credentials | None = None,
        legacy_rooted_keys: bool | None = None,  # noqa: FBT001 - positional in the API that we match
        *,
        read_headers: _Headers = None,
        write_headers: _Headers = None,
        headers: _Headers = None,
    ) -> Self:
        """In a bucket of Cloudflare R2; see ``r2_storage``."""
        options = r2_options(config, account_id)
        found, below = r2_bucket(bucket, prefix)
        sent = request_headers(read_headers, write_headers, headers)
        return cls.of(s3_backend(options, found, below, credentials, sent, legacy_rooted_keys=legacy_rooted_keys))

    @classmethod
    def new_hf(
        cls,
        config: S3Options,
        bucket: str,
        prefix: str | None,
        namespace: str,
        credentials: S3Credentials | None = None,
        legacy_rooted_keys: bool | None = None,  # noqa: FBT001 - positional in the API that we match
        *,
        read_headers: _Headers = None,
        write_headers: _Headers = None,
        headers: _Headers = None,
    ) -> Self:
        """In a bucket of Hugging Face; see ``hf_storage``."""
        options = hf_options(config, namespace)
        sent = request_headers(read_headers, write_headers, headers)
        return cls.of(s3_backend(options, bucket, prefix, credentials, sent, legacy_rooted_keys=legacy_rooted_keys))

    @classmethod
    def new_gcs(
        cls,
        bucket: str,
        prefix: str | None,
        credentials: GcsCredentials | None = None,
        *,
        config: Mapping[str, str] | None = None,
        read_headers: _Headers = None,
        write_headers: _Headers = None,
        headers: _Headers = None,
    ) -> Self:
        """In a bucket of Google Cloud Storage; see ``gcs_storage``."""
        sent = request_headers(read_headers, write_headers, headers)
        return cls.of(GcsBackend(bucket, clean_prefix(prefix), credentials, dict(config or {}), sent))

    @classmethod
    def new_azure_blob(
        cls,
        account: str,
        container: str,
        prefix: str | None,
        credentials: AzureCredentials | None = None,
        *,
        config: Mapping[str, str] | None = None,
    ) -> Self:
        """In a container of Azure Blob Storage; see ``azure_storage``."""
        return cls.of(AzureBackend(account, container, clean_prefix(prefix), credentials, dict(config or {})))

    @classmethod
    def new_http(
        cls,
        base_url: str,
        config: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        redirect_hosts: Iterable[str] = (),
    ) -> Self:
        """On a web server; see ``http_storage``."""
        url = clean_url(base_url)
        return cls.of(HttpBackend(url, dict(config or {}), request_headers(headers), (url, *redirect_hosts)))

    @classmethod
    def new_redirect(cls, base_url: str, *, redirect_hosts: Iterable[str] = ()) -> Self:
        """Wherever redirects lead; see ``redirect_storage``."""
        return cls.of(RedirectBackend(clean_url(base_url), tuple(redirect_hosts)))
