"""The functions that make storage handles for S3 and for services that speak its protocol."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from frazil.config.enums import ChecksumAlgorithm
from frazil.config.s3_options import S3Options
from frazil.names import public, public_in
from frazil.storage.credentials.s3 import S3StaticCredentials, s3_credentials
from frazil.storage.storage import Storage


@public
def s3_storage(
    *,
    bucket: str,
    prefix: str | None,
    region: str | None = None,
    endpoint_url: str | None = None,
    allow_http: bool = False,
    access_key_id: str | None = None,
    secret_access_key: str | None = None,
    session_token: str | None = None,
    expires_after: datetime | None = None,
    anonymous: bool | None = None,
    from_env: bool | None = None,
    get_credentials: Callable[[], S3StaticCredentials] | None = None,
    scatter_initial_credentials: bool = False,
    force_path_style: bool = False,
    network_stream_timeout_seconds: int = 60,
    requester_pays: bool = False,
    checksum_algorithm: ChecksumAlgorithm | None = None,
    legacy_rooted_keys: bool | None = None,
    read_headers: dict[str, str] | None = None,
    write_headers: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> Storage:
    """Storage in a bucket of S3, or of a service that speaks its protocol.

    Parameters
    ----------
    bucket, prefix
        Where the repository is.
    region
        The region of the bucket.
    endpoint_url, allow_http, force_path_style
        For services that are not AWS: where they are, whether the connection may be unencrypted, and whether the bucket
        goes in the path instead of the host name.
    access_key_id, secret_access_key, session_token, expires_after, anonymous, from_env, get_credentials, \
scatter_initial_credentials
        Credentials, as ``s3_credentials`` takes them; those of the environment if none are given.
    network_stream_timeout_seconds
        Give up on an answer that stalls for this long; 0 waits for ever.
    requester_pays
        Agree to pay for requests to buckets that ask for it.
    checksum_algorithm
        Send this checksum with uploads.
    legacy_rooted_keys
        Whether the keys of a repository at the root of a bucket start with a slash, as old versions wrote them.
    read_headers, write_headers, headers
        HTTP headers that go with requests that read, that write, and with all; the more specific ones win.
    """
    credentials = s3_credentials(
        access_key_id=access_key_id,
        secret_access_key=secret_access_key,
        session_token=session_token,
        expires_after=expires_after,
        anonymous=anonymous,
        from_env=from_env,
        get_credentials=get_credentials,
        scatter_initial_credentials=scatter_initial_credentials,
    )
    options = S3Options(
        region=region,
        endpoint_url=endpoint_url,
        allow_http=allow_http,
        anonymous=bool(anonymous),
        force_path_style=force_path_style,
        network_stream_timeout_seconds=network_stream_timeout_seconds,
        requester_pays=requester_pays,
        checksum_algorithm=checksum_algorithm,
    )
    return Storage.new_s3(
        options,
        bucket,
        prefix,
        credentials,
        legacy_rooted_keys,
        read_headers=read_headers,
        write_headers=write_headers,
        headers=headers,
    )


@public_in("storage")
def s3_object_store_storage(
    *,
    bucket: str,
    prefix: str | None,
    region: str | None = None,
    endpoint_url: str | None = None,
    allow_http: bool = False,
    access_key_id: str | None = None,
    secret_access_key: str | None = None,
    session_token: str | None = None,
    expires_after: datetime | None = None,
    anonymous: bool | None = None,
    from_env: bool | None = None,
    force_path_style: bool = False,
    read_headers: dict[str, str] | None = None,
    write_headers: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> Storage:
    """Storage in a bucket of S3, by another client library in the official package; here the same as ``s3_storage``.

    Parameters
    ----------
    bucket, prefix
        Where the repository is.
    region
        The region of the bucket.
    endpoint_url, allow_http, force_path_style
        For services that are not AWS, as in ``s3_storage``.
    access_key_id, secret_access_key, session_token, expires_after, anonymous, from_env
        Credentials, as ``s3_credentials`` takes them; those of the environment if none are given.
    read_headers, write_headers, headers
        HTTP headers that go with requests that read, that write, and with all; the more specific ones win.
    """
    credentials = s3_credentials(
        access_key_id=access_key_id,
        secret_access_key=secret_access_key,
        session_token=session_token,
        expires_after=expires_after,
        anonymous=anonymous,
        from_env=from_env,
    )
    options = S3Options(
        region=region,
        endpoint_url=endpoint_url,
        allow_http=allow_http,
        anonymous=bool(anonymous),
        force_path_style=force_path_style,
    )
    return Storage.new_s3_object_store(
        options,
        bucket,
        prefix,
        credentials,
        read_headers=read_headers,
        write_headers=write_headers,
        headers=headers,
    )


@public
def tigris_storage(
    *,
    bucket: str,
    prefix: str | None,
    region: str | None = None,
    endpoint_url: str | None = None,
    use_weak_consistency: bool = False,
    allow_http: bool = False,
    access_key_id: str | None = None,
    secret_access_key: str | None = None,
    session_token: str | None = None,
    expires_after: datetime | None = None,
    anonymous: bool | None = None,
    from_env: bool | None = None,
    get_credentials: Callable[[], S3StaticCredentials] | None = None,
    scatter_initial_credentials: bool = False,
    network_stream_timeout_seconds: int = 60,
    checksum_algorithm: ChecksumAlgorithm | None = None,
    legacy_rooted_keys: bool | None = None,
    read_headers: dict[str, str] | None = None,
    write_headers: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> Storage:
    """Storage in a bucket of Tigris.

    Parameters
    ----------
    bucket, prefix
        Where the repository is.
    region
        The region in which the data is kept, needed for consistent commits.
    endpoint_url, allow_http
        For other places than Tigris's own.
    use_weak_consistency
        Read from wherever is near, even if it is out of date; nothing can be written.
    access_key_id, secret_access_key, session_token, expires_after, anonymous, from_env, get_credentials, \
scatter_initial_credentials
        Credentials, as ``s3_credentials`` takes them; those of the environment if none are given.
    network_stream_timeout_seconds
        Give up on an answer that stalls for this long; 0 waits for ever.
    checksum_algorithm
        Send this checksum with uploads.
    legacy_rooted_keys
        Whether the keys of a repository at the root of a bucket start with a slash, as old versions wrote them.
    read_headers, write_headers, headers
        HTTP headers that go with requests that read, that write, and with all; the more specific ones win.
    """
    credentials = s3_credentials(
        access_key_id=access_key_id,
        secret_access_key=secret_access_key,
        session_token=session_token,
        expires_after=expires_after,
        anonymous=anonymous,
        from_env=from_env,
        get_credentials=get_credentials,
        scatter_initial_credentials=scatter_initial_credentials,
    )
    options = S3Options(
        region=region,
        endpoint_url=endpoint_url,
        allow_http=allow_http,
        anonymous=bool(anonymous),
        network_stream_timeout_seconds=network_stream_timeout_seconds,
        checksum_algorithm=checksum_algorithm,
    )
    return Storage.new_tigris(
        options,
        bucket,
        prefix,
        use_weak_consistency,
        credentials,
        legacy_rooted_keys,
        read_headers=read_headers,
        write_headers=write_headers,
        headers=headers,
    )


@public
def r2_storage(
    *,
    bucket: str | None = None,
    prefix: str | None = None,
    account_id: str | None = None,
    endpoint_url: str | None = None,
    region: str | None = None,
    allow_http: bool = False,
    access_key_id: str | None = None,
    secret_access_key: str | None = None,
    session_token: str | None = None,
    expires_after: datetime | None = None,
    anonymous: bool | None = None,
    from_env: bool | None = None,
    get_credentials: Callable[[], S3StaticCredentials] | None = None,
    scatter_initial_credentials: bool = False,
    network_stream_timeout_seconds: int = 60,
    checksum_algorithm: ChecksumAlgorithm | None = None,
    legacy_rooted_keys: bool | None = None,
    read_headers: dict[str, str] | None = None,
    write_headers: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> Storage:
    """Storage in a bucket of Cloudflare R2.

    Parameters
    ----------
    bucket, prefix
        Where the repository is; without a bucket the first part of the prefix is one.
    account_id, endpoint_url
        Where the bucket is; one of the two is needed.
    region
        ``auto`` if not given.
    allow_http
        Accept an endpoint that is not encrypted.
    access_key_id, secret_access_key, session_token, expires_after, anonymous, from_env, get_credentials, \
scatter_initial_credentials
        Credentials, as ``s3_credentials`` takes them; those of the environment if none are given.
    network_stream_timeout_seconds
        Give up on an answer that stalls for this long; 0 waits for ever.
    checksum_algorithm
        Send this checksum with uploads.
    legacy_rooted_keys
        Whether the keys of a repository at the root of a bucket start with a slash, as old versions wrote them.
    read_headers, write_headers, headers
        HTTP headers that go with requests that read, that write, and with all; the more specific ones win.
    """
    credentials = s3_credentials(
        access_key_id=access_key_id,
        secret_access_key=secret_access_key,
        session_token=session_token,
        expires_after=expires_after,
        anonymous=anonymous,
        from_env=from_env,
        get_credentials=get_credentials,
        scatter_initial_credentials=scatter_initial_credentials,
    )
    options = S3Options(
        region=region,
        endpoint_url=endpoint_url,
        allow_http=allow_http,
        anonymous=bool(anonymous),
        network_stream_timeout_seconds=network_stream_timeout_seconds,
        checksum_algorithm=checksum_algorithm,
    )
    return Storage.new_r2(
        options,
        bucket,
        prefix,
        account_id,
        credentials,
        legacy_rooted_keys,
        read_headers=read_headers,
        write_headers=write_headers,
        headers=headers,
    )


@public
def hf_storage(
    *,
    bucket: str,
    prefix: str | None,
    namespace: str,
    access_key_id: str | None = None,
    secret_access_key: str | None = None,
    session_token: str | None = None,
    expires_after: datetime | None = None,
    from_env: bool | None = None,
    get_credentials: Callable[[], S3StaticCredentials] | None = None,
    scatter_initial_credentials: bool = False,
    network_stream_timeout_seconds: int = 60,
    legacy_rooted_keys: bool | None = None,
    read_headers: dict[str, str] | None = None,
    write_headers: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> Storage:
    """Storage in a bucket of Hugging Face.

    Parameters
    ----------
    bucket, prefix
        Where the repository is.
    namespace
        The user or organisation that has the bucket.
    access_key_id, secret_access_key, session_token, expires_after, from_env, get_credentials, \
scatter_initial_credentials
        Credentials, as ``s3_credentials`` takes them; those of the environment if none are given.
    network_stream_timeout_seconds
        Give up on an answer that stalls for this long; 0 waits for ever.
    legacy_rooted_keys
        Whether the keys of a repository at the root of a bucket start with a slash, as old versions wrote them.
    read_headers, write_headers, headers
        HTTP headers that go with requests that read, that write, and with all; the more specific ones win.
    """
    credentials = s3_credentials(
        access_key_id=access_key_id,
        secret_access_key=secret_access_key,
        session_token=session_token,
        expires_after=expires_after,
        from_env=from_env,
        get_credentials=get_credentials,
        scatter_initial_credentials=scatter_initial_credentials,
    )
    options = S3Options(network_stream_timeout_seconds=network_stream_timeout_seconds)
    return Storage.new_hf(
        options,
        bucket,
        prefix,
        namespace,
        credentials,
        legacy_rooted_keys,
        read_headers=read_headers,
        write_headers=write_headers,
        headers=headers,
    )
