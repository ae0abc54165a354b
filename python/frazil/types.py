"""Types of arguments."""

from __future__ import annotations

from typing import Literal, TypeAlias

CommitMethod: TypeAlias = Literal["new_commit", "amend"]
"""Make a new commit, or replace the tip of the branch."""
