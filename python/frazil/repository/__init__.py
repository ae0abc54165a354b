"""The front door: repositories."""

from frazil.concurrency.offload import AsyncCloseableIterator
from frazil.maintenance.statistics import ChunkStorageStats
from frazil.repository.repository import Repository
from frazil.repository.upgrade import upgrade_icechunk_repository

__all__ = ["AsyncCloseableIterator", "ChunkStorageStats", "Repository", "upgrade_icechunk_repository"]
