"""What the official package has in its compiled module, for programs that have to import it from there.

Some public names have no other home in the official package, ``RepoUpdateRetryConfig`` among them.  Here they are the
public names of our own modules; the compiled classes behind the public ones do not exist.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

import frazil
from frazil.errors import ErrorKind

_HOMES: Final = {
    "AsyncCloseableIterator": "repository",
    "ChunkStorageStats": "repository",
    "LatencyStorage": "testing",
    "RepoUpdateRetryConfig": "config",
    "StorageObjectInfo": "storage",
}
"""The modules of the names that are not in ``frazil`` itself."""


def _all_error_kinds() -> list[str]:
    """The value of every kind of error."""
    return [kind.value for kind in ErrorKind]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{frazil.__name__}.{_HOMES[name]}"), name)
    if name in frazil.__all__:
        return getattr(frazil, name)
    raise AttributeError(f"{frazil.__name__} has nothing in the place of the compiled `{name}`", name=name)
