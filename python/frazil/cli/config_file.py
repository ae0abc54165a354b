"""The file that gives repositories short names.

``repos`` maps aliases to tagged mappings: ``!LocalFileSystem``, ``!S3``, ``!Tigris``, ``!GCS`` or ``!Azure``.  The
official tool reads and writes the same.  Entries that no command opens stay as they are, whatever they hold.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from frazil.cli.failure import Failure
from frazil.config.persistence import yaml_text
from frazil.config.persistence.tree import Tagged, Tree


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """The aliases in one file; a file that does not exist holds none.

    Parameters
    ----------
    path
        Where it is, or will be.
    repos
        Alias to entry, in the order of the file.
    """

    path: Path
    repos: dict[str, Tagged]

    @classmethod
    def read(cls, path: Path) -> ConfigFile:
        """Raises ``Failure`` for a file that is not understood: writing to it would lose what it holds."""
        try:
            tree = yaml_text.load(path.read_bytes())
        except FileNotFoundError:
            return cls(path, {})
        except (OSError, ValueError, RecursionError) as problem:
            raise Failure(f"The config file {path} cannot be read: {problem}") from problem
        repos = {} if tree is None else tree.get("repos") if isinstance(tree, dict) else None
        if not isinstance(repos, dict):
            raise Failure(f"The config file {path} cannot be read: it must hold a mapping `repos`")
        for alias, entry in repos.items():
            if not isinstance(entry, Tagged) or not isinstance(entry.value, dict):
                raise Failure(
                    f"The config file {path} cannot be read: `{alias}` must be a mapping with a tag that says where the "
                    "repository is, such as `!S3`"
                )
        return cls(path, {str(alias): entry for alias, entry in repos.items()})

    def entry(self, alias: str) -> Tagged:
        """Raises ``Failure`` for an alias that is not there."""
        if alias not in self.repos:
            raise Failure(f"Repository {shown(alias)} not found in config; `frazil config add {alias}` adds it")
        return self.repos[alias]

    def with_repo(self, alias: str, entry: Tagged) -> ConfigFile:
        """The same file with one more alias."""
        return ConfigFile(self.path, {**self.repos, alias: entry})

    def text(self) -> str:
        """What is in the file."""
        return _text({"repos": self.repos})

    def text_without_secrets(self) -> str:
        """The same for screens and logs."""
        return _text({"repos": {alias: _redacted(entry) for alias, entry in self.repos.items()}})

    def write(self) -> None:
        """Replace the file in one step; only its owner may read it, since it may hold credentials."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    file.write(self.text())
                Path(name).replace(self.path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as problem:
            raise Failure(f"The config file {self.path} cannot be written: {problem}") from problem


def shown(alias: str) -> str:
    """An alias as messages write it."""
    return f'RepositoryAlias("{alias}")'


def _text(tree: Tree) -> str:
    return yaml_text.dump(tree).decode()


_SECRETS = ("secret_access_key", "session_token")


def _redacted(entry: Tagged) -> Tagged:
    credentials = entry.value.get("credentials")
    if not isinstance(credentials, dict):
        return entry
    hidden = {key: "****" if key in _SECRETS and value else value for key, value in credentials.items()}
    return Tagged(entry.tag, {**entry.value, "credentials": hidden})
