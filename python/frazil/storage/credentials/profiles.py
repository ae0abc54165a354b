"""Keys and regions from the files that AWS's own tools keep (``~/.aws``)."""

from __future__ import annotations

import configparser
import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from frazil.errors import StorageError

_SOURCES: Final = ("role_arn", "sso_session", "sso_start_url", "credential_process", "login_session")
"""Settings by which a profile gets its keys from elsewhere."""


def profile_region(environment: Mapping[str, str] = os.environ) -> str | None:
    """The region of the profile in use, where the environment names none itself."""
    if "AWS_REGION" in environment or "AWS_DEFAULT_REGION" in environment:
        return None
    return (_settings(_wanted(environment) or "default", environment) or {}).get("region")


def keys_from_elsewhere(environment: Mapping[str, str] = os.environ) -> tuple[str, str] | None:
    """The name of the profile in use, and the setting that says where its keys come from, if there is one.

    None if the environment has keys itself.  Keys that stand beside such a setting do not count, as with AWS's tools
    (the keys for assuming a role, say), whose own rules apply to all that such a profile says.
    """
    if "AWS_ACCESS_KEY_ID" in environment:
        return None
    name = _wanted(environment) or "default"
    found = _settings(name, environment) or {}
    return next(((name, setting) for setting in _SOURCES if setting in found), None)


def s3_keys(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The keys that the profile in use has itself, by the names of the object store client.

    Nothing if the environment has keys itself, or if there is no profile.

    Raises
    ------
    StorageError
        ``storage-config`` for a profile that was asked for by name and is not there.
    """
    if "AWS_ACCESS_KEY_ID" in environment:
        return {}
    wanted = _wanted(environment)
    found = _settings(wanted or "default", environment)
    if found is None and wanted is not None:
        raise StorageError(
            f"there is no profile {wanted!r} in the files of AWS's tools, but AWS_PROFILE names it: add it there, or unset "
            "AWS_PROFILE",
            kind="storage-config",
        )
    return _keys(found or {})


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
    with contextlib.suppress(OSError, UnicodeDecodeError, configparser.Error):
        parser.read(path, encoding="utf-8")
        return dict(parser.items(name)) if parser.has_section(name) else None
    # Out here, without cause and context: their text shows what is in the file.
    raise StorageError(f"cannot read {path}: correct it, or give keys in the code", kind="storage-config")
