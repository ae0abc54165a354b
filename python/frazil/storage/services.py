"""Services that speak the protocol of S3: where they are and what is special about them."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from frazil.config.s3_options import S3Options
from frazil.errors import error

TIGRIS_ENDPOINT: Final = "https://t3.storage.dev"


def r2_endpoint(account_id: str) -> str:
    """Where an account's buckets of Cloudflare R2 are."""
    return f"https://{account_id}.r2.cloudflarestorage.com"


def r2_options(options: S3Options, account_id: str | None) -> S3Options:
    """Options for Cloudflare R2; ``StorageError`` if they do not say where it is."""
    if options.endpoint_url is None and account_id is None:
        raise error("storage-config", "Either endpoint_url or account_id must be provided.")
    return replace(
        options,
        endpoint_url=options.endpoint_url or r2_endpoint(account_id or ""),
        region=options.region or "auto",
        force_path_style=True,
    )


def r2_bucket(bucket: str | None, prefix: str | None) -> tuple[str, str | None]:
    """The bucket and the prefix; without a bucket the first part of the prefix is one."""
    if bucket is not None:
        return bucket, prefix
    if not prefix or not prefix.strip("/"):
        raise error("storage-config", "Either bucket or prefix must be provided.")
    first, _, rest = prefix.strip("/").partition("/")
    return first, rest or None


def tigris_options(options: S3Options, *, use_weak_consistency: bool) -> S3Options:
    """Options for Tigris; ``StorageError`` without a region, unless reads may be out of date."""
    if options.region is None and not use_weak_consistency:
        raise error(
            "storage-other",
            "Tigris storage requires a region to provide full consistency. Either set the region of the bucket, or use "
            "read-only, eventually consistent storage with use_weak_consistency=True",
        )
    return replace(options, endpoint_url=options.endpoint_url or TIGRIS_ENDPOINT)


def tigris_headers(options: S3Options, *, use_weak_consistency: bool) -> dict[str, str]:
    """What makes requests consistent around the world, and keeps data in the region that was asked for."""
    if use_weak_consistency or options.region is None:
        return {}
    return {"x-tigris-consistent": "true", "x-tigris-regions": options.region}


def hf_options(options: S3Options, namespace: str) -> S3Options:
    """Options for the buckets of Hugging Face."""
    return replace(
        options,
        endpoint_url=options.endpoint_url or f"https://s3.hf.co/{namespace}",
        region=options.region or "us-east-1",
        force_path_style=True,
    )
