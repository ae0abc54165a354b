"""Conditions of splitting and preloading as trees (format section 4.4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from frazil.config.persistence.tree import Codec, Tagged, Tree, unknown_variant, variant
from frazil.config.preload_condition import Bound, ManifestPreloadCondition
from frazil.config.split_condition import ManifestSplitCondition
from frazil.config.split_dim_condition import ManifestSplitDimCondition


def _write_split(condition: ManifestSplitCondition) -> Tree:
    match condition:
        case ManifestSplitCondition.Or(conditions):
            return Tagged("or", list(map(_write_split, conditions)))
        case ManifestSplitCondition.And(conditions):
            return Tagged("and", list(map(_write_split, conditions)))
        case ManifestSplitCondition.PathMatches(regex):
            return Tagged("path_matches", {"regex": regex})
        case ManifestSplitCondition.NameMatches(regex):
            return Tagged("name_matches", {"regex": regex})
        case _:
            return "any_array"


def _read_split(tree: Tree) -> ManifestSplitCondition:
    name, value = variant("split condition", tree)
    match name:
        case "or":
            return ManifestSplitCondition.Or(_all(_read_split, value))
        case "and":
            return ManifestSplitCondition.And(_all(_read_split, value))
        case "path_matches":
            return ManifestSplitCondition.PathMatches(_regex(value))
        case "name_matches":
            return ManifestSplitCondition.NameMatches(_regex(value))
        case "any_array":
            return ManifestSplitCondition.AnyArray()
        case _:
            raise unknown_variant("split condition", name)


def _write_dimension(condition: ManifestSplitDimCondition) -> Tree:
    match condition:
        case ManifestSplitDimCondition.Axis(axis):
            return Tagged("Axis", axis)
        case ManifestSplitDimCondition.DimensionName(regex):
            return Tagged("DimensionName", regex)
        case _:
            return "Any"


def _read_dimension(tree: Tree) -> ManifestSplitDimCondition:
    name, value = variant("dimension condition", tree)
    match name:
        case "Axis":
            return ManifestSplitDimCondition.Axis(value)
        case "DimensionName":
            return ManifestSplitDimCondition.DimensionName(value)
        case "Any":
            return ManifestSplitDimCondition.Any()
        case _:
            raise unknown_variant("dimension condition", name)


def _write_split_sizes(split_sizes: Any) -> Tree:
    return [
        [
            _write_split(condition),
            [{"condition": _write_dimension(dimension), "num_chunks": size} for dimension, size in dimensions],
        ]
        for condition, dimensions in split_sizes
    ]


def _read_split_sizes(tree: Tree) -> Any:
    return _all(_read_rule, tree)


def _read_rule(tree: Tree) -> Any:
    condition, dimensions = _list(tree)
    return (_read_split(condition), _all(_read_dimension_size, dimensions))


def _read_dimension_size(tree: Tree) -> Any:
    if not isinstance(tree, dict) or not {"condition", "num_chunks"} <= tree.keys():
        raise TypeError(f"a split size must have a condition and a num_chunks, not be {tree!r}")
    return (_read_dimension(tree["condition"]), tree["num_chunks"])


def _write_preload(condition: ManifestPreloadCondition) -> Tree:
    match condition:
        case ManifestPreloadCondition.Or(conditions):
            return Tagged("or", list(map(_write_preload, conditions)))
        case ManifestPreloadCondition.And(conditions):
            return Tagged("and", list(map(_write_preload, conditions)))
        case ManifestPreloadCondition.PathMatches(regex):
            return Tagged("path_matches", {"regex": regex})
        case ManifestPreloadCondition.NameMatches(regex):
            return Tagged("name_matches", {"regex": regex})
        case ManifestPreloadCondition.NumRefs(lower, upper):
            return Tagged("num_refs", {"from": _write_bound(lower), "to": _write_bound(upper)})
        case _:
            return "true" if condition == ManifestPreloadCondition.true() else "false"


def _read_preload(tree: Tree) -> ManifestPreloadCondition:
    name, value = variant("preload condition", tree)
    match name:
        case "or":
            return ManifestPreloadCondition.Or(_all(_read_preload, value))
        case "and":
            return ManifestPreloadCondition.And(_all(_read_preload, value))
        case "path_matches":
            return ManifestPreloadCondition.PathMatches(_regex(value))
        case "name_matches":
            return ManifestPreloadCondition.NameMatches(_regex(value))
        case "num_refs":
            if not isinstance(value, dict):
                raise TypeError(f"num_refs must be a mapping, not {value!r}")
            return ManifestPreloadCondition.NumRefs(_read_bound(value.get("from")), _read_bound(value.get("to")))
        case "true":
            return ManifestPreloadCondition.true()
        case "false":
            return ManifestPreloadCondition.false()
        case _:
            raise unknown_variant("preload condition", name)


def _write_bound(bound: Bound | None) -> Tree:
    if bound is None:
        return "Unbounded"
    return Tagged("Included" if bound.included else "Excluded", bound.value)


def _read_bound(tree: Tree) -> Bound | None:
    name, value = variant("bound", tree)
    match name:
        case "Unbounded":
            return None
        case "Included" | "Excluded":
            return Bound(value, included=name == "Included")
        case _:
            raise unknown_variant("bound", name)


def _regex(tree: Tree) -> Any:
    if not isinstance(tree, dict) or "regex" not in tree:
        raise TypeError(f"a condition on a name must have a regex, not be {tree!r}")
    return tree["regex"]


def _all(read: Callable[[Tree], Any], tree: Tree) -> list[Any]:
    return [read(item) for item in _list(tree)]


def _list(tree: Tree) -> list[Tree]:
    if not isinstance(tree, list):
        raise TypeError(f"expected a list, not {tree!r}")
    return tree


SPLIT_SIZES = Codec(_write_split_sizes, _read_split_sizes)
PRELOAD_CONDITION = Codec(_write_preload, _read_preload)
