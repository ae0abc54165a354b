"""Serving libraries that import the official package themselves.

Code of your own needs none of this: ``import frazil as icechunk``.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, spec_from_loader
from types import ModuleType
from typing import Final

import frazil

OFFICIAL: Final = "icechunk"
_STANDING_IN: Final = {"_exceptions": "errors", "_icechunk_python": "compat.compiled"}
"""Private modules that programs import from, and what takes their place."""


def install_as_icechunk() -> None:
    """Let ``import icechunk`` give this package, in this process and from now on.

    Call it before anything imports the official package.  Public submodules are found under the official name too, and
    are the same objects as under ours.  Calling it again does nothing.

    Raises
    ------
    RuntimeError
        If the official package was imported already: some of its classes would be in use beside ours.

    Examples
    --------
    >>> from frazil.compat import install_as_icechunk
    >>> install_as_icechunk()
    >>> import icechunk
    >>> icechunk.Repository.__module__
    'frazil'
    """
    if sys.modules.get(OFFICIAL) is frazil:
        return
    loaded = sorted(name for name in sys.modules if name == OFFICIAL or name.startswith(f"{OFFICIAL}."))
    if loaded:
        raise RuntimeError(
            f"the official package is loaded already ({loaded[0]}); call install_as_icechunk() first in the program, "
            "before any import of a library that uses it"
        )
    sys.meta_path.insert(0, _Aliases())
    sys.modules[OFFICIAL] = frazil


class _Aliases(MetaPathFinder):
    """Finds ``icechunk.x`` where ``frazil.x`` is.

    Without it, the search through the folder of the package would make second copies of its modules.
    """

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - given by the import system
        target: ModuleType | None = None,  # noqa: ARG002 - given by the import system
    ) -> ModuleSpec | None:
        package, _, rest = fullname.partition(".")
        if package != OFFICIAL or not rest:
            return None
        rest = _STANDING_IN.get(rest, rest)
        if any(part.startswith("_") for part in rest.split(".")):
            raise ModuleNotFoundError(
                f"No module named {fullname!r}: {frazil.__name__} stands in for the public modules of {OFFICIAL}, "
                "not for private ones",
                name=fullname,
            )
        own_name = f"{frazil.__name__}.{rest}"
        return spec_from_loader(fullname, _AliasLoader(own_name)) if find_spec(own_name) is not None else None


class _AliasLoader(Loader):
    """Gives a module that has another name."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:  # noqa: ARG002 - given by the import system
        module = importlib.import_module(self._name)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """The module ran under its own name; the import system has just given it the spec of the alias."""
        module.__spec__ = self._spec
