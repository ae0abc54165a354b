"""What is said when an optional package is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from frazil.names import PACKAGE


@contextmanager
def needs(package: str, *, extra: str) -> Iterator[None]:
    """Around imports: if ``package`` is not installed, say which extra of ours brings it.

    Raises
    ------
    ModuleNotFoundError
        With the name of the missing package, as Python's own.
    """
    try:
        yield
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.partition(".")[0] != package:
            raise
        raise ModuleNotFoundError(
            f"{package} is not installed; `pip install '{PACKAGE}[{extra}]'` brings it", name=package
        ) from missing
