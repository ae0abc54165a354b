"""Keys and regions from the files that AWS's own tools keep (``~/.aws``)."""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from frazil.errors import StorageError

_UNREAD: Final = ("credential_process", "sso_session", "sso_start_url", "role_arn", "login_session")
"""Settings by which a profile gets its keys from elsewhere."""


def profile_region(environment: Mapping[str, str] = os.environ) -> str | None:
    """The region of the profile in use, where the environment names none itself."""
    if "AWS_REGION" in environment or "AWS_DEFAULT_REGION" in environment:
        return None
    return (_settings(_wanted(environment) or "default", environment) or {}).get("region")


def s3_keys(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The keys of the profile in use, by the names of the object store client.

    Nothing if the environment has keys itself, or if there is no profile.

    Raises
    ------
    StorageError
        ``storage-config`` for a profile that was asked for by name and is not there, or has no keys that can be used.
    """
    if "AWS_ACCESS_KEY_ID" in environment:
        return {}
    wanted = _wanted(environment)
    name = wanted or "default"
    found = _settings(name, environment)
    if found is None:
        if wanted is None:
            return {}
        raise StorageError(
            f"there is no profile {name!r} in the files of AWS's tools, but AWS_PROFILE names it: add it there, or unset "
            "AWS_PROFILE",
            kind="storage-config",
        )
    keys = _keys(found)
    elsewhere = [setting for setting in _UNREAD if setting in found]
    if wanted is not None and not keys and elsewhere:
        raise StorageError(
            f"the profile {name!r} of AWS's tools has no keys but {elsewhere[0]}, which is not supported: give "
            "get_credentials=, a function that asks for keys (boto3's session.get_credentials(), say)",
            kind="storage-config",
        )
    return keys


def _wanted(environment: Mapping[str, str]) -> str | None:
    return environment.get("AWS_PROFILE") or environment.get("AWS_DEFAULT_PROFILE")


def _keys(found: Mapping[str, str]) -> dict[str, str]:
    if "aws_access_key_id" not in found or "aws_secret_access_key" not in found:
        return {}
    names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
    return {name: found[name] for name in names if name in found}


def _settings(name: str, environment: Mapping[str, str]) -> dict[str, str] | None:
    """Those of both files; keys in the file for keys count more."""
    config = _section(
        _file(environment, "AWS_CONFIG_FILE", "config"), "default" if name == "default" else f"profile {name}"
    )
    keys = _section(_file(environment, "AWS_SHARED_CREDENTIALS_FILE", "credentials"), name)
    return None if config is None and keys is None else {**(config or {}), **(keys or {})}


def _file(environment: Mapping[str, str], variable: str, name: str) -> Path:
    return Path(environment.get(variable) or Path("~/.aws", name)).expanduser()


def _section(path: Path, name: str) -> dict[str, str] | None:
    parser = configparser.RawConfigParser(default_section="", strict=False)
    try:
        parser.read(path, encoding="utf-8")
    except (OSError, UnicodeDecodeError, configparser.Error):
        # Its text would show what is in the file.
        raise StorageError(f"cannot read {path}: correct it, or give keys in the code", kind="storage-config") from None
    return dict(parser.items(name)) if parser.has_section(name) else None
