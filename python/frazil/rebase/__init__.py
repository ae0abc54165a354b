"""Putting a session's changes on top of what others have committed since (format section 12.2)."""

from frazil.rebase.replay import Rebased, rebase, rebase_tree

__all__ = ["Rebased", "rebase", "rebase_tree"]
