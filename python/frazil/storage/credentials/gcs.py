"""Credentials for Google Cloud Storage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from frazil.clock import require_aware
from frazil.config.fields import instance, string
from frazil.names import PACKAGE, public, public_in
from frazil.storage.credentials.base import Redacted, RefreshableCredentials, conflicting, pickled
from frazil.variants import variant


@public
@dataclass(frozen=True, slots=True, repr=False)
class GcsBearerCredential:
    """A token, as functions that refresh credentials give it.

    Parameters
    ----------
    bearer
        The token.
    expires_after
        When it stops being valid.
    """

    bearer: str
    _: KW_ONLY
    expires_after: datetime | None = None

    def __post_init__(self) -> None:
        string("bearer", self.bearer)
        if self.expires_after is not None:
            require_aware(self.expires_after)

    def __repr__(self) -> str:
        return f"{PACKAGE}.GcsBearerCredential(****, expires_after={self.expires_after!r})"


@public
class GcsStaticCredentials(Redacted):
    """Credentials that stay the same."""

    __slots__ = ()

    if TYPE_CHECKING:
        ServiceAccount: TypeAlias = "_ServiceAccount"
        ServiceAccountKey: TypeAlias = "_ServiceAccountKey"
        ApplicationCredentials: TypeAlias = "_ApplicationCredentials"
        BearerToken: TypeAlias = "_BearerToken"


@dataclass(frozen=True, slots=True, repr=False)
class _OneString(GcsStaticCredentials):
    _0: str

    def __post_init__(self) -> None:
        string("credentials", self._0)

    @property
    def value(self) -> str:
        return self._0


@variant(GcsStaticCredentials, "ServiceAccount")
class _ServiceAccount(_OneString):
    """The path of a service account's file."""

    __slots__ = ()


@variant(GcsStaticCredentials, "ServiceAccountKey")
class _ServiceAccountKey(_OneString):
    """The contents of a service account's file."""

    __slots__ = ()


@variant(GcsStaticCredentials, "ApplicationCredentials")
class _ApplicationCredentials(_OneString):
    """The path of a file of application default credentials."""

    __slots__ = ()


@variant(GcsStaticCredentials, "BearerToken")
class _BearerToken(_OneString):
    """A token."""

    __slots__ = ()


@public
class GcsCredentials(Redacted):
    """How to prove who one is to Google Cloud Storage."""

    __slots__ = ()

    if TYPE_CHECKING:
        FromEnv: TypeAlias = "_FromEnv"
        Anonymous: TypeAlias = "_Anonymous"
        Static: TypeAlias = "_Static"
        Refreshable: TypeAlias = "_Refreshable"


@variant(GcsCredentials, "FromEnv")
@dataclass(frozen=True, slots=True, repr=False)
class _FromEnv(GcsCredentials):
    """What the environment gives: variables, application default credentials, the metadata service."""


@variant(GcsCredentials, "Anonymous")
@dataclass(frozen=True, slots=True, repr=False)
class _Anonymous(GcsCredentials):
    """None: requests are not signed."""


@variant(GcsCredentials, "Static")
@dataclass(frozen=True, slots=True, repr=False)
class _Static(GcsCredentials):
    """Credentials that stay the same."""

    _0: GcsStaticCredentials

    def __post_init__(self) -> None:
        instance("credentials", self._0, GcsStaticCredentials)

    @property
    def credentials(self) -> GcsStaticCredentials:
        return self._0


@variant(GcsCredentials, "Refreshable")
class _Refreshable(RefreshableCredentials, GcsCredentials):
    """What a function gives."""

    __slots__ = ()
    expected = GcsBearerCredential


AnyGcsStaticCredential: TypeAlias = (
    GcsStaticCredentials.ServiceAccount
    | GcsStaticCredentials.ServiceAccountKey
    | GcsStaticCredentials.ApplicationCredentials
    | GcsStaticCredentials.BearerToken
)
"""Any of the variants."""

AnyGcsCredential: TypeAlias = (
    GcsCredentials.Anonymous | GcsCredentials.FromEnv | GcsCredentials.Static | GcsCredentials.Refreshable
)
"""Any of the variants."""


@public
def gcs_static_credentials(
    *,
    service_account_file: str | None = None,
    service_account_key: str | None = None,
    application_credentials: str | None = None,
    bearer_token: str | None = None,
) -> AnyGcsStaticCredential:
    """Credentials that stay the same: the first that is given, in the order of the arguments.

    Raises
    ------
    ValueError
        If none is given.
    """
    if service_account_file is not None:
        return GcsStaticCredentials.ServiceAccount(service_account_file)
    if service_account_key is not None:
        return GcsStaticCredentials.ServiceAccountKey(service_account_key)
    if application_credentials is not None:
        return GcsStaticCredentials.ApplicationCredentials(application_credentials)
    if bearer_token is not None:
        return GcsStaticCredentials.BearerToken(bearer_token)
    raise conflicting("gcs_static_credentials")


@public
def gcs_refreshable_credentials(
    get_credentials: Callable[[], GcsBearerCredential],
    scatter_initial_credentials: bool = False,  # noqa: FBT001, FBT002 - positional in the API that we match
) -> GcsCredentials.Refreshable:
    """Credentials that are asked for again as they expire.

    Parameters
    ----------
    get_credentials
        Gives a token, with ``expires_after`` if it expires.  It must be possible to pickle it, and it may be called from
        any thread.
    scatter_initial_credentials
        Call the function now, and let copies in other processes start with what it gave.
    """
    return GcsCredentials.Refreshable(*pickled(get_credentials, scatter=scatter_initial_credentials))


@public_in("credentials")
def gcs_anonymous_credentials() -> GcsCredentials.Anonymous:
    """No credentials: requests are not signed."""
    return GcsCredentials.Anonymous()


@public
def gcs_from_env_credentials() -> GcsCredentials.FromEnv:
    """What the environment gives: variables, application default credentials, the metadata service."""
    return GcsCredentials.FromEnv()


@public
def gcs_credentials(
    *,
    service_account_file: str | None = None,
    service_account_key: str | None = None,
    application_credentials: str | None = None,
    bearer_token: str | None = None,
    from_env: bool | None = None,
    anonymous: bool | None = None,
    get_credentials: Callable[[], GcsBearerCredential] | None = None,
    scatter_initial_credentials: bool = False,
) -> AnyGcsCredential:
    """Credentials of the one kind that the arguments speak of; those of the environment if there are none.

    Raises
    ------
    ValueError
        If the arguments speak of several kinds.
    """
    static = (service_account_file, service_account_key, application_credentials, bearer_token)
    has_static = any(value is not None for value in static)
    if anonymous:
        return gcs_anonymous_credentials()
    if has_static and not from_env and get_credentials is None:
        return GcsCredentials.Static(
            gcs_static_credentials(
                service_account_file=service_account_file,
                service_account_key=service_account_key,
                application_credentials=application_credentials,
                bearer_token=bearer_token,
            )
        )
    if get_credentials is not None and not has_static and not from_env:
        return gcs_refreshable_credentials(get_credentials, scatter_initial_credentials)
    if not has_static and get_credentials is None and from_env is not False:
        return gcs_from_env_credentials()
    raise conflicting("gcs_credentials")
