"""Fetching manifests ahead."""

from __future__ import annotations

from dataclasses import dataclass

from frazil.config.base import Config
from frazil.config.effective import EffectivePreload
from frazil.config.fields import one_of, unsigned
from frazil.config.preload_condition import ManifestPreloadCondition
from frazil.names import public


@public
@dataclass(repr=False)
class ManifestPreloadConfig(Config):
    """Which manifests are fetched in the background when a session opens.

    Parameters
    ----------
    max_total_refs
        No more references than this are fetched in all, 10,000 if not given.
    preload_if
        Which manifests are worth it; by default those with at most 1,000 references of arrays that are named like
        coordinates.
    max_arrays_to_scan
        No more arrays than this are looked at, 50 if not given.
    """

    title = "config.ManifestPreloadConfig"
    fallback = EffectivePreload

    max_total_refs: int | None = unsigned(32)
    preload_if: ManifestPreloadCondition | None = one_of(ManifestPreloadCondition)
    max_arrays_to_scan: int | None = unsigned(32)

    def _defaults(self) -> dict[str, object]:
        # The default condition is a page of regular expressions.
        return {**super()._defaults(), "preload_if": None}
