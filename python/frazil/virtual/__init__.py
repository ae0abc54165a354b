"""Virtual chunks: data that stays in files outside the repository."""

from frazil.virtual.containers import VirtualChunkContainer, VirtualChunkSpec

__all__ = ["VirtualChunkContainer", "VirtualChunkSpec"]
