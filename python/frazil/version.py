"""Which Frazil this is."""

from __future__ import annotations

from typing import Final

__version__: Final = "2026.11.0"

WRITER: Final = f"frazil-{__version__}"
"""How this library signs the files that it writes (format section 2)."""

USER_AGENT: Final = f"frazil/{__version__}"


def user_agent() -> str:
    """How requests of this library name themselves."""
    return USER_AGENT
