"""Trees as YAML 1.2, as other implementations of the format read and write it (format section 4.4).

PyYAML knows YAML 1.1, where ``no`` is a boolean and ``12:30`` a number; here plain scalars mean what the core schema of
version 1.2 says.  Reading makes no objects but plain values, and follows no aliases: a few lines with aliases can stand
for gigabytes.
"""

from __future__ import annotations

import re
from typing import Any, Final

import yaml

from frazil.config.persistence.tree import Tagged, Tree

_CORE_SCHEMA: Final = (
    ("tag:yaml.org,2002:null", re.compile(r"(~|null|Null|NULL|)\Z"), ["~", "n", "N", ""]),
    ("tag:yaml.org,2002:bool", re.compile(r"(true|True|TRUE|false|False|FALSE)\Z"), list("tTfF")),
    ("tag:yaml.org,2002:int", re.compile(r"([-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z"), list("-+0123456789")),
    (
        "tag:yaml.org,2002:float",
        re.compile(r"([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))\Z"),
        list("-+0123456789."),
    ),
)


def load(data: bytes) -> Tree:
    """The tree of a document; an empty one is None.  ``ValueError`` for anything that is not plain data."""
    try:
        return yaml.load(data, _Loader)  # noqa: S506 - a SafeLoader with fewer powers
    except yaml.YAMLError as problem:
        raise ValueError(str(problem)) from problem


def dump(tree: Tree) -> bytes:
    """The document of a tree."""
    text: bytes = yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=2**31, encoding="utf-8")
    return text


class _Loader(yaml.SafeLoader):
    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not allowed in configurations")
        return super().compose_node(parent, index)

    def flatten_mapping(self, node: Any) -> None:
        """Merge keys (``<<``) are of YAML 1.1."""

    def construct_tagged(self, suffix: str, node: Any) -> Tagged:
        """A local tag: one of our variants with its value."""
        match node:
            case yaml.MappingNode():
                value: Tree = self.construct_mapping(node, deep=True)
            case yaml.SequenceNode():
                value = self.construct_sequence(node, deep=True)
            case _:
                # What the scalar would be without the tag: ``!Axis 0`` is a number, ``!DimensionName '0'`` a string.
                plain = node.style is None
                tag = _resolve(self, node.value, plain=plain)
                value = self.construct_object(yaml.ScalarNode(tag, node.value, node.start_mark, node.end_mark))
        return Tagged(suffix, value)

    def construct_integer(self, node: Any) -> int:
        text: str = node.value
        return int(text, 0 if text.startswith(("0o", "0x")) else 10)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        """Write what is shared twice."""
        return True

    def choose_scalar_style(self) -> Any:
        """As without a tag: PyYAML would quote every scalar that has one, also numbers."""
        event: Any = self.event
        if event.tag is not None and event.tag.startswith("!") and not event.style:
            self.analysis = self.analyze_scalar(event.value)
            if self.analysis.allow_block_plain and event.value:
                return ""
        return super().choose_scalar_style()

    def represent_tagged(self, data: Tagged) -> yaml.Node:
        """``!tag value``."""
        node = self.represent_data(data.value)
        if isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:str":
            # Readers resolve the scalar below the tag as if it had none.
            node.style = node.style if _resolve(self, node.value, plain=True) == node.tag else "'"
        node.tag = f"!{data.tag}"
        return node


def _resolve(resolver: Any, text: str, *, plain: bool) -> str:
    """The tag that a scalar without one has."""
    tag: str = resolver.resolve(yaml.ScalarNode, text, (plain, not plain))
    return tag


_Loader.yaml_implicit_resolvers = {}  # not those of YAML 1.1, which the base class has
for _tag, _pattern, _first in _CORE_SCHEMA:
    _Loader.add_implicit_resolver(_tag, _pattern, _first)
    # The writer quotes what either version of YAML takes for something else than a string.
    _Dumper.add_implicit_resolver(_tag, _pattern, _first)
_Loader.add_multi_constructor("!", _Loader.construct_tagged)
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_integer)
_Dumper.add_representer(Tagged, _Dumper.represent_tagged)
