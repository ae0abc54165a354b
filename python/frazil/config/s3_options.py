"""How to reach an S3 service."""

from __future__ import annotations

from dataclasses import dataclass

from frazil.config.base import Config
from frazil.config.enums import ChecksumAlgorithm
from frazil.config.fields import one_of, required_flag, text, unsigned
from frazil.names import public


@public
@dataclass(repr=False)
class S3Options(Config):
    """Where an S3 service is and how it likes to be spoken to.

    Parameters
    ----------
    region
        Found out by the environment's configuration if not given.
    endpoint_url
        For services that are not AWS.
    allow_http
        Accept an endpoint that is not encrypted.
    anonymous
        Send no credentials.
    force_path_style
        Put the bucket in the path instead of the host name.
    network_stream_timeout_seconds
        Give up on an answer that stalls for this long; 0 waits for ever.
    requester_pays
        Agree to pay for requests to buckets that ask for it.
    checksum_algorithm
        Send this checksum with uploads.
    """

    title = "storage.S3Options"

    region: str | None = text()
    endpoint_url: str | None = text()
    allow_http: bool = required_flag(default=False)
    anonymous: bool = required_flag(default=False)
    force_path_style: bool = required_flag(default=False)
    network_stream_timeout_seconds: int | None = unsigned(32)
    requester_pays: bool = required_flag(default=False)
    checksum_algorithm: ChecksumAlgorithm | None = one_of(ChecksumAlgorithm)
