"""Moves that the strategies call valid go through, in a repository as in the model; the others are refused as said."""

from __future__ import annotations

import asyncio
import re
from typing import get_args

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

import frazil
from frazil import IcechunkError, Repository, Session
from frazil.testing.invariants import assert_moves_sorted_by_final_path, compare_list_dir
from frazil.testing.models import ArrayNode, GroupNode, ModelStore
from frazil.testing.trees import (
    InvalidMoveReason,
    absolute,
    child_names_at,
    fresh_name,
    fresh_names,
    invalid_move,
    is_descendant,
    similar_name,
    skeletons,
    tree_and_invalid_moves,
    tree_and_mixed_moves,
    tree_and_valid_moves,
    trees,
    valid_and_invalid_moves,
    valid_move,
    wrap_tolerant,
)
from frazil.testing.utils import precommit_postcommit_readonly, tree_to_model_and_icechunk, update_paths_after_move

SMALL = {"max_leaves": st.just(8)}


def rearranging(tree: GroupNode) -> tuple[ModelStore, Session, Repository]:
    model, session, repo = tree_to_model_and_icechunk(tree)
    session.commit("the tree")
    return model, repo.rearrange_session("main"), repo


@given(tree_and_valid_moves(**SMALL))
def test_valid_moves_go_through(tree_and_moves):
    tree, moves = tree_and_moves
    model, session, repo = rearranging(tree)
    arrays, groups = set(tree.arrays()), set(tree.groups())
    for source, target in moves:
        asyncio.run(model.move(source, target))
        session.move(source, target)
        arrays, groups = update_paths_after_move(source[1:], target[1:], arrays, groups)
    expected = GroupNode.from_store(model)
    assert (set(expected.arrays()), set(expected.groups())) == (arrays, groups)
    moved = session.status().moved_nodes
    assert_moves_sorted_by_final_path(moved)
    for label, store in precommit_postcommit_readonly(session, repo, allow_empty=True):
        assert GroupNode.from_store(store) == expected, label
        asyncio.run(compare_list_dir(model, store, expected.nodes(include_root=True)))


@given(tree_and_invalid_moves(**SMALL))
def test_invalid_moves_are_refused_as_they_say(tree_and_moves):
    tree, moves = tree_and_moves
    _, session, _ = rearranging(tree)
    for source, target, pattern in moves:
        with pytest.raises(IcechunkError, match=wrap_tolerant(pattern)):
            session.move(source, target)
    assert not session.has_uncommitted_changes
    assert GroupNode.from_store(session.store) == tree


@given(tree_and_mixed_moves(**SMALL))
def test_mixed_moves(tree_and_moves):
    tree, moves = tree_and_moves
    model, session, _ = rearranging(tree)
    for source, target, pattern in moves:
        if pattern is None:
            asyncio.run(model.move(source, target))
            session.move(source, target)
        else:
            with pytest.raises(IcechunkError, match=wrap_tolerant(pattern)):
                session.move(source, target)
    assert GroupNode.from_store(session.store) == GroupNode.from_store(model)


@pytest.mark.parametrize("share", [0.0, 1.0])
@given(data=st.data())
def test_the_share_of_invalid_moves_holds_at_its_ends(share, data):
    tree = data.draw(trees(**SMALL))
    moves = data.draw(valid_and_invalid_moves(tree, p_invalid=st.just(share)))
    assert {pattern is None for _, _, pattern in moves} == {share == 0}


@pytest.mark.parametrize("reason", get_args(InvalidMoveReason))
def test_every_reason_can_be_asked_for(reason):
    nodes, arrays = {"a", "a/b", "c"}, {"c"}

    @settings(max_examples=20)
    @given(invalid_move(nodes, arrays, {"a"}, eligible=[reason]))
    def check(move):
        _, session, _ = rearranging(GroupNode.from_paths(arrays={"/c"}, groups={"/a", "/a/b"}))
        with pytest.raises(IcechunkError, match=move[2]):
            session.move(*move[:2])

    check()


def test_a_move_may_go_to_the_root_and_into_a_neighbour_of_a_similar_name():
    nodes = {"a", "a/b", "ab"}
    assert find(valid_move(nodes, nodes, {"b"}), lambda move: move[0] == "/a/b" and move[1].count("/") == 1)
    assert find(valid_move(nodes, nodes, {"b"}), lambda move: move[0] == "/a" and move[1].startswith("/ab/"))


@given(trees(max_leaves=st.just(5), max_children=st.just(2)))
def test_sizes_of_hierarchies(tree):
    groups = [tree, *(node for _, node in tree.walk() if isinstance(node, GroupNode))]
    assert tree.children
    assert all(len(group.children) <= 2 for group in groups)
    leaves = [node for _, node in tree.walk() if isinstance(node, ArrayNode) or not node.children]
    assert 1 <= len(leaves) <= 5


def test_hierarchies_have_what_breaks_things():
    has_empty_group = find(skeletons(), lambda tree: any(node == GroupNode() for _, node in tree.walk()))
    assert has_empty_group.children
    deep = find(skeletons(), lambda tree: any(len(path.parts) > 2 for path, _ in tree.walk()))
    assert deep.children
    shared = find(trees(), lambda tree: any(path.name == path.parent.name for path, _ in tree.walk()))
    assert shared.children

    def has_prefix(tree: GroupNode) -> bool:
        names = set(tree.children)
        return any(one != two and two.startswith(one) for one in names for two in names)

    assert find(trees(), has_prefix).children


@given(st.data(), st.sets(st.sampled_from(["foo", "foo-bar", "b"])), st.sets(st.sampled_from(["foo", "x.y"])))
def test_fresh_names_are_fresh(data, pool, siblings):
    assert data.draw(fresh_name(pool, siblings)) not in siblings
    names = data.draw(fresh_names(pool, siblings, 3))
    assert len({*names, *siblings}) == 3 + len(siblings)
    assert not any(re.fullmatch(r"\.+|__.*|.*/.*", name) for name in names)


def test_similar_names():
    assert find(similar_name(set(), {"foo"}), lambda name: name.startswith("foo"))
    assert find(similar_name(set(), {"foo"}), lambda name: name.endswith("foo"))
    assert find(similar_name({"bar"}, {"foo"}), lambda name: name == "bar") == "bar"
    assert find(similar_name(set(), set()), lambda name: True)


def test_paths():
    assert child_names_at("a", {"a", "a/b", "a/b/c", "a/d", "ab/c"}) == {"b", "d"}
    assert child_names_at("", {"a", "a/b"}) == {"a"}
    assert [is_descendant("a/b", "a"), is_descendant("a", "a"), is_descendant("ab", "a")] == [True, False, False]
    assert [is_descendant("a", ""), is_descendant("", "")] == [True, False]
    assert (absolute(""), absolute("a/b")) == ("/", "/a/b")


def test_patterns_for_texts_that_were_wrapped():
    assert re.search(wrap_tolerant("into itself or"), "into\n  | itself   or")
    assert not re.search(wrap_tolerant("into itself"), "intoitself")


def test_paths_after_a_move():
    assert update_paths_after_move("/a/b", "/c", {"/a/b/x", "/a/bc"}, {"/", "/a/b"}) == [{"/c/x", "/a/bc"}, {"/", "/c"}]


def test_the_stores_before_and_after_a_commit():
    _, session, repo = tree_to_model_and_icechunk(GroupNode({"g": GroupNode()}), add_hypothesis_note=False)
    seen = [(label, store.read_only) for label, store in precommit_postcommit_readonly(session, repo)]
    assert seen == [("pre-commit", False), ("post-commit", True), ("readonly", True)]
    empty = precommit_postcommit_readonly(repo.writable_session("main"), repo, allow_empty=True)
    assert [label for label, _ in empty] == ["pre-commit", "post-commit", "readonly"]
    with pytest.raises(frazil.SessionStateError, match="no changes"):
        list(precommit_postcommit_readonly(repo.writable_session("main"), repo))
