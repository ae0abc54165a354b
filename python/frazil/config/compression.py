"""Compression of metadata files."""

from __future__ import annotations

from dataclasses import dataclass

from frazil.config.base import Config
from frazil.config.effective import EffectiveCompression
from frazil.config.enums import CompressionAlgorithm
from frazil.config.fields import one_of, unsigned
from frazil.names import public


@public
@dataclass(repr=False)
class CompressionConfig(Config):
    """How snapshots, manifests and transaction logs are compressed.

    Parameters
    ----------
    algorithm
        Zstd, the only one there is.
    level
        Level of compression, 3 if not given.
    """

    title = "config.CompressionConfig"
    fallback = EffectiveCompression

    algorithm: CompressionAlgorithm | None = one_of(CompressionAlgorithm)
    level: int | None = unsigned(8)

    @staticmethod
    def default() -> CompressionConfig:
        """A configuration that says nothing."""
        return CompressionConfig()
