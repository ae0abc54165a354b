"""Environment variables that switch something off."""

from __future__ import annotations

import os
from typing import Final

_OFF: Final = frozenset({"off", "0", "false", "no"})


def is_off(variable: str) -> bool:
    return os.environ.get(variable, "").strip().lower() in _OFF
