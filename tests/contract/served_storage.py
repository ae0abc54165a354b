"""Storage of a repository on a server in the tests, as a user writes it down."""

from typing import Any

import frazil


def s3_storage_at(url: str, **more: Any) -> frazil.Storage:
    """The bucket of the S3 server at ``url``; ``more`` arguments of ``s3_storage`` take the place of these."""
    return frazil.s3_storage(
        **{
            "bucket": "bucket",
            "prefix": "p",
            "region": "us-east-1",
            "endpoint_url": url,
            "allow_http": True,
            "force_path_style": True,
            "access_key_id": "id",
            "secret_access_key": "secret",
            **more,
        }
    )
