"""Credentials for S3 and what speaks its protocol."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from frazil.config.base import Config
from frazil.config.fields import instance, moment, required_text, text
from frazil.display import Parts, structural
from frazil.names import public
from frazil.storage.credentials.base import Redacted, RefreshableCredentials, conflicting, pickled
from frazil.variants import variant


@public
@dataclass(repr=False)
class S3StaticCredentials(Config):
    """An access key.

    Parameters
    ----------
    access_key_id, secret_access_key
        The key and its secret.
    session_token
        For temporary keys.
    expires_after
        When the key stops being valid; functions that refresh credentials set it.
    """

    title = "credentials.S3StaticCredentials"

    access_key_id: str = required_text()
    secret_access_key: str = required_text()
    session_token: str | None = text()
    expires_after: datetime | None = moment()

    def __display__(self) -> Parts:
        """The fields, without the secrets."""
        fields = (
            ("access_key_id", f"{self.access_key_id[:4]}****"),
            ("secret_access_key", "****"),
            ("session_token", None if self.session_token is None else "****"),
            ("expires_after", self.expires_after),
        )
        return Parts(self.title, fields)

    def __repr__(self) -> str:
        return structural(self)


@public
class S3Credentials(Redacted):
    """How to prove who one is to an S3 service."""

    __slots__ = ()

    if TYPE_CHECKING:
        FromEnv: TypeAlias = "_FromEnv"
        Anonymous: TypeAlias = "_Anonymous"
        Static: TypeAlias = "_Static"
        Refreshable: TypeAlias = "_Refreshable"


@variant(S3Credentials, "FromEnv")
@dataclass(frozen=True, slots=True, repr=False)
class _FromEnv(S3Credentials):
    """What the environment gives: variables, roles, the metadata service."""


@variant(S3Credentials, "Anonymous")
@dataclass(frozen=True, slots=True, repr=False)
class _Anonymous(S3Credentials):
    """None: requests are not signed."""


@variant(S3Credentials, "Static")
@dataclass(frozen=True, slots=True, repr=False)
class _Static(S3Credentials):
    """An access key."""

    _0: S3StaticCredentials

    def __post_init__(self) -> None:
        instance("credentials", self._0, S3StaticCredentials)

    @property
    def credentials(self) -> S3StaticCredentials:
        return self._0

    __hash__ = None  # type: ignore[assignment]


@variant(S3Credentials, "Refreshable")
class _Refreshable(RefreshableCredentials, S3Credentials):
    """What a function gives."""

    __slots__ = ()
    expected = S3StaticCredentials


AnyS3Credential: TypeAlias = (
    S3Credentials.Static | S3Credentials.Anonymous | S3Credentials.FromEnv | S3Credentials.Refreshable
)
"""Any of the variants."""


@public
def s3_refreshable_credentials(
    get_credentials: Callable[[], S3StaticCredentials],
    scatter_initial_credentials: bool = False,  # noqa: FBT001, FBT002 - positional in the API that we match
) -> S3Credentials.Refreshable:
    """Credentials that are asked for again as they expire.

    Parameters
    ----------
    get_credentials
        Gives credentials, with ``expires_after`` if they expire.  It must be possible to pickle it, and it may be called
        from any thread.
    scatter_initial_credentials
        Call the function now, and let copies in other processes start with what it gave.
    """
    return S3Credentials.Refreshable(*pickled(get_credentials, scatter=scatter_initial_credentials))


@public
def s3_static_credentials(
    *,
    access_key_id: str,
    secret_access_key: str,
    session_token: str | None = None,
    expires_after: datetime | None = None,
) -> S3Credentials.Static:
    """An access key; see ``S3StaticCredentials``."""
    return S3Credentials.Static(S3StaticCredentials(access_key_id, secret_access_key, session_token, expires_after))


@public
def s3_anonymous_credentials() -> S3Credentials.Anonymous:
    """No credentials: requests are not signed."""
    return S3Credentials.Anonymous()


@public
def s3_from_env_credentials() -> S3Credentials.FromEnv:
    """What the environment gives: variables, roles, the metadata service."""
    return S3Credentials.FromEnv()


@public
def s3_credentials(
    *,
    access_key_id: str | None = None,
    secret_access_key: str | None = None,
    session_token: str | None = None,
    expires_after: datetime | None = None,
    anonymous: bool | None = None,
    from_env: bool | None = None,
    get_credentials: Callable[[], S3StaticCredentials] | None = None,
    scatter_initial_credentials: bool = False,
) -> AnyS3Credential:
    """Credentials of the one kind that the arguments speak of; those of the environment if there are none.

    Raises
    ------
    ValueError
        If the arguments speak of several kinds, or of half an access key.
    """
    has_key = any(value is not None for value in (access_key_id, secret_access_key, session_token, expires_after))
    chosen = [has_key, bool(anonymous), bool(from_env), get_credentials is not None]
    match chosen:
        case [True, False, False, False] if access_key_id is not None and secret_access_key is not None:
            return s3_static_credentials(
                access_key_id=access_key_id,
                secret_access_key=secret_access_key,
                session_token=session_token,
                expires_after=expires_after,
            )
        case [False, True, False, False]:
            return s3_anonymous_credentials()
        case [False, False, False, True] if get_credentials is not None:
            return s3_refreshable_credentials(get_credentials, scatter_initial_credentials)
        case [False, False, True, False]:
            return s3_from_env_credentials()
        case [False, False, False, False] if from_env is None:
            return s3_from_env_credentials()
        case _:
            raise conflicting("s3_credentials")
