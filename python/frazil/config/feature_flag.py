"""Optional features of a repository."""

from __future__ import annotations

from dataclasses import dataclass

from frazil.display import Parts, StructuralDisplay
from frazil.names import public


@public
@dataclass(frozen=True, slots=True, repr=False)
class FeatureFlag(StructuralDisplay):
    """One feature that can be turned on or off for everybody who uses the repository.

    Attributes
    ----------
    id
        The number that files use.
    name
        The name for ``Repository.set_feature_flag``.
    default_enabled
        Whether the feature is on if nobody decided.
    setting
        What somebody decided, None if nobody did.
    """

    id: int
    name: str
    default_enabled: bool
    setting: bool | None = None

    @property
    def enabled(self) -> bool:
        """Whether the feature is on."""
        return self.default_enabled if self.setting is None else self.setting

    def __display__(self) -> Parts:
        """The fields, in order."""
        names = ("id", "name", "default_enabled", "setting", "enabled")
        return Parts("config.FeatureFlag", tuple((name, getattr(self, name)) for name in names))
