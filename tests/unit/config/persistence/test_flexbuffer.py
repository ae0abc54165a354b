"""Configurations as FlexBuffers, and the trees that rewrites note in their metadata."""

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frazil import _core
from frazil import config as c
from frazil.config.persistence import from_flexbuffer, splitting_tree, to_flexbuffer
from frazil.errors import FormatError
from tests.unit.config import configs


@settings(max_examples=300)
@given(configs.repositories(configs.stored_preload_conditions))
def test_everything_survives(config: c.RepositoryConfig) -> None:
    assert from_flexbuffer(to_flexbuffer(config)) == config


def test_variants_are_maps_with_one_key() -> None:
    condition = c.ManifestPreloadCondition.num_refs(1, None) | c.ManifestPreloadCondition.true()
    config = c.RepositoryConfig(manifest=c.ManifestConfig(preload=c.ManifestPreloadConfig(preload_if=condition)))
    tree = json.loads(_core.flexbuffer_to_json(to_flexbuffer(config)))
    assert tree["manifest"]["preload"]["preload_if"] == {
        "or": [{"num_refs": {"from": {"Included": 1}, "to": "Unbounded"}}, "true"]
    }
    assert tree["caching"] is None


@pytest.mark.parametrize(
    "tree", [3, [], {"caching": 3}, {"manifest": {"preload": {"preload_if": {"or": [], "and": []}}}}, {"storage": "x"}]
)
def test_other_trees_are_format_errors(tree: object) -> None:
    with pytest.raises(FormatError, match="`repo` object") as caught:
        from_flexbuffer(_core.json_to_flexbuffer(json.dumps(tree)))
    assert caught.value.kind == "config-deserialization"


def test_nothing_sets_nothing() -> None:
    assert from_flexbuffer(_core.json_to_flexbuffer("null")) == c.RepositoryConfig()


@given(st.binary(max_size=60))
def test_garbage_is_a_format_error_or_nothing_we_know(data: bytes) -> None:
    with contextlib.suppress(FormatError):
        from_flexbuffer(data)


def test_the_golden_repository() -> None:
    path = Path(__file__).parents[3] / "golden" / "v2" / "repo" / "repo"
    stored = _core.RepoInfo.decode(path.read_bytes()).config
    assert stored is not None
    config = from_flexbuffer(stored)
    assert config.inline_chunk_threshold_bytes == 64
    assert {found.name for found in (config.virtual_chunk_containers or {}).values()} == {"local"}
    assert from_flexbuffer(to_flexbuffer(config)) == config


def test_rewrites_note_the_rules_in_use() -> None:
    assert splitting_tree(c.RepositoryConfig()) == {
        "split_sizes": [[{"path_matches": {"regex": ".*"}}, [{"condition": "Any", "num_chunks": 4294967295}]]]
    }
    rule = c.ManifestSplitCondition.AnyArray() | c.ManifestSplitCondition.name_matches("x")
    sizes = {c.ManifestSplitDimCondition.Axis(3): 4, c.ManifestSplitDimCondition.DimensionName("t"): 3}
    splitting = c.ManifestSplittingConfig.from_dict({rule: sizes})
    assert splitting_tree(c.RepositoryConfig(manifest=c.ManifestConfig(splitting=splitting))) == {
        "split_sizes": [
            [
                {"or": ["any_array", {"name_matches": {"regex": "x"}}]},
                [{"condition": {"Axis": 3}, "num_chunks": 4}, {"condition": {"DimensionName": "t"}, "num_chunks": 3}],
            ]
        ]
    }
