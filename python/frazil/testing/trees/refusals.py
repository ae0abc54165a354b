"""What a refused move says."""

from __future__ import annotations

import re
from typing import Final

ERR_SELF_OR_DESCENDANT: Final = "into itself or its own descendant"
ERR_OVERWRITE: Final = "overwrite existing node"
ERR_MISSING_PARENT: Final = "destination's parent group"
ERR_SOURCE_MISSING: Final = "node not found|could not create path"
ERR_PARENT_NOT_GROUP: Final = "is an array, not a group"


def wrap_tolerant(pattern: str) -> str:
    r"""The pattern for a text that may be broken into lines, each with a bar in front."""
    return re.sub(" +", lambda _: r"\s+\|?\s*", pattern)
