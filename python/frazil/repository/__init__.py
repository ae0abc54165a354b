"""The front door: repositories."""

from frazil.repository.repository import Repository
from frazil.repository.upgrade import upgrade_icechunk_repository

__all__ = ["Repository", "upgrade_icechunk_repository"]
