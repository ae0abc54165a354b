"""What a session may do."""

from __future__ import annotations

from enum import Enum

from frazil.names import public


@public
class SessionMode(Enum):
    """Read only, write data, or only move nodes."""

    readonly = "readonly"
    writable = "writable"
    rearrange = "rearrange"

    def __repr__(self) -> str:
        return f"SessionMode.{self.name}"
