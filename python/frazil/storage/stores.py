"""The functions that make store configurations for the containers of virtual chunks."""

from __future__ import annotations

from frazil.config.enums import ChecksumAlgorithm
from frazil.config.object_store import ObjectStoreConfig
from frazil.config.s3_options import S3Options
from frazil.names import public


@public
def s3_store(
    region: str | None = None,
    endpoint_url: str | None = None,
    allow_http: bool = False,  # noqa: FBT001, FBT002 - positional in the API that we match, as all below
    anonymous: bool = False,  # noqa: FBT001, FBT002
    s3_compatible: bool = False,  # noqa: FBT001, FBT002
    force_path_style: bool = False,  # noqa: FBT001, FBT002
    network_stream_timeout_seconds: int = 60,
    requester_pays: bool = False,  # noqa: FBT001, FBT002
    checksum_algorithm: ChecksumAlgorithm | None = None,
) -> ObjectStoreConfig.S3Compatible | ObjectStoreConfig.S3:
    """S3, or a service that speaks its protocol.

    Parameters
    ----------
    s3_compatible
        The service is not AWS.
    region, endpoint_url, allow_http, anonymous, force_path_style, network_stream_timeout_seconds, requester_pays, \
checksum_algorithm
        As in ``S3Options``.
    """
    options = S3Options(
        region=region,
        endpoint_url=endpoint_url,
        allow_http=allow_http,
        anonymous=anonymous,
        force_path_style=force_path_style,
        network_stream_timeout_seconds=network_stream_timeout_seconds,
        requester_pays=requester_pays,
        checksum_algorithm=checksum_algorithm,
    )
    return ObjectStoreConfig.S3Compatible(options) if s3_compatible else ObjectStoreConfig.S3(options)


@public
def gcs_store(opts: dict[str, str] | None = None) -> ObjectStoreConfig.Gcs:
    """Google Cloud Storage, with options of the object store client."""
    return ObjectStoreConfig.Gcs(opts)


def azure_store(*, account: str, config: dict[str, str] | None = None) -> ObjectStoreConfig.Azure:
    """A storage account of Azure Blob Storage, with options of the object store client."""
    return ObjectStoreConfig.Azure({"account": account, **(config or {})})


@public
def http_store(opts: dict[str, str] | None = None, headers: dict[str, str] | None = None) -> ObjectStoreConfig.Http:
    """Web servers, with options of the object store client and headers that go with every request."""
    return ObjectStoreConfig.Http(opts, headers)


@public
def local_filesystem_store(path: str) -> ObjectStoreConfig.LocalFileSystem:
    """A directory."""
    return ObjectStoreConfig.LocalFileSystem(path)
