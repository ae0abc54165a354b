"""Credentials for Azure Blob Storage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from frazil.clock import require_aware
from frazil.config.fields import instance, string
from frazil.names import public
from frazil.storage.credentials.base import Redacted, RefreshableCredentials, conflicting, pickled
from frazil.variants import variant


@public
class AzureStaticCredentials(Redacted):
    """Credentials that stay the same."""

    __slots__ = ()

    if TYPE_CHECKING:
        AccessKey: TypeAlias = "_AccessKey"
        SasToken: TypeAlias = "_SasToken"
        BearerToken: TypeAlias = "_BearerToken"


@dataclass(frozen=True, slots=True, repr=False)
class _OneString(AzureStaticCredentials):
    _0: str

    def __post_init__(self) -> None:
        string("credentials", self._0)

    @property
    def value(self) -> str:
        return self._0


@variant(AzureStaticCredentials, "AccessKey")
class _AccessKey(_OneString):
    """The key of a storage account."""

    __slots__ = ()


@variant(AzureStaticCredentials, "SasToken")
class _SasToken(_OneString):
    """A shared access signature."""

    __slots__ = ()


@variant(AzureStaticCredentials, "BearerToken")
class _BearerToken(_OneString):
    """A token."""

    __slots__ = ()


@public
class AzureRefreshableCredential(Redacted):
    """Credentials that expire, as functions that refresh them give them."""

    __slots__ = ()

    expires_after: datetime | None

    if TYPE_CHECKING:
        AccessKey: TypeAlias = "_RefreshableAccessKey"
        SasToken: TypeAlias = "_RefreshableSasToken"
        BearerToken: TypeAlias = "_RefreshableBearerToken"


@variant(AzureRefreshableCredential, "AccessKey")
@dataclass(frozen=True, slots=True, repr=False)
class _RefreshableAccessKey(AzureRefreshableCredential):
    """The key of a storage account."""

    key: str
    _: KW_ONLY
    expires_after: datetime | None = None

    def __post_init__(self) -> None:
        _check(self.key, self.expires_after)


@variant(AzureRefreshableCredential, "SasToken")
@dataclass(frozen=True, slots=True, repr=False)
class _RefreshableSasToken(AzureRefreshableCredential):
    """A shared access signature."""

    token: str
    _: KW_ONLY
    expires_after: datetime | None = None

    def __post_init__(self) -> None:
        _check(self.token, self.expires_after)


@variant(AzureRefreshableCredential, "BearerToken")
@dataclass(frozen=True, slots=True, repr=False)
class _RefreshableBearerToken(AzureRefreshableCredential):
    """A token."""

    bearer: str
    _: KW_ONLY
    expires_after: datetime | None = None

    def __post_init__(self) -> None:
        _check(self.bearer, self.expires_after)


def _check(secret: str, expires_after: datetime | None) -> None:
    string("credentials", secret)
    if expires_after is not None:
        require_aware(expires_after)


@public
class AzureCredentials(Redacted):
    """How to prove who one is to Azure Blob Storage."""

    __slots__ = ()

    if TYPE_CHECKING:
        FromEnv: TypeAlias = "_FromEnv"
        Anonymous: TypeAlias = "_Anonymous"
        Static: TypeAlias = "_Static"
        Refreshable: TypeAlias = "_Refreshable"


@variant(AzureCredentials, "FromEnv")
@dataclass(frozen=True, slots=True, repr=False)
class _FromEnv(AzureCredentials):
    """What the environment gives: variables, managed identities, the command line tool."""


@variant(AzureCredentials, "Anonymous")
@dataclass(frozen=True, slots=True, repr=False)
class _Anonymous(AzureCredentials):
    """None: requests are not signed."""


@variant(AzureCredentials, "Static")
@dataclass(frozen=True, slots=True, repr=False)
class _Static(AzureCredentials):
    """Credentials that stay the same."""

    _0: AzureStaticCredentials

    def __post_init__(self) -> None:
        instance("credentials", self._0, AzureStaticCredentials)

    @property
    def credentials(self) -> AzureStaticCredentials:
        return self._0


@variant(AzureCredentials, "Refreshable")
class _Refreshable(RefreshableCredentials, AzureCredentials):
    """What a function gives."""

    __slots__ = ()
    expected = AzureRefreshableCredential


AnyAzureStaticCredential: TypeAlias = (
    AzureStaticCredentials.AccessKey | AzureStaticCredentials.SasToken | AzureStaticCredentials.BearerToken
)
"""Any of the variants."""

AnyAzureCredential: TypeAlias = (
    AzureCredentials.FromEnv | AzureCredentials.Anonymous | AzureCredentials.Static | AzureCredentials.Refreshable
)
"""Any of the variants."""


@public
def azure_static_credentials(
    *, access_key: str | None = None, sas_token: str | None = None, bearer_token: str | None = None
) -> AnyAzureStaticCredential:
    """Credentials that stay the same.

    Raises
    ------
    ValueError
        If not exactly one is given.
    """
    match (access_key, sas_token, bearer_token):
        case (str(), None, None):
            return AzureStaticCredentials.AccessKey(access_key)
        case (None, str(), None):
            return AzureStaticCredentials.SasToken(sas_token)
        case (None, None, str()):
            return AzureStaticCredentials.BearerToken(bearer_token)
        case _:
            raise conflicting("azure_static_credentials")


@public
def azure_refreshable_credentials(
    get_credentials: Callable[[], AzureRefreshableCredential],
    scatter_initial_credentials: bool = False,  # noqa: FBT001, FBT002 - positional in the API that we match
) -> AzureCredentials.Refreshable:
    """Credentials that are asked for again as they expire.

    Parameters
    ----------
    get_credentials
        Gives credentials, with ``expires_after`` if they expire.  It must be possible to pickle it, and it may be called
        from any thread.
    scatter_initial_credentials
        Call the function now, and let copies in other processes start with what it gave.
    """
    return AzureCredentials.Refreshable(*pickled(get_credentials, scatter=scatter_initial_credentials))


@public
def azure_from_env_credentials() -> AzureCredentials.FromEnv:
    """What the environment gives: variables, managed identities, the command line tool."""
    return AzureCredentials.FromEnv()


@public
def azure_anonymous_credentials() -> AzureCredentials.Anonymous:
    """No credentials: requests are not signed."""
    return AzureCredentials.Anonymous()


@public
def azure_credentials(
    *,
    access_key: str | None = None,
    sas_token: str | None = None,
    bearer_token: str | None = None,
    from_env: bool | None = None,
    anonymous: bool | None = None,
    get_credentials: Callable[[], AzureRefreshableCredential] | None = None,
    scatter_initial_credentials: bool = False,
) -> AnyAzureCredential:
    """Credentials of one kind, looked for in the order anonymous, refreshable, environment, static.

    Raises
    ------
    ValueError
        If static credentials are given together with ``from_env``, or nothing is given and ``from_env`` is False.
    """
    has_static = any(value is not None for value in (access_key, sas_token, bearer_token))
    if anonymous:
        return azure_anonymous_credentials()
    if get_credentials is not None:
        return azure_refreshable_credentials(get_credentials, scatter_initial_credentials)
    if has_static and not from_env:
        return AzureCredentials.Static(
            azure_static_credentials(access_key=access_key, sas_token=sas_token, bearer_token=bearer_token)
        )
    if not has_static and from_env is not False:
        return azure_from_env_credentials()
    raise conflicting("azure_credentials")
