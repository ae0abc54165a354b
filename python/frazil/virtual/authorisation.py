"""Which containers the caller allows to be read, and with what: the mapping ``authorize_virtual_chunk_access``.

Containers are part of the stored configuration, so whoever may write to a repository may add one.  Nothing is fetched
from a container unless the person who opens the repository names it.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Final, TypeAlias

from frazil.config.object_store import ObjectStoreConfig
from frazil.errors import InvalidInputError, StorageError
from frazil.names import PACKAGE
from frazil.storage.credentials import AnyCredential, Credentials
from frazil.virtual import locations
from frazil.virtual.matching import Area, Source, Sources

Authorisation: TypeAlias = AnyCredential | None
"""What reads a container; None, which is deprecated, takes what can be found or nothing."""

_CREDENTIALS_OF_STORE: Final[dict[type[ObjectStoreConfig], type[Credentials]]] = {
    ObjectStoreConfig.LocalFileSystem: Credentials.LocalFileSystemAccess,
    ObjectStoreConfig.S3: Credentials.S3,
    ObjectStoreConfig.S3Compatible: Credentials.S3,
    ObjectStoreConfig.Tigris: Credentials.S3,
    ObjectStoreConfig.Gcs: Credentials.Gcs,
    ObjectStoreConfig.Azure: Credentials.Azure,
    ObjectStoreConfig.Http: Credentials.HttpAccess,
}

_EXAMPLES: Final[dict[str, str]] = {
    **dict.fromkeys(("s3", "tigris"), "Credentials.S3({package}.S3Credentials.FromEnv())"),
    **dict.fromkeys(("gs", "gcs"), "Credentials.Gcs({package}.GcsCredentials.Anonymous())"),
    **dict.fromkeys(("az", "azure", "abfs"), "Credentials.Azure({package}.AzureCredentials.FromEnv())"),
    "file": "credentials.LocalFileSystemAccess",
    **dict.fromkeys(("http", "https"), "credentials.HttpAccess"),
}


def example(url_prefix: str) -> str:
    """The argument that authorises a container, as it is written in a program."""
    expression = _EXAMPLES.get(locations.scheme_of(url_prefix).lower())
    value = f"{PACKAGE}.{expression.format(package=PACKAGE)}" if expression else "..."
    return f'authorize_virtual_chunk_access={{"{locations.shown(url_prefix)}": {value}}}'


def warn_about_none(authorisation: Mapping[str, Authorisation] | None, *, stacklevel: int) -> None:
    """A ``DeprecationWarning`` for every None, attributed to the frame ``stacklevel``; 2 is that of the caller."""
    for url_prefix, credentials in (authorisation or {}).items():
        if credentials is None:
            security = (
                " Without one, the credentials of the environment are tried first, and sent to whatever the "
                "configuration calls this container."
                if locations.scheme_of(url_prefix).lower() in ("s3", "tigris")
                else ""
            )
            warnings.warn(
                f"Passing `None` in `authorize_virtual_chunk_access` for container `{locations.shown(url_prefix)}` is deprecated and "
                "will be unsupported in a future release; pass an explicit credential or no-auth sentinel instead. "
                f"For example:\n    {example(url_prefix)}{security}",
                DeprecationWarning,
                stacklevel=stacklevel,
            )


def checked(authorisation: Mapping[str, Authorisation] | None) -> dict[str, Authorisation]:
    """A copy of what the caller gave, as given.

    Raises
    ------
    TypeError
        For a value that is not one of the wrappers in ``Credentials``.
    """
    found = dict(authorisation or {})
    for url_prefix, credentials in found.items():
        if not isinstance(url_prefix, str):
            raise TypeError(
                f"authorize_virtual_chunk_access maps url prefixes to credentials; {url_prefix!r} is no prefix"
            )
        if credentials is not None and not isinstance(credentials, Credentials):
            raise TypeError(
                f"'{type(credentials).__qualname__}' object is not an instance of 'Credentials': build the mapping of "
                f"authorize_virtual_chunk_access with {PACKAGE}.containers_credentials()"
            )
    return found


def by_area(authorisation: Mapping[str, Authorisation]) -> dict[Area, Authorisation]:
    """The same by what the prefixes cover; those that can match no container are left out."""
    found: dict[Area, Authorisation] = {}
    for url_prefix, credentials in authorisation.items():
        try:
            prefix = locations.normalise(url_prefix if url_prefix.endswith("/") else f"{url_prefix}/")
        except InvalidInputError:
            continue
        found[Area.of(prefix)] = credentials
    return found


def check_kinds(sources: Sources, authorisation: Mapping[Area, Authorisation]) -> None:
    """Refuse credentials of another kind than a container's store takes.

    Raises
    ------
    StorageError
        ``storage-other``, naming the container and the argument that would be right.
    """
    for source in sources:
        credentials = authorisation.get(source.area)
        wanted = _CREDENTIALS_OF_STORE[type(source.store)]
        if credentials is not None and not isinstance(credentials, wanted):
            raise StorageError(
                f"Virtual chunk container credentials do not match store type: {source.describe()} is a "
                f"{type(source.store).__qualname__}, which does not take {type(credentials).__qualname__}; pass "
                f"{example(source.url_prefix)}",
                kind="storage-other",
            )


def not_authorised(source: Source, url: str) -> InvalidInputError:
    """The error of reading from a container that the caller did not name."""
    return InvalidInputError(
        f"a virtual chunk in this repository resolves to the url prefix {source.describe()}, to be able to fetch the "
        f"chunk you need to authorize the virtual chunk container when you open/create the repository: add\n"
        f"    {example(source.url_prefix)}\n"
        f"to the arguments of Repository.open() or Repository.create() (chunk at {locations.shown(url)})",
        kind="unauthorized-virtual-chunk-container",
    )


def advice(source: Source, credentials: Authorisation) -> str:
    """What a failure to fetch says of the credentials that were used; nothing for files, which need none."""
    if isinstance(source.store, ObjectStoreConfig.LocalFileSystem | ObjectStoreConfig.Http):
        return ""
    used = getattr(credentials, "credentials", None)
    kind = type(used).__qualname__ if used is not None else "no credentials but those that could be found"
    return (
        f"; container {source.describe()} is read with {kind}; if that is why, give others when you open the "
        f"repository:\n    {example(source.url_prefix)}"
    )
