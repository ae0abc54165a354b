"""Feature flags: what may be done in a repository at all (format section 9.5)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from frazil._core import RepoInfo
from frazil.config import FeatureFlag
from frazil.errors import ErrorKind, error
from frazil.history.repo_object.change import Change, UpdateTag

MOVE_NODE: Final = FeatureFlag(3, "move_node", default_enabled=True)
CREATE_TAG: Final = FeatureFlag(4, "create_tag", default_enabled=True)
DELETE_TAG: Final = FeatureFlag(5, "delete_tag", default_enabled=True)
FEATURES: Final = (MOVE_NODE, CREATE_TAG, DELETE_TAG)


def flags(info: RepoInfo) -> list[FeatureFlag]:
    """Every feature that is known here, as the repository has it set."""
    return [_as_set(info, feature) for feature in FEATURES]


def by_name(name: str) -> FeatureFlag:
    """``InvalidInputError`` if there is no such feature."""
    for feature in FEATURES:
        if feature.name == name:
            return feature
    raise error(ErrorKind.INVALID_FEATURE_FLAG, f"invalid feature flag name: {name}")


def require_feature(info: RepoInfo, feature: FeatureFlag, what: str) -> None:
    """Raise ``SessionStateError`` if the feature is off; ``what`` says what was attempted."""
    if not _as_set(info, feature).enabled:
        raise error(ErrorKind.FEATURE_FLAG_DISABLED, f"{what} is disabled by a feature flag ({feature.name})")


def set_feature(info: RepoInfo, name: str, *, value: bool | None) -> Change[None]:
    """Turn a feature on or off, or back to its default with None.  Ids that are not known here stay as they are."""
    feature = by_name(name)
    enabled = {flag for flag in info.enabled_flags or () if flag != feature.id}
    disabled = {flag for flag in info.disabled_flags or () if flag != feature.id}
    if value is not None:
        (enabled if value else disabled).add(feature.id)
    return Change(
        {"flags": (sorted(enabled), sorted(disabled))},
        UpdateTag.FEATURE_FLAG_CHANGED,
        None,
        (feature.id, bool(value), value is not None),
    )


def _as_set(info: RepoInfo, feature: FeatureFlag) -> FeatureFlag:
    if feature.id in (info.enabled_flags or ()):
        return replace(feature, setting=True)
    if feature.id in (info.disabled_flags or ()):
        return replace(feature, setting=False)
    return feature
