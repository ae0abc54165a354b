"""Extra HTTP headers, and the one that says who is asking."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from frazil.config.attribution import Attribution
from frazil.config.fields import string
from frazil.version import USER_AGENT

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")


@dataclass(frozen=True, slots=True)
class RequestHeaders:
    """Headers that go with requests that read, and with requests that write."""

    read: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    write: tuple[tuple[str, str], ...] = field(default=(), repr=False)


def request_headers(
    read: Mapping[str, str] | None = None, write: Mapping[str, str] | None = None, both: Mapping[str, str] | None = None
) -> RequestHeaders:
    """Headers for each role; what is given for a role wins over what is given for ``both``.

    Raises ``ValueError`` for a name or value that HTTP does not allow.
    """
    common = _checked(both)
    return RequestHeaders(
        read=tuple({**common, **_checked(read)}.items()), write=tuple({**common, **_checked(write)}.items())
    )


def _checked(headers: Mapping[str, str] | None) -> dict[str, str]:
    found = {}
    for name, value in (headers or {}).items():
        if not _NAME.fullmatch(string("headers", name)):
            raise ValueError(f"invalid HTTP header name {name!r}")
        if not _VALUE.fullmatch(string("headers", value)):
            raise ValueError(f"invalid HTTP header value for {name!r}")
        found[name.lower()] = value
    return found


def user_agent(attribution: Attribution) -> tuple[str, str]:
    """The products of the ``User-Agent`` header, and the labels that its comment starts with.

    Requests for chunks add the array and the chunk to the comment.
    """
    product = USER_AGENT if attribution.client is None else f"{attribution.client} {USER_AGENT}"
    labels = {"workload": attribution.workload, "principal": attribution.principal}
    return product, "; ".join(f"{name}={value}" for name, value in labels.items() if value is not None)
