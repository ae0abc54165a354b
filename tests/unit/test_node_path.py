"""Paths of nodes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frazil.errors import InvalidInputError
from frazil.format import node_path
from frazil.format.node_path import ROOT, NodePath

SEGMENT = st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1).filter(
    lambda s: s not in (".", "..")
)
PATHS = st.lists(SEGMENT, max_size=4).map(lambda names: NodePath("/" + "/".join(names)))


@pytest.mark.parametrize("text", ["", "a", "a/b", "./a"])
def test_relative_paths_are_refused(text: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        node_path.parse(text)
    assert caught.value.kind == "invalid-path"
    assert str(caught.value) == "could not create path from prefix: path must start with a `/` character"


@pytest.mark.parametrize("text", ["//", "/a/", "/a//b", "/a/../b", "/./a", "/.."])
def test_paths_are_canonic(text: str) -> None:
    with pytest.raises(InvalidInputError, match="could not create path") as caught:
        node_path.parse(text)
    assert caught.value.kind == "invalid-path"


@given(PATHS)
def test_every_canonic_path_is_accepted(path: NodePath) -> None:
    assert node_path.parse(path) == path
    assert node_path.from_relative(node_path.to_relative(path)) == path
    assert "/" + "/".join(node_path.segments(path)) == path


@given(PATHS, SEGMENT)
def test_child_and_parent(path: NodePath, name: str) -> None:
    below = node_path.child(path, name)
    assert node_path.parse(below) == below
    assert node_path.parent(below) == path
    assert node_path.name(below) == name
    assert node_path.is_descendant(below, path)
    assert not node_path.is_descendant(path, below)
    assert node_path.is_same_or_below(path, path)
    assert not node_path.is_descendant(path, path)


@given(PATHS)
def test_ancestors_end_at_the_root(path: NodePath) -> None:
    above = list(node_path.ancestors(path))
    assert all(node_path.is_descendant(path, ancestor) for ancestor in above)
    assert len(above) == len(node_path.segments(path))
    if path != ROOT:
        assert above[-1] == ROOT


@given(PATHS, PATHS)
def test_below_agrees_with_the_segments(one: NodePath, other: NodePath) -> None:
    names, prefix = node_path.segments(one), node_path.segments(other)
    assert node_path.is_same_or_below(one, other) == (names[: len(prefix)] == prefix)


def test_a_longer_name_is_no_descendant() -> None:
    assert not node_path.is_descendant(NodePath("/group-x"), NodePath("/group"))
    assert not node_path.is_same_or_below(NodePath("/group-x/a"), NodePath("/group"))


@given(PATHS, PATHS, PATHS)
def test_rebasing_and_back(source: NodePath, target: NodePath, relative: NodePath) -> None:
    path = ROOT
    for name in (*node_path.segments(source), *node_path.segments(relative)):
        path = node_path.child(path, name)
    moved = node_path.rebase_path(path, source, target)
    assert node_path.segments(moved) == node_path.segments(target) + node_path.segments(relative)
    assert node_path.rebase_path(moved, target, source) == path


def test_segments_sort_children_right_after_their_parent() -> None:
    paths = [NodePath(text) for text in ("/a-b", "/a/b", "/", "/a")]
    assert sorted(paths, key=node_path.segments) == ["/", "/a", "/a/b", "/a-b"]
