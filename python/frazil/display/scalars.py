"""The text of single values: as Python code, or as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum

from frazil import _core
from frazil.display.parts import Default, Verbatim
from frazil.names import PACKAGE


def code(value: object) -> str:
    """Python source of a value; strings in double quotes, enums and datetimes by their full names."""
    match value:
        case str():
            return quoted(shown(value))
        case Enum():
            return f"{PACKAGE}.{type(value).__name__}.{value.name}"
        case datetime():
            return _datetime(value)
        case tuple():
            items = ", ".join(map(code, value))
            return f"({items},)" if len(value) == 1 else f"({items})"
        case list():
            return f"[{', '.join(map(code, value))}]"
        case Mapping():
            return f"{{{', '.join(f'{code(key)}: {code(_unless_secret(key, item))}' for key, item in value.items())}}}"
        case _:
            return repr(value)


def plain(value: object, *, quotes: bool) -> str:
    """A value as people read it; ``quotes`` puts strings in double quotes."""
    match value:
        case Default():
            return f"{plain(value.value, quotes=quotes)} (default)"
        case Verbatim():
            return value.text
        case str():
            return quoted(shown(value)) if quotes else shown(value)
        case Enum():
            return value.name
        case _:
            return code(value)


def shown(text: str) -> str:
    """A text as it may be shown: an address without passwords, and without values that may be signatures or tokens.

    Code that makes an object with such an address does not show how to make an equal one.
    """
    return _core.address_without_secrets(text) if "://" in text else text


def _unless_secret(name: object, value: object) -> object:
    """The value of an option or a header; by its name it may be a secret."""
    return "****" if isinstance(name, str) and value and _core.is_secret(name) else value


def quoted(text: str) -> str:
    """A string literal in double quotes that Python reads back as ``text``."""
    # ``repr`` delimits by single quotes what has double ones in it.
    body = repr(f'"{text}')[2:-1]
    return '"' + body.replace('"', '\\"').replace("\\'", "'") + '"'


def _datetime(value: datetime) -> str:
    utc = value.astimezone(UTC)
    parts = f"{utc.year},{utc.month},{utc.day},{utc.hour},{utc.minute},{utc.second},{utc.microsecond}"
    return f"datetime.datetime({parts}, tzinfo=datetime.timezone.utc)"
