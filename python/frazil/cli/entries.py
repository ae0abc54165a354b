"""From an entry of the config file to a storage and a configuration, and back.

One row of ``KINDS`` per kind of storage: the tag in the file, what the prompt calls it, what it asks for, and how the
answers and the file are read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from frazil.cli.failure import Failure
from frazil.config import RepositoryConfig, S3Options
from frazil.config.persistence.object_store import S3_OPTIONS
from frazil.config.persistence.shapes import read_repository, write_repository
from frazil.config.persistence.tree import Tagged, Tree
from frazil.storage import Storage
from frazil.storage.credentials import (
    AzureCredentials,
    GcsCredentials,
    S3Credentials,
    azure_anonymous_credentials,
    azure_from_env_credentials,
    gcs_anonymous_credentials,
    gcs_from_env_credentials,
    s3_anonymous_credentials,
    s3_from_env_credentials,
    s3_static_credentials,
)

Answers = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to ask for; an optional one may be left empty."""

    name: str
    text: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of storage."""

    tag: str
    title: str
    questions: tuple[Question, ...]
    fields: Callable[[Answers], dict[str, Tree]]
    storage: Callable[[dict[str, Tree]], Storage]


def open_entry(entry: Tagged) -> tuple[Storage, RepositoryConfig]:
    """Where the repository is and how to use it.

    Raises ``Failure`` for an unknown kind of storage, and ``TypeError`` or ``ValueError`` for fields that do not fit it.
    """
    for kind in KINDS:
        if kind.tag == entry.tag:
            try:
                return kind.storage(entry.value), read_repository(entry.value.get("config") or {})
            except KeyError as missing:
                raise ValueError(f"the entry has no {missing}") from missing
    raise Failure(f"Unknown storage !{entry.tag}; known are {', '.join(f'!{kind.tag}' for kind in KINDS)}")


def entry_of(kind: Kind, answers: Answers) -> Tagged:
    """What to write into the file."""
    return Tagged(kind.tag, {**kind.fields(answers), "config": write_repository(RepositoryConfig())})


# ---- credentials ---------------------------------------------------------------------------------------------------


def _credential(tree: Tree, key: str, makers: Mapping[str, Callable[[dict[str, Tree]], Any]]) -> Any:
    """The credentials that ``tree[key]`` names; the environment's if there are none."""
    fields = {key: "from_env"} if tree is None else dict(tree)
    kind = fields.pop(key)
    if kind not in makers:
        raise ValueError(f"`{key}: {kind}` is unknown here; use one of {', '.join(makers)}")
    return makers[kind](fields)


def _s3_credentials(tree: Tree) -> S3Credentials:
    credentials: S3Credentials = _credential(
        tree,
        "s3_credential_type",
        {
            "from_env": lambda _: s3_from_env_credentials(),
            "anonymous": lambda _: s3_anonymous_credentials(),
            "static": lambda fields: s3_static_credentials(
                access_key_id=fields["access_key_id"],
                secret_access_key=fields["secret_access_key"],
                session_token=fields.get("session_token"),
            ),
        },
    )
    return credentials


def _gcs_credentials(tree: Tree) -> GcsCredentials:
    credentials: GcsCredentials = _credential(
        tree,
        "gcs_credential_type",
        {"from_env": lambda _: gcs_from_env_credentials(), "anonymous": lambda _: gcs_anonymous_credentials()},
    )
    return credentials


def _azure_credentials(tree: Tree) -> AzureCredentials:
    credentials: AzureCredentials = _credential(
        tree,
        "az_credential_type",
        {"from_env": lambda _: azure_from_env_credentials(), "anonymous": lambda _: azure_anonymous_credentials()},
    )
    return credentials


# ---- kinds of storage ----------------------------------------------------------------------------------------------


def _s3(fields: dict[str, Tree]) -> Storage:
    location = fields["location"]
    options: S3Options = S3_OPTIONS.read(fields.get("object_store_config") or {})
    credentials = _s3_credentials(fields.get("credentials"))
    return Storage.new_s3(options, location["bucket"], location.get("prefix"), credentials)


def _tigris(fields: dict[str, Tree]) -> Storage:
    location = fields["location"]
    options: S3Options = S3_OPTIONS.read(fields.get("object_store_config") or {})
    credentials = _s3_credentials(fields.get("credentials"))
    return Storage.new_tigris(
        options, location["bucket"], location.get("prefix"), use_weak_consistency=False, credentials=credentials
    )


def _gcs(fields: dict[str, Tree]) -> Storage:
    location, options = fields["location"], fields.get("object_store_config") or {}
    credentials = _gcs_credentials(fields.get("credentials"))
    return Storage.new_gcs(location["bucket"], location.get("prefix"), credentials, config=options)


def _azure(fields: dict[str, Tree]) -> Storage:
    location, options = fields["location"], fields.get("object_store_config") or {}
    credentials = _azure_credentials(fields.get("credentials"))
    return Storage.new_azure_blob(
        location["account"], location["container"], location.get("prefix"), credentials, config=options
    )


def _s3_fields(answers: Answers) -> dict[str, Tree]:
    return {
        "location": {"bucket": answers["bucket"], "prefix": answers["prefix"]},
        "object_store_config": S3_OPTIONS.write(
            S3Options(region=answers["region"], endpoint_url=answers["endpoint_url"])
        ),
        "credentials": {"s3_credential_type": "from_env"},
    }


_BUCKET = Question("bucket", "Enter bucket")
_PREFIX = Question("prefix", "Enter prefix")
_REGION = Question("region", "Enter region")
_ENDPOINT = Question("endpoint_url", "Enter endpoint URL (empty for the service's own)", optional=True)

KINDS = (
    Kind(
        "LocalFileSystem",
        "Local",
        (Question("path", "Enter path"),),
        lambda answers: {"path": answers["path"]},
        lambda fields: Storage.new_local_filesystem(fields["path"]),
    ),
    Kind("S3", "S3", (_BUCKET, _PREFIX, _REGION, _ENDPOINT), _s3_fields, _s3),
    Kind("Tigris", "Tigris", (_BUCKET, _PREFIX, _REGION, _ENDPOINT), _s3_fields, _tigris),
    Kind(
        "GCS",
        "GCS",
        (_BUCKET, _PREFIX),
        lambda answers: {
            "location": {"bucket": answers["bucket"], "prefix": answers["prefix"]},
            "object_store_config": {},
            "credentials": {"gcs_credential_type": "from_env"},
        },
        _gcs,
    ),
    Kind(
        "Azure",
        "Azure",
        (Question("account", "Enter account"), Question("container", "Enter container"), _PREFIX),
        lambda answers: {
            "location": {key: answers[key] for key in ("account", "container", "prefix")},
            "object_store_config": {},
            "credentials": {"az_credential_type": "from_env"},
        },
        _azure,
    ),
)
