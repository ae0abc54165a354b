"""Which arrays a splitting rule is for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from frazil.config.conditions import ConditionList, RegexCondition, call, search
from frazil.names import public
from frazil.variants import variant


@public
class ManifestSplitCondition:
    """A condition on the path of an array; conditions are combined with ``|`` and ``&``.

    Regular expressions are searched for anywhere in the text: anchor them where that matters.

    Examples
    --------
    >>> ManifestSplitCondition.name_matches("^temp") & ManifestSplitCondition.path_matches("^/ocean/")
    frazil.config.ManifestSplitCondition.and_conditions([frazil.config.ManifestSplitCondition.name_matches("^temp"), \
frazil.config.ManifestSplitCondition.path_matches("^/ocean/")])
    """

    __slots__ = ()

    if TYPE_CHECKING:
        Or: TypeAlias = "_Or"
        And: TypeAlias = "_And"
        PathMatches: TypeAlias = "_PathMatches"
        NameMatches: TypeAlias = "_NameMatches"
        AnyArray: TypeAlias = "_AnyArray"

    @staticmethod
    def or_conditions(conditions: Iterable[ManifestSplitCondition]) -> ManifestSplitCondition:
        """At least one of the conditions holds."""
        return _Or(conditions)

    @staticmethod
    def and_conditions(conditions: Iterable[ManifestSplitCondition]) -> ManifestSplitCondition:
        """All the conditions hold."""
        return _And(conditions)

    @staticmethod
    def path_matches(regex: str) -> ManifestSplitCondition:
        """The absolute path of the array matches."""
        return _PathMatches(regex)

    @staticmethod
    def name_matches(regex: str) -> ManifestSplitCondition:
        """The last part of the array's path matches."""
        return _NameMatches(regex)

    def matches(self, path: str, name: str) -> bool:
        """Whether the condition holds for the array ``name`` at the absolute ``path``."""
        match self:
            case _Or():
                return any(condition.matches(path, name) for condition in self.conditions)
            case _And():
                return all(condition.matches(path, name) for condition in self.conditions)
            case _PathMatches():
                return search(self.regex, path)
            case _NameMatches():
                return bool(name) and search(self.regex, name)  # the root has no name
            case _:
                return True

    def __or__(self, other: object) -> ManifestSplitCondition:
        return _Or((self, other)) if isinstance(other, ManifestSplitCondition) else NotImplemented

    def __and__(self, other: object) -> ManifestSplitCondition:
        return _And((self, other)) if isinstance(other, ManifestSplitCondition) else NotImplemented


@variant(ManifestSplitCondition, "Or")
class _Or(ConditionList, ManifestSplitCondition):
    __slots__ = ()
    family, constructor = ManifestSplitCondition, "or_conditions"


@variant(ManifestSplitCondition, "And")
class _And(ConditionList, ManifestSplitCondition):
    __slots__ = ()
    family, constructor = ManifestSplitCondition, "and_conditions"


@variant(ManifestSplitCondition, "PathMatches")
class _PathMatches(RegexCondition, ManifestSplitCondition):
    __slots__ = ()
    family, constructor = ManifestSplitCondition, "path_matches"


@variant(ManifestSplitCondition, "NameMatches")
class _NameMatches(RegexCondition, ManifestSplitCondition):
    __slots__ = ()
    family, constructor = ManifestSplitCondition, "name_matches"


@variant(ManifestSplitCondition, "AnyArray")
@dataclass(frozen=True, slots=True, repr=False)
class _AnyArray(ManifestSplitCondition):
    def __repr__(self) -> str:
        return call(ManifestSplitCondition, "AnyArray")
