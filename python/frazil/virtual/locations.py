"""Where virtual chunks are, pure: absolute URLs, or names relative to a container (format section 5.3).

A location is kept as it was given, except that the scheme is lower-cased and that ``file:`` URLs take their WHATWG
normal form.  Special characters of object keys (``?``, ``#``, ``%``) are percent-encoded in locations.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from frazil import _core
from frazil.errors import InvalidInputError

CONTAINER_SCHEME: Final = "vcc"
"""``vcc://<container>/<path>``: relative to the container of that name."""

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_AUTHORITY: Final = re.compile(r"[^/?#]*")
_BEFORE_QUERY: Final = re.compile(r"[^?#]*")
_SEPARATOR: Final = re.compile(r"%(?=2[Ff35]|3[Ff])")
"""The percent sign of what would separate the parts of an address, or encode: ``/``, ``#``, ``%``, ``?``."""

# A ``file:`` URL that normalisation leaves alone: no host, no empty segment, none that starts with a dot or holds an
# encoded one, no character that is encoded or dropped.
_CHARACTER: Final = "A-Za-z0-9_~!$&'()*+,;=:@%-"
_NORMAL_FILE_URL: Final = re.compile(
    f"file:///(?!.*%2[Ee])(?:[{_CHARACTER}][.{_CHARACTER}]*/)*(?:[{_CHARACTER}][.{_CHARACTER}]*)?"
)


def normalise(text: str) -> str:
    """The form in which a location is stored and compared.

    Raises
    ------
    InvalidInputError
        ``invalid-virtual-ref`` if it is no absolute URL, or names no bucket or host where one is needed.
    """
    scheme, separator, rest = text.partition("://")
    if not separator or scheme.lower() == "file" or text[:5].lower() == "file:":
        return _by_whatwg_rules(text)
    if _SCHEME.fullmatch(scheme) is None:
        raise _unparsable(text, "relative URL without a base")
    if not _authority(rest):
        raise _no_authority(text)
    return f"{scheme.lower()}://{rest}"


def _by_whatwg_rules(text: str) -> str:
    if _NORMAL_FILE_URL.fullmatch(text):
        return text
    try:
        normal = _core.normalise_url(text)
    except ValueError as problem:
        raise _unparsable(text, str(problem)) from None
    if "://" not in normal:
        raise _no_authority(text)
    return normal


def _unparsable(text: str, reason: str) -> InvalidInputError:
    return InvalidInputError(
        f'error parsing virtual ref URL: "{shown(text)}": {reason}; write it as <scheme>://<bucket or host>/<key>, or as '
        "file:///<absolute path>",
        kind="invalid-virtual-ref",
    )


def _no_authority(text: str) -> InvalidInputError:
    return InvalidInputError(
        f'error parsing bucket name from virtual ref URL: "{shown(text)}" has nothing between "://" and the key; write it as '
        "<scheme>://<bucket or host>/<key>",
        kind="invalid-virtual-ref",
    )


def shown(location: str) -> str:
    """A location as it may be put in a text: without passwords, and values that may be signatures or tokens."""
    return _core.address_without_secrets(location)


class Shown:
    """A location that is made fit for texts when it is put in one: on paths where an error is rare."""

    __slots__ = ("_location",)

    def __init__(self, location: str) -> None:
        self._location = location

    def __str__(self) -> str:
        return shown(self._location)


def scheme_of(location: str) -> str:
    return location.partition("://")[0]


def authority_of(location: str) -> str:
    """The bucket or host, with whatever else stands before the first slash; empty for local files."""
    return _authority(location.partition("://")[2])


def _authority(rest: str) -> str:
    found = _AUTHORITY.match(rest)
    return found.group() if found else ""


def is_relative(location: str) -> bool:
    return location.startswith(f"{CONTAINER_SCHEME}://")


def split_relative(location: str) -> tuple[str, str]:
    """(container, path) of a ``vcc://`` location."""
    name, _, path = location.partition("://")[2].partition("/")
    return name, path


def object_key(location: str) -> str:
    """The key below bucket or host, or the path below the root directory, without its leading slash.

    It ends at ``?`` or ``#`` and is percent-decoded once.  ``//``, ``.`` and ``..`` stay as they are.

    Raises
    ------
    InvalidInputError
        ``invalid-virtual-ref`` if the decoded key is not UTF-8.
    """
    rest = location.partition("://")[2]
    found = _BEFORE_QUERY.match(rest, len(_authority(rest)))
    path = found.group().removeprefix("/") if found else ""
    return _decoded(path, location) if "%" in path else path


def _decoded(path: str, location: str) -> str:
    try:
        return unquote_to_bytes(path).decode()
    except UnicodeDecodeError:
        pass
    # Out here, without context: that error holds the key, and goes with a pickle where tblib is in use.
    raise InvalidInputError(
        f'error parsing virtual ref URL: the key of "{shown(location)}" is not UTF-8', kind="invalid-virtual-ref"
    )


def object_target(location: str) -> str:
    """What a location on the web has after its host: path and query as they are written, without the leading slash.

    Which of the spellings of an address are the same one is the server's business, so nothing is decoded.  The fragment
    is no part of a request.
    """
    rest = location.partition("://")[2]
    return rest[len(_authority(rest)) :].partition("#")[0].removeprefix("/")


def web_key(location: str) -> str:
    """As ``object_key``, of a location on the web: with the query, and with what is encoded to be no separator left so.

    Raises
    ------
    InvalidInputError
        ``invalid-virtual-ref`` if the decoded path is not UTF-8.
    """
    path, question, query = object_target(location).partition("?")
    if "%" in path:
        path = _decoded(_SEPARATOR.sub("%25", path), location)
    return path + question + query


def is_addressable(key: str) -> bool:
    """Whether stores that take keys apart at slashes have such a key: no segment is empty, ``.`` or ``..``."""
    return {"", ".", ".."}.isdisjoint(key.split("/"))


def is_sendable(key: str) -> bool:
    """Whether a request for such a key arrives as it is: HTTP clients take ``.`` and ``..`` out of every address."""
    return bool(key) and {".", ".."}.isdisjoint(key.split("/"))


def not_addressable(key: str, location: str) -> InvalidInputError:
    if not key:
        text = f"virtual reference has no path segments: {shown(location)} names no object; add its key"
    else:
        text = (
            f'object store backend cannot address key "{shown(key)}": it contains empty (//), "." or ".." path segments '
            f"(location {shown(location)}); give the object another key"
        )
    return InvalidInputError(text, kind="invalid-virtual-ref")
