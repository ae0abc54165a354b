"""Who is asking: labels that go with every request to storage."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from frazil.config.fields import string
from frazil.display import ExecutableDisplay, Fields
from frazil.names import public

_MAX_BYTES: Final = 128
_CLIENT: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+(/[!#$%&'*+.^_`|~0-9A-Za-z-]+)?")
_FORBIDDEN: Final = re.compile(r'[^\x20-\x7e]|[()\\;="]')


@public
@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Attribution(ExecutableDisplay):
    r"""Labels for the ``User-Agent`` header of storage requests, so that they can be told apart in access logs.

    Parameters
    ----------
    client
        The program, as ``name`` or ``name/version`` in the characters of an HTTP token.
    workload, principal
        What is being done and for whom, in printable ASCII without ``( ) \ ; = "``.

    Raises
    ------
    ValueError
        If a label is longer than 128 bytes or has other characters.
    """

    client: str | None = None
    workload: str | None = None
    principal: str | None = None

    def __post_init__(self) -> None:
        for name, value in self._arguments():
            if value is None:
                continue
            label = string(name, value)
            if len(label.encode(errors="surrogatepass")) > _MAX_BYTES:
                raise ValueError(f"attribution `{name}` is longer than {_MAX_BYTES} bytes")
            if name == "client" and not _CLIENT.fullmatch(label):
                raise ValueError(
                    f"attribution `client` must be `name` or `name/version` in token characters, got {label!r}"
                )
            forbidden = _FORBIDDEN.search(label) if name != "client" else None
            if forbidden:
                raise ValueError(f"attribution `{name}` contains the forbidden character {forbidden[0]!r}")

    def _title(self) -> str:
        return "Attribution"

    def _arguments(self) -> Fields:
        return (("client", self.client), ("workload", self.workload), ("principal", self.principal))
