"""Credentials of any service, for the containers of virtual chunks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from frazil.config.fields import instance
from frazil.names import public
from frazil.storage.credentials.azure import AnyAzureCredential, AzureCredentials
from frazil.storage.credentials.base import Redacted
from frazil.storage.credentials.gcs import AnyGcsCredential, GcsCredentials
from frazil.storage.credentials.s3 import AnyS3Credential, S3Credentials
from frazil.variants import variant


@public
class Credentials(Redacted):
    """Permission to read from a container, with what it takes to do so."""

    __slots__ = ()

    if TYPE_CHECKING:
        S3: TypeAlias = "_S3"
        Gcs: TypeAlias = "_Gcs"
        Azure: TypeAlias = "_Azure"
        LocalFileSystemAccess: TypeAlias = "_LocalFileSystemAccess"
        HttpAccess: TypeAlias = "_HttpAccess"


@variant(Credentials, "S3")
@dataclass(frozen=True, slots=True, repr=False)
class _S3(Credentials):
    """For S3 and what speaks its protocol."""

    _0: S3Credentials

    def __post_init__(self) -> None:
        instance("credentials", self._0, S3Credentials)

    @property
    def credentials(self) -> S3Credentials:
        return self._0


@variant(Credentials, "Gcs")
@dataclass(frozen=True, slots=True, repr=False)
class _Gcs(Credentials):
    """For Google Cloud Storage."""

    _0: GcsCredentials

    def __post_init__(self) -> None:
        instance("credentials", self._0, GcsCredentials)

    @property
    def credentials(self) -> GcsCredentials:
        return self._0


@variant(Credentials, "Azure")
@dataclass(frozen=True, slots=True, repr=False)
class _Azure(Credentials):
    """For Azure Blob Storage."""

    _0: AzureCredentials

    def __post_init__(self) -> None:
        instance("credentials", self._0, AzureCredentials)

    @property
    def credentials(self) -> AzureCredentials:
        return self._0


@variant(Credentials, "LocalFileSystemAccess")
@dataclass(frozen=True, slots=True, repr=False)
class _LocalFileSystemAccess(Credentials):
    """Files may be read."""


@variant(Credentials, "HttpAccess")
@dataclass(frozen=True, slots=True, repr=False)
class _HttpAccess(Credentials):
    """Web servers may be asked."""


LocalFileSystemAccess: Final = Credentials.LocalFileSystemAccess()
"""Permission to read files."""

HttpAccess: Final = Credentials.HttpAccess()
"""Permission to ask web servers."""

AnyCredential: TypeAlias = (
    Credentials.S3 | Credentials.Gcs | Credentials.Azure | Credentials.LocalFileSystemAccess | Credentials.HttpAccess
)
"""Any of the variants."""


@public
def containers_credentials(
    m: Mapping[
        str,
        AnyS3Credential
        | AnyGcsCredential
        | AnyAzureCredential
        | Credentials.LocalFileSystemAccess
        | Credentials.HttpAccess
        | None,
    ],
) -> dict[str, AnyCredential | None]:
    """The argument ``authorize_virtual_chunk_access``, from credentials by url prefix.

    Raises
    ------
    ValueError
        For a value that is no kind of credentials.
    """
    return {url_prefix: _wrapped(credentials) for url_prefix, credentials in m.items()}


def _wrapped(credentials: object) -> AnyCredential | None:
    match credentials:
        case None:
            return None
        case S3Credentials():
            return Credentials.S3(credentials)
        case GcsCredentials():
            return Credentials.Gcs(credentials)
        case AzureCredentials():
            return Credentials.Azure(credentials)
        case (
            Credentials.S3()
            | Credentials.Gcs()
            | Credentials.Azure()
            | Credentials.LocalFileSystemAccess()
            | Credentials.HttpAccess()
        ):
            return credentials
        case _:
            raise ValueError(f"Unknown credential type {type(credentials)}")
