"""From a container and the credentials for it to the store that its objects are read from."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, Final

from frazil import _core
from frazil.config.attribution import Attribution
from frazil.config.object_store import ObjectStoreConfig
from frazil.config.s3_options import S3Options
from frazil.config.storage_settings import StorageSettings
from frazil.storage.access import azure_access, gcs_access, s3_access
from frazil.storage.backends import s3_connection, s3_settings
from frazil.storage.credentials import Credentials, GcsCredentials, profiles
from frazil.storage.headers import request_headers
from frazil.storage.remote import Access, Remote
from frazil.storage.services import tigris_options
from frazil.virtual import locations
from frazil.virtual.authorisation import Authorisation
from frazil.virtual.matching import Source

_S3_ENVIRONMENT: Final = frozenset(
    {
        "AWS_ACCESS_KEY_ID",
        "AWS_PROFILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    }
)
"""Variables of which any one tells where to find credentials."""

_VERBATIM: Final[dict[str, Any]] = {"verbatim": True}
"""Keys of other programs' objects are taken as they are."""


def open_source(
    source: Source,
    authorisation: Authorisation,
    attribution: Attribution,
    settings: StorageSettings,
    named: Iterable[str] = (),
) -> _core.ObjectStore:
    """The bucket, host or file system of a container, for reading; no request is made.

    Keys are whole: the prefix of the container is part of them.  ``named`` are the prefixes that the caller knows of, to
    whose hosts web servers may redirect even if they are private ones.
    """
    if isinstance(source.store, ObjectStoreConfig.LocalFileSystem):
        return _core.ObjectStore.local("/", durable=False, verbatim=True).as_read_only()
    remote = _remote(source.store, source.prefix, authorisation, tuple(named))
    return remote.open(settings.effective(), attribution)


def _remote(store: ObjectStoreConfig, prefix: str, authorisation: Authorisation, named: tuple[str, ...] = ()) -> Remote:
    authority = locations.authority_of(prefix)
    match store:
        case ObjectStoreConfig.S3(options) | ObjectStoreConfig.S3Compatible(options):
            return _s3(authority, options, authorisation)
        case ObjectStoreConfig.Tigris(options):
            return _s3(authority, tigris_options(options, use_weak_consistency=True), authorisation)
        case ObjectStoreConfig.Gcs(opts):
            credentials = authorisation.credentials if isinstance(authorisation, Credentials.Gcs) else None
            access = gcs_access(credentials or GcsCredentials.Anonymous())
            return Remote("gcs", {**_given(opts), "google_bucket": authority}, access, extra=_VERBATIM)
        case ObjectStoreConfig.Azure(opts):
            return Remote("azure", _azure_options(authority, opts), _azure_access(authorisation), extra=_VERBATIM)
        case ObjectStoreConfig.Http(opts, headers):
            url = f"{locations.scheme_of(prefix)}://{authority}"
            hosts = [other for other in (prefix, *named) if other.lower().startswith(("http://", "https://"))]
            extra = {**_VERBATIM, "named_hosts": hosts}
            return Remote("http", {**_given(opts), "url": url}, headers=request_headers(headers), extra=extra)
        case _:
            raise AssertionError(f"{store!r} cannot be a container's store")


def _s3(bucket: str, options: S3Options, authorisation: Authorisation) -> Remote:
    credentials = authorisation.credentials if isinstance(authorisation, Credentials.S3) else None
    # Only None falls back to unsigned requests; whoever asks for the environment's credentials gets those or an error.
    unsigned = options.anonymous or (
        authorisation is None and _S3_ENVIRONMENT.isdisjoint(os.environ) and not profiles.s3_keys()
    )
    return Remote(
        "s3",
        s3_connection(bucket, options),
        s3_access(credentials, anonymous=unsigned),
        extra={**s3_settings(options), **_VERBATIM},
    )


def _azure_options(container: str, opts: Mapping[str, str] | None) -> dict[str, str]:
    """The account is called ``account`` in stored configurations (format section 4.3)."""
    options = _given(opts)
    account = options.pop("account", None)
    if account is not None:
        options["azure_storage_account_name"] = account
    # abfs URLs may name the account's host after an @.
    return {**options, "azure_container_name": container.partition("@")[0]}


def _azure_access(authorisation: Authorisation) -> Access:
    return azure_access(authorisation.credentials if isinstance(authorisation, Credentials.Azure) else None)


def _given(opts: Mapping[str, str] | None) -> dict[str, str]:
    return dict(opts or {})
