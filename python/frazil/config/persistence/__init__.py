"""The configuration in files: YAML in repositories of spec 1, FlexBuffers in those of spec 2 (format section 4.3)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from frazil import _core
from frazil.config.persistence import yaml_text
from frazil.config.persistence.shapes import read_repository, write_repository, write_splitting
from frazil.config.persistence.tree import Tree, untagged
from frazil.config.repository import RepositoryConfig
from frazil.config.splitting import ONE_MANIFEST_PER_ARRAY
from frazil.errors import ErrorKind, error

__all__ = ["from_flexbuffer", "from_yaml", "splitting_tree", "to_flexbuffer", "to_yaml"]


def to_yaml(config: RepositoryConfig) -> bytes:
    """The contents of ``config.yaml``."""
    return yaml_text.dump(write_repository(config))


def from_yaml(data: bytes) -> RepositoryConfig:
    """The configuration in a ``config.yaml``; an empty file sets nothing.

    Raises ``FormatError`` of kind ``config-deserialization``.
    """
    return _read("config.yaml", lambda: yaml_text.load(bytes(data)))


def to_flexbuffer(config: RepositoryConfig) -> bytes:
    """The configuration as the ``repo`` object holds it."""
    return _core.json_to_flexbuffer(json.dumps(untagged(write_repository(config))))


def from_flexbuffer(data: bytes) -> RepositoryConfig:
    """The configuration in a ``repo`` object.  Raises ``FormatError`` of kind ``config-deserialization``."""
    return _read("the `repo` object", lambda: json.loads(_core.flexbuffer_to_json(data)))


def splitting_tree(config: RepositoryConfig) -> dict[str, Any]:
    """The splitting rules in use, as JSON values, for the metadata of manifest rewrites (format section 6.6)."""
    splitting = config.effective_manifest().splitting
    tree: dict[str, Any] = untagged(write_splitting(splitting or ONE_MANIFEST_PER_ARRAY))
    return tree


def _read(where: str, load: Callable[[], Tree]) -> RepositoryConfig:
    try:
        tree = load()
        return RepositoryConfig() if tree is None else read_repository(tree)
    except (TypeError, ValueError, OverflowError, RecursionError) as problem:
        reason = "it is nested too deeply" if isinstance(problem, RecursionError) else str(problem)
        raise error(
            ErrorKind.CONFIG_DESERIALIZATION, f"the configuration stored in {where} cannot be read: {reason}"
        ) from problem
