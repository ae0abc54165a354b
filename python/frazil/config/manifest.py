"""How manifests are divided, compressed and fetched."""

from __future__ import annotations

from dataclasses import dataclass

from frazil.config.base import Config, effective
from frazil.config.effective import EffectiveLocationCompression, EffectiveManifest, EffectivePreload
from frazil.config.fields import one_of, replaced, unsigned
from frazil.config.location_compression import ManifestVirtualChunkLocationCompressionConfig
from frazil.config.preload import ManifestPreloadConfig
from frazil.config.splitting import ONE_MANIFEST_PER_ARRAY, ManifestSplittingConfig
from frazil.names import public


@public
@dataclass(repr=False)
class ManifestConfig(Config):
    """Settings for manifests, the files that say where chunks are.

    Parameters
    ----------
    preload
        Which manifests are fetched when a session opens.
    splitting
        How the references of big arrays are divided over manifests.
    virtual_chunk_location_compression
        Compression of the locations of virtual chunks.
    max_concurrent_manifest_fetches_during_commit
        Manifests that a commit reads at once, 1 if not given.
    """

    title = "config.ManifestConfig"
    fallback = EffectiveManifest

    preload: ManifestPreloadConfig | None = replaced(ManifestPreloadConfig)
    splitting: ManifestSplittingConfig | None = replaced(ManifestSplittingConfig)
    virtual_chunk_location_compression: ManifestVirtualChunkLocationCompressionConfig | None = one_of(
        ManifestVirtualChunkLocationCompressionConfig
    )
    max_concurrent_manifest_fetches_during_commit: int | None = unsigned(16)

    def effective_preload(self) -> EffectivePreload:
        """What is fetched ahead, with nothing unset."""
        return effective(EffectivePreload, self.preload)

    def effective_location_compression(self) -> EffectiveLocationCompression:
        """How locations are compressed, with nothing unset."""
        return effective(EffectiveLocationCompression, self.virtual_chunk_location_compression)

    def _defaults(self) -> dict[str, object]:
        return {
            **super()._defaults(),
            "preload": ManifestPreloadConfig(),
            "splitting": ONE_MANIFEST_PER_ARRAY,
            "virtual_chunk_location_compression": ManifestVirtualChunkLocationCompressionConfig(),
        }
