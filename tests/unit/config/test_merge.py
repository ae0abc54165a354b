"""How layers of configuration combine."""

from hypothesis import given

from frazil import config as c
from frazil.config.effective import EffectiveRetries
from tests.unit.config import configs


@given(configs.repositories())
def test_nothing_changes_nothing(config: c.RepositoryConfig) -> None:
    assert config.merge(c.RepositoryConfig()) == config
    assert c.RepositoryConfig().merge(config) == config
    assert config.merge(config) == config


@given(configs.repositories(), configs.repositories(), configs.repositories())
def test_layers_can_be_combined_in_any_grouping(a, b, c_) -> None:
    assert a.merge(b).merge(c_) == a.merge(b.merge(c_))


@given(configs.repositories(), configs.repositories())
def test_merging_changes_neither(one: c.RepositoryConfig, other: c.RepositoryConfig) -> None:
    before = repr(one), repr(other)
    merged = one.merge(other)
    merged.clear_virtual_chunk_containers()
    merged.inline_chunk_threshold_bytes = 1
    assert (repr(one), repr(other)) == before


def test_fields_are_merged_but_some_are_replaced() -> None:
    older = c.RepositoryConfig(
        caching=c.CachingConfig(num_chunk_refs=1, num_snapshot_nodes=2),
        manifest=c.ManifestConfig(
            preload=c.ManifestPreloadConfig(max_total_refs=1, max_arrays_to_scan=5),
            max_concurrent_manifest_fetches_during_commit=4,
        ),
        storage=c.StorageSettings(retries=c.StorageRetriesSettings(max_tries=3)),
        virtual_chunk_containers={},
    )
    newer = c.RepositoryConfig(
        caching=c.CachingConfig(num_chunk_refs=5),
        manifest=c.ManifestConfig(preload=c.ManifestPreloadConfig(max_total_refs=7)),
        storage=c.StorageSettings(retries=c.StorageRetriesSettings(initial_backoff_ms=3), storage_class="X"),
    )
    merged = older.merge(newer)
    assert merged.caching == c.CachingConfig(num_chunk_refs=5, num_snapshot_nodes=2)
    assert merged.storage == c.StorageSettings(
        retries=c.StorageRetriesSettings(max_tries=3, initial_backoff_ms=3), storage_class="X"
    )
    assert merged.manifest == c.ManifestConfig(
        preload=c.ManifestPreloadConfig(max_total_refs=7), max_concurrent_manifest_fetches_during_commit=4
    )
    assert merged.virtual_chunk_containers == {}


def test_what_is_used_when_nothing_is_set() -> None:
    config = c.RepositoryConfig()
    assert config.effective_inline_threshold() == 512
    assert config.effective_get_partial_values_concurrency() == 10
    assert config.effective_max_concurrent_requests() == 256
    assert config.effective_max_concurrent_decodes() >= 1
    assert config.effective_num_updates_per_repo_info_file() == 1000
    assert config.effective_compression_level() == 3
    assert config.effective_caching().num_chunk_refs == 15_000_000
    assert config.effective_caching().num_bytes_chunks == 0
    assert config.effective_repo_update_retries() == EffectiveRetries(100, 50, 30_000)
    storage = config.effective_storage()
    assert storage.unsafe_use_conditional_update
    assert storage.retries == EffectiveRetries(10, 100, 180_000)
    assert storage.concurrency.ideal_concurrent_request_size == 12 * 2**20
    assert storage.minimum_size_for_multipart_upload == 100 * 2**20
    manifest = config.effective_manifest()
    assert manifest.splitting is None
    assert manifest.effective_preload().max_total_refs == 10_000
    assert manifest.effective_location_compression().min_num_chunks == 1000


def test_what_is_set_is_used() -> None:
    config = c.RepositoryConfig(
        inline_chunk_threshold_bytes=0,
        caching=c.CachingConfig(num_chunk_refs=0),
        repo_update_retries=c.RepoUpdateRetryConfig(c.StorageRetriesSettings(max_tries=2)),
        storage=c.StorageSettings(unsafe_use_metadata=False),
        compression=c.CompressionConfig(level=0),
    )
    assert config.effective_inline_threshold() == 0
    assert config.effective_caching().num_chunk_refs == 0
    assert config.effective_repo_update_retries() == EffectiveRetries(2, 100, 180_000)
    assert config.effective_storage().unsafe_use_metadata is False
    assert config.effective_compression_level() == 0
