"""What configuration objects accept, and how they compare, travel and show themselves."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings

import frazil
from frazil import config as c
from tests.unit.config import configs

CLASSES = [
    c.RepositoryConfig,
    c.CachingConfig,
    c.CompressionConfig,
    c.ManifestConfig,
    c.ManifestPreloadConfig,
    c.ManifestSplittingConfig,
    c.ManifestVirtualChunkLocationCompressionConfig,
    c.RepoUpdateRetryConfig,
    c.S3Options,
    c.StorageSettings,
    c.StorageConcurrencySettings,
    c.StorageRetriesSettings,
    c.StorageTimeoutSettings,
]


@settings(max_examples=300)
@given(configs.parts)
def test_the_repr_makes_an_equal_object(thing) -> None:
    assert eval(repr(thing), {"frazil": frazil}) == thing


@given(configs.parts)
def test_copies_and_pickles_are_equal(thing) -> None:
    assert copy.deepcopy(thing) == thing
    assert pickle.loads(pickle.dumps(thing)) == thing


@given(configs.parts, configs.parts)
def test_equality_is_that_of_the_reprs(one, other) -> None:
    assert (one == other) == (repr(one) == repr(other))


@given(configs.repositories())
def test_every_form_of_display_works(config: c.RepositoryConfig) -> None:
    assert str(config).startswith("<frazil.config.RepositoryConfig>\n")
    assert '<div class="frazil-repr">' in config._repr_html_()


@pytest.mark.parametrize("cls", CLASSES)
def test_everything_is_optional_and_unset(cls) -> None:
    empty = cls()
    assert all(value in (None, False) for value in vars(empty).values())
    assert empty == cls()
    with pytest.raises(TypeError, match="unhashable"):
        hash(empty)


@pytest.mark.parametrize(
    ("cls", "name", "highest"),
    [
        (c.RepositoryConfig, "inline_chunk_threshold_bytes", 2**16 - 1),
        (c.RepositoryConfig, "num_updates_per_repo_info_file", 2**16 - 1),
        (c.CachingConfig, "num_chunk_refs", 2**64 - 1),
        (c.CompressionConfig, "level", 255),
        (c.ManifestPreloadConfig, "max_total_refs", 2**32 - 1),
        (c.ManifestVirtualChunkLocationCompressionConfig, "compression_level", 2**31 - 1),
        (c.S3Options, "network_stream_timeout_seconds", 2**32 - 1),
        (c.StorageRetriesSettings, "max_tries", 2**16 - 1),
    ],
)
def test_integers_have_limits(cls, name: str, highest: int) -> None:
    assert getattr(cls(**{name: highest}), name) == highest
    with pytest.raises(OverflowError, match=name):
        cls(**{name: highest + 1})
    config = cls()
    with pytest.raises(OverflowError, match=name):
        setattr(config, name, -(2**40))
    assert config == cls()


def test_integers_of_other_libraries_become_ours() -> None:
    value = c.CachingConfig(num_chunk_refs=np.uint32(7)).num_chunk_refs
    assert value == 7
    assert type(value) is int


def test_no_tries_at_all_make_no_sense() -> None:
    with pytest.raises(ValueError, match="invalid zero value"):
        c.StorageRetriesSettings(max_tries=0)


@pytest.mark.parametrize(
    "make",
    [
        lambda: c.CachingConfig(num_chunk_refs="5"),
        lambda: c.CachingConfig(num_chunk_refs=1.0),
        lambda: c.RepositoryConfig(caching=3),
        lambda: c.RepositoryConfig(virtual_chunk_containers=[]),
        lambda: c.S3Options(3),
        lambda: c.S3Options(allow_http=None),
        lambda: c.StorageSettings(unsafe_use_metadata=1),
        lambda: c.CompressionConfig(algorithm="zstd"),
        lambda: c.ManifestSplittingConfig({c.ManifestSplitCondition.AnyArray(): {}}),
        lambda: c.ManifestSplittingConfig("ab"),
        lambda: c.ManifestSplitCondition.or_conditions("ab"),
        lambda: c.ManifestSplitCondition.or_conditions([c.ManifestPreloadCondition.true()]),
        lambda: c.ManifestSplitCondition.path_matches(3),
        lambda: c.ManifestSplitCondition.AnyArray() | 3,
        lambda: c.ManifestPreloadCondition.num_refs(1),
        lambda: c.ObjectStoreConfig.S3("us-east-1"),
        lambda: c.ObjectStoreConfig.Gcs({"a": 1}),
        lambda: c.VirtualChunkContainer("s3://b/", "s3"),
        lambda: c.ManifestVirtualChunkLocationCompressionConfig(1, 2),
    ],
)
def test_other_types_are_refused(make) -> None:
    with pytest.raises(TypeError):
        make()


def test_typing_errors_are_noticed() -> None:
    config = c.CachingConfig()
    with pytest.raises(AttributeError, match="num_chunk_refs"):
        config.num_chunk_ref = 5
    with pytest.raises(AttributeError, match="assign None"):
        del config.num_chunk_refs


def test_nested_objects_are_shared() -> None:
    caching = c.CachingConfig()
    config = c.RepositoryConfig(caching=caching)
    assert config.caching is caching
    config.caching.num_chunk_refs = 1
    assert caching.num_chunk_refs == 1


def test_headers_of_web_servers_are_no_options() -> None:
    with pytest.raises(ValueError, match="second argument"):
        c.ObjectStoreConfig.Http({"headers": "x"})


def test_payloads_by_position() -> None:
    options = c.S3Options("us-east-1")
    store = c.ObjectStoreConfig.S3(options)
    assert store._0 is store[0] is store.options is options
    assert len(store) == 1
    web = c.ObjectStoreConfig.Http({"a": "b"}, {"c": "d"})
    assert (web._0, web._1, len(web)) == ({"a": "b"}, {"c": "d"}, 2)
    assert c.ObjectStoreConfig.S3(options) != c.ObjectStoreConfig.S3Compatible(options)
    assert len(c.ObjectStoreConfig.InMemory()) == 0
