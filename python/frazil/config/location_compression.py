"""Compression of the locations of virtual chunks."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from frazil.config.base import Config
from frazil.config.effective import EffectiveLocationCompression
from frazil.config.fields import signed, unsigned
from frazil.names import public


@public
@dataclass(repr=False)
class ManifestVirtualChunkLocationCompressionConfig(Config):
    """When and how manifests compress the locations of their virtual chunks, with a dictionary trained for each.

    Parameters
    ----------
    min_num_chunks
        Manifests with fewer virtual chunks keep their locations plain, 1000 if not given.
    dictionary_max_training_samples
        Locations that the dictionary is trained on, 100 if not given.
    dictionary_max_size_bytes
        Size of the dictionary, 2048 if not given.
    compression_level
        Level of compression, 3 if not given.
    """

    title = "config.ManifestVirtualChunkLocationCompressionConfig"
    fallback = EffectiveLocationCompression

    min_num_chunks: int | None = unsigned(16)
    _: KW_ONLY
    dictionary_max_training_samples: int | None = unsigned(16)
    dictionary_max_size_bytes: int | None = unsigned(32)
    compression_level: int | None = signed(32)
