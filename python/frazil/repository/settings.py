"""The state of a repository that is not data: configuration, metadata, status, feature flags."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from frazil.concurrency.offload import in_thread
from frazil.config import SpecVersion
from frazil.config.fields import boolean
from frazil.format import values
from frazil.history.v2 import require_v2
from frazil.repository.state import RepositoryPart

if TYPE_CHECKING:
    from frazil.config import Attribution, FeatureFlag, RepositoryConfig, RepoStatus
    from frazil.storage import Storage


class Settings(RepositoryPart):
    """How the repository is set up."""

    @property
    def config(self) -> RepositoryConfig:
        """A copy of the effective configuration; changing it has no effect, ``reopen`` has."""
        return deepcopy(self._context.config)

    @property
    def storage(self) -> Storage:
        """Where the repository lives."""
        return self._context.storage

    @property
    def attribution(self) -> Attribution:
        """The labels that requests carry."""
        return self._context.attribution

    @property
    def spec_version(self) -> SpecVersion:
        """The version of the format that this repository has."""
        return SpecVersion(self._context.spec_version)

    @property
    def authorized_virtual_container_prefixes(self) -> set[str]:
        """The prefixes of the virtual chunk containers that may be read, as they were given."""
        return self._context.virtual.authorized_prefixes

    def save_config(self) -> None:
        """Keep the effective configuration in the repository, for everybody who opens it."""
        self._history.save_config(self._context.config)

    # ---- metadata --------------------------------------------------------------------------------------------------

    def set_default_commit_metadata(self, metadata: dict[str, Any]) -> None:
        """Put ``metadata`` under that of every commit of sessions opened from now on; kept in this object only."""
        self._state.default_metadata = values.normalise(metadata)

    def default_commit_metadata(self) -> dict[str, Any]:
        """What ``set_default_commit_metadata`` set."""
        return dict(self._state.default_metadata)

    def get_metadata(self) -> dict[str, Any]:
        """The metadata of the repository itself (spec 2)."""
        return require_v2(self._history, "get_metadata").metadata()

    @property
    def metadata(self) -> dict[str, Any]:
        """The metadata of the repository itself (spec 2)."""
        return self.get_metadata()

    def set_metadata(self, metadata: dict[str, Any]) -> None:
        """Replace the metadata of the repository (spec 2)."""
        require_v2(self._history, "set_metadata").set_metadata(values.normalise(metadata))

    def update_metadata(self, metadata: dict[str, Any]) -> dict[str, Any]:
        """Set some keys of the metadata of the repository, and return all of it (spec 2)."""
        return require_v2(self._history, "update_metadata").update_metadata(values.normalise(metadata))

    # ---- status ----------------------------------------------------------------------------------------------------

    def get_status(self) -> RepoStatus:
        """Whether the repository takes writes (spec 2)."""
        return require_v2(self._history, "get_status").status()

    @property
    def status(self) -> RepoStatus:
        """Whether the repository takes writes (spec 2)."""
        return self.get_status()

    def set_status(self, status: RepoStatus) -> None:
        """Set the repository online or read-only; allowed in any status (spec 2)."""
        require_v2(self._history, "set_status").set_status(status)

    # ---- feature flags ---------------------------------------------------------------------------------------------

    def feature_flags(self) -> list[FeatureFlag]:
        """Every feature that can be turned off (spec 2)."""
        return require_v2(self._history, "feature_flags").feature_flags()

    def enabled_feature_flags(self) -> list[FeatureFlag]:
        """The features that are on."""
        return [flag for flag in self.feature_flags() if flag.enabled]

    def disabled_feature_flags(self) -> list[FeatureFlag]:
        """The features that are off."""
        return [flag for flag in self.feature_flags() if not flag.enabled]

    def set_feature_flag(self, name: str, setting: bool | None) -> None:
        """Turn a feature on or off for everybody; None returns it to its default."""
        chosen = None if setting is None else boolean("setting", setting)
        require_v2(self._history, "set_feature_flag").set_feature_flag(name, chosen)

    save_config_async = in_thread(save_config)
    get_metadata_async = in_thread(get_metadata)
    set_metadata_async = in_thread(set_metadata)
    update_metadata_async = in_thread(update_metadata)
    get_status_async = in_thread(get_status)
    set_status_async = in_thread(set_status)
    feature_flags_async = in_thread(feature_flags)
    enabled_feature_flags_async = in_thread(enabled_feature_flags)
    disabled_feature_flags_async = in_thread(disabled_feature_flags)
    set_feature_flag_async = in_thread(set_feature_flag)
