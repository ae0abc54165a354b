"""Which manifests are worth fetching before anybody asks for them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from frazil.config.conditions import ConditionList, RegexCondition, call, search
from frazil.config.fields import integer
from frazil.names import public
from frazil.variants import variant


@public
class ManifestPreloadCondition:
    """A condition on a manifest and the array it belongs to; conditions are combined with ``|`` and ``&``.

    Regular expressions are searched for anywhere in the text: anchor them where that matters.
    """

    __slots__ = ()

    if TYPE_CHECKING:
        Or: TypeAlias = "_Or"
        And: TypeAlias = "_And"
        PathMatches: TypeAlias = "_PathMatches"
        NameMatches: TypeAlias = "_NameMatches"
        NumRefs: TypeAlias = "_NumRefs"

    @staticmethod
    def or_conditions(conditions: Iterable[ManifestPreloadCondition]) -> ManifestPreloadCondition:
        """At least one of the conditions holds."""
        return _Or(conditions)

    @staticmethod
    def and_conditions(conditions: Iterable[ManifestPreloadCondition]) -> ManifestPreloadCondition:
        """All the conditions hold."""
        return _And(conditions)

    @staticmethod
    def path_matches(regex: str) -> ManifestPreloadCondition:
        """The absolute path of the array matches."""
        return _PathMatches(regex)

    @staticmethod
    def name_matches(regex: str) -> ManifestPreloadCondition:
        """The last part of the array's path matches."""
        return _NameMatches(regex)

    @staticmethod
    def num_refs(from_refs: int | None, to_refs: int | None) -> ManifestPreloadCondition:
        """The manifest has at least ``from_refs`` and less than ``to_refs`` references; None is no limit."""
        return _NumRefs(from_refs, to_refs)

    @staticmethod
    def true() -> ManifestPreloadCondition:
        """Always holds."""
        return _True()

    @staticmethod
    def false() -> ManifestPreloadCondition:
        """Never holds: nothing is fetched ahead."""
        return _False()

    def matches(self, path: str, name: str, num_refs: int) -> bool:
        """Whether the condition holds for a manifest with ``num_refs`` references of the array at ``path``."""
        match self:
            case _Or():
                return any(condition.matches(path, name, num_refs) for condition in self.conditions)
            case _And():
                return all(condition.matches(path, name, num_refs) for condition in self.conditions)
            case _PathMatches():
                return search(self.regex, path)
            case _NameMatches():
                return bool(name) and search(self.regex, name)  # the root has no name
            case _NumRefs():
                return self.holds(num_refs)
            case _:
                return isinstance(self, _True)

    def __or__(self, other: object) -> ManifestPreloadCondition:
        return _Or((self, other)) if isinstance(other, ManifestPreloadCondition) else NotImplemented

    def __and__(self, other: object) -> ManifestPreloadCondition:
        return _And((self, other)) if isinstance(other, ManifestPreloadCondition) else NotImplemented


@variant(ManifestPreloadCondition, "Or")
class _Or(ConditionList, ManifestPreloadCondition):
    __slots__ = ()
    family, constructor = ManifestPreloadCondition, "or_conditions"


@variant(ManifestPreloadCondition, "And")
class _And(ConditionList, ManifestPreloadCondition):
    __slots__ = ()
    family, constructor = ManifestPreloadCondition, "and_conditions"


@variant(ManifestPreloadCondition, "PathMatches")
class _PathMatches(RegexCondition, ManifestPreloadCondition):
    __slots__ = ()
    family, constructor = ManifestPreloadCondition, "path_matches"


@variant(ManifestPreloadCondition, "NameMatches")
class _NameMatches(RegexCondition, ManifestPreloadCondition):
    __slots__ = ()
    family, constructor = ManifestPreloadCondition, "name_matches"


@dataclass(frozen=True, slots=True)
class Bound:
    """One end of a range of counts; files can hold ends of either kind on either side (format section 4.4)."""

    value: int
    included: bool


@variant(ManifestPreloadCondition, "NumRefs")
@dataclass(frozen=True, slots=True, init=False, repr=False)
class _NumRefs(ManifestPreloadCondition):
    """A range of counts.  ``getattr(condition, "from")`` and ``condition.to`` are the numbers, None if unbounded."""

    lower: Bound | None
    upper: Bound | None

    def __init__(self, from_refs: int | Bound | None, to_refs: int | Bound | None) -> None:
        object.__setattr__(self, "lower", _bound("from_refs", from_refs, included=True))
        object.__setattr__(self, "upper", _bound("to_refs", to_refs, included=False))

    @property
    def to(self) -> int | None:
        return None if self.upper is None else self.upper.value

    def holds(self, num_refs: int) -> bool:
        low, high = self.lower, self.upper
        above = low is None or num_refs > low.value or (low.included and num_refs == low.value)
        below = high is None or num_refs < high.value or (high.included and num_refs == high.value)
        return above and below

    def __repr__(self) -> str:
        # The constructor speaks of integers in [from, to).
        low = None if self.lower is None else self.lower.value + (not self.lower.included)
        high = None if self.upper is None else self.upper.value + self.upper.included
        high = None if high == 2**32 else high  # more than any manifest can have
        return call(ManifestPreloadCondition, "num_refs", f"{low}, {high}")


# ``from`` is a keyword, so it cannot be written as the others.
setattr(_NumRefs, "from", property(lambda self: None if self.lower is None else self.lower.value))


def _bound(name: str, value: int | Bound | None, *, included: bool) -> Bound | None:
    if value is None or isinstance(value, Bound):
        return value
    return Bound(integer(name, value, 0, 2**32 - 1), included)


@variant(ManifestPreloadCondition, "True")
@dataclass(frozen=True, slots=True, repr=False)
class _True(ManifestPreloadCondition):
    def __repr__(self) -> str:
        return call(ManifestPreloadCondition, "true")


@variant(ManifestPreloadCondition, "False")
@dataclass(frozen=True, slots=True, repr=False)
class _False(ManifestPreloadCondition):
    def __repr__(self) -> str:
        return call(ManifestPreloadCondition, "false")


# cf-xarray's expressions for names of coordinates (format section 7.3).
_COORDINATE_NAMES: Final = (
    r"^\bt\b$|^(time|min|hour|day|week|month|year)[0-9]*$",
    r"^(z|nav_lev|gdep|lv_|[o]*lev|bottom_top|sigma|h(ei)?ght|altitude|depth|isobaric|pres|isotherm)[a-z_]*[0-9]*$",
    r"^(y|j|nlat|rlat|nj)$",
    r"^y?(nav_lat|lat|gphi)[a-z0-9]*$",
    r"^x?(nav_lon|lon|glam)[a-z0-9]*$",
    r"^(x|i|nlon|rlon|ni)$",
)

DEFAULT_PRELOAD_CONDITION: Final[ManifestPreloadCondition] = _And(
    [_Or(map(_NameMatches, _COORDINATE_NAMES)), _NumRefs(None, Bound(1000, included=True))]
)
"""Small manifests of arrays that are named like coordinates."""
