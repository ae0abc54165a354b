"""Which dimensions a splitting rule is for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from frazil.config.conditions import call, search
from frazil.config.fields import integer, string
from frazil.display import quoted
from frazil.names import public
from frazil.variants import Payload, variant


@public
class ManifestSplitDimCondition:
    """A condition on a dimension of an array: its number, its name, or none at all."""

    __slots__ = ()

    if TYPE_CHECKING:
        Axis: TypeAlias = "_Axis"
        DimensionName: TypeAlias = "_DimensionName"
        Any: TypeAlias = "_Any"

    def matches(self, axis: int, name: str | None) -> bool:
        """Whether the condition holds for the dimension number ``axis``, called ``name`` if it has a name."""
        match self:
            case _Axis():
                return axis == self.axis
            case _DimensionName():
                return name is not None and search(self.regex, name)
            case _:
                return True


@variant(ManifestSplitDimCondition, "Axis")
@dataclass(frozen=True, slots=True, repr=False)
class _Axis(Payload, ManifestSplitDimCondition):
    """The dimension with this number, counted from 0."""

    _0: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "_0", integer("Axis", self._0, 0, 2**64 - 1))

    @property
    def axis(self) -> int:
        return self._0

    def __repr__(self) -> str:
        return call(ManifestSplitDimCondition, "Axis", str(self._0))


@variant(ManifestSplitDimCondition, "DimensionName")
@dataclass(frozen=True, slots=True, repr=False)
class _DimensionName(Payload, ManifestSplitDimCondition):
    """The dimensions whose name matches; unnamed ones never do."""

    _0: str

    def __post_init__(self) -> None:
        string("DimensionName", self._0)

    @property
    def regex(self) -> str:
        return self._0

    def __repr__(self) -> str:
        return call(ManifestSplitDimCondition, "DimensionName", quoted(self._0))


@variant(ManifestSplitDimCondition, "Any")
@dataclass(frozen=True, slots=True, repr=False)
class _Any(ManifestSplitDimCondition):
    """Every dimension."""

    def __repr__(self) -> str:
        return call(ManifestSplitDimCondition, "Any")
