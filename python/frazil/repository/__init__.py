"""The front door: repositories."""

from frazil.maintenance.statistics import ChunkStorageStats
from frazil.offload import AsyncCloseableIterator
from frazil.repository.repository import Repository
from frazil.repository.upgrade import upgrade_icechunk_repository

__all__ = ["AsyncCloseableIterator", "ChunkStorageStats", "Repository", "upgrade_icechunk_repository"]
