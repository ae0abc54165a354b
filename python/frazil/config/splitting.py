"""How the chunk references of an array are divided over manifests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from frazil.config.base import Config
from frazil.config.fields import checked, instance, integer
from frazil.config.split_condition import ManifestSplitCondition
from frazil.config.split_dim_condition import ManifestSplitDimCondition
from frazil.names import public

ManifestSplitValues: TypeAlias = dict[ManifestSplitDimCondition, int]
"""Chunks per manifest along the dimensions that a condition names."""

SplitSizesDict: TypeAlias = dict[ManifestSplitCondition, ManifestSplitValues]
"""Rules for arrays, in the order in which they are tried."""

SplitSizes: TypeAlias = list[tuple[ManifestSplitCondition, list[tuple[ManifestSplitDimCondition, int]]]]


def _split_sizes(name: str, value: object) -> SplitSizes | None:
    if value is None:
        return None
    rules: SplitSizes = []
    for condition, dimensions in _sequence(name, value):
        sizes = [
            (instance(name, dimension, ManifestSplitDimCondition), integer(name, size, 0, 2**32 - 1))
            for dimension, size in _sequence(name, dimensions)
        ]
        rules.append((instance(name, condition, ManifestSplitCondition), sizes))
    return rules


def _sequence(name: str, value: object) -> Sequence[tuple[object, object]]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise TypeError(f"{name} must be a sequence of pairs, not {value!r}; from_dict() takes dictionaries")
    for pair in value:
        if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2:
            raise TypeError(f"{name} must be a sequence of pairs, not of {pair!r}")
    return value


@public
@dataclass(repr=False)
class ManifestSplittingConfig(Config):
    """Which arrays get several manifests, and how many chunks each manifest covers.

    Every rule that matches an array is looked at, in order; along each dimension the first matching entry decides.
    What no rule matches has one manifest. Without a configuration this is so only for arrays of fewer than 25,000 chunks,
    in commits that change up to 16 arrays; others get several manifests, planned at each commit from what is there.

    Parameters
    ----------
    split_sizes
        Pairs of a condition on arrays and a sequence of pairs of a condition on dimensions and a number of chunks.

    Examples
    --------
    >>> daily = {ManifestSplitDimCondition.DimensionName("time"): 365}
    >>> config = ManifestSplittingConfig.from_dict({ManifestSplitCondition.AnyArray(): daily})
    >>> config.to_dict() == {ManifestSplitCondition.AnyArray(): daily}
    True
    """

    title = "config.ManifestSplittingConfig"

    split_sizes: Sequence[tuple[ManifestSplitCondition, Sequence[tuple[ManifestSplitDimCondition, int]]]] | None = (
        checked(_split_sizes, default=None)
    )

    @staticmethod
    def from_dict(
        split_sizes: Mapping[ManifestSplitCondition, Mapping[ManifestSplitDimCondition, int]],
    ) -> ManifestSplittingConfig:
        """The same from nested dictionaries, whose order is kept."""
        return ManifestSplittingConfig([(condition, list(sizes.items())) for condition, sizes in split_sizes.items()])

    def to_dict(self) -> SplitSizesDict:
        """The rules as nested dictionaries; ``TypeError`` if there are none."""
        if self.split_sizes is None:
            raise TypeError("split_sizes is None: there are no rules to give as a dictionary")
        return {condition: dict(sizes) for condition, sizes in self.split_sizes}


def from_dict(split_sizes: SplitSizesDict) -> ManifestSplittingConfig:
    """The function behind ``ManifestSplittingConfig.from_dict``."""
    return ManifestSplittingConfig.from_dict(split_sizes)


def to_dict(config: ManifestSplittingConfig) -> SplitSizesDict:
    """The function behind ``ManifestSplittingConfig.to_dict``."""
    return config.to_dict()


ONE_MANIFEST_PER_ARRAY: Final = ManifestSplittingConfig(
    [(ManifestSplitCondition.path_matches(".*"), [(ManifestSplitDimCondition.Any(), 2**32 - 1)])]
)
"""What no splitting configuration means, written as one."""
