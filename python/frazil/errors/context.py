"""The trace of operations that an error passes through on its way out."""

from __future__ import annotations

from contextlib import ContextDecorator
from types import TracebackType

from frazil.errors.classes import IcechunkError


class operation(ContextDecorator):  # noqa: N801 - reads as a verb at its uses, like contextlib's own
    """Name what is being done, so that an error that passes says so.

    A context manager and a decorator; it costs nothing to speak of until something fails.

    Examples
    --------
    >>> from frazil.errors import error
    >>> try:
    ...     with operation("fetch_manifest", id="0205SME7ENFHDV6SZYAG"):
    ...         raise error("object-not-found", "object not found")
    ... except IcechunkError as e:
    ...     print(e)
    object not found
    <BLANKLINE>
    context:
       0: fetch_manifest
               with id=0205SME7ENFHDV6SZYAG
    """

    __slots__ = ("_details", "_name")

    def __init__(self, name: str, **details: object) -> None:
        self._name = name
        self._details = details

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(raised, IcechunkError):
            text = " ".join([self._name, *(f"{key}={value}" for key, value in self._details.items())])
            raised.add_operation(text.encode(errors="backslashreplace").decode())
