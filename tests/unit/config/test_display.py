"""The displays of configurations, letter by letter."""

from datetime import UTC, datetime

from frazil import config as c

CACHING = """\
<frazil.config.CachingConfig>
num_snapshot_nodes: 500000 (default)
num_chunk_refs: 5
num_transaction_changes: 0 (default)
num_bytes_attributes: 0 (default)
num_bytes_chunks: 0 (default)
"""

CONTAINER = """\
frazil.virtual.VirtualChunkContainer(
    name="n",
    url_prefix="s3://b/",
    store=frazil.config.ObjectStoreConfig.S3(frazil.storage.S3Options(
        region="a",
        endpoint_url=None,
        allow_http=False,
        anonymous=False,
        force_path_style=False,
        network_stream_timeout_seconds=None,
        requester_pays=False,
        checksum_algorithm=frazil.ChecksumAlgorithm.Sha1,
    )),
)"""

REPOSITORY = """\
<frazil.config.RepositoryConfig>
inline_chunk_threshold_bytes: 512 (default)
get_partial_values_concurrency: 10 (default)
max_concurrent_requests: 256 (default)
max_concurrent_decodes: 7
num_updates_per_repo_info_file: 1000 (default)
compression:
    <frazil.config.CompressionConfig>
    algorithm: Zstd (default)
    level: 3 (default)
caching:
    <frazil.config.CachingConfig>
    num_snapshot_nodes: 500000 (default)
    num_chunk_refs: 15000000 (default)
    num_transaction_changes: 0 (default)
    num_bytes_attributes: 0 (default)
    num_bytes_chunks: 0 (default)
storage: None
manifest:
    <frazil.config.ManifestConfig>
    preload:
        <frazil.config.ManifestPreloadConfig>
        max_total_refs: 10000 (default)
        preload_if: None
        max_arrays_to_scan: 50 (default)
    splitting:
        <frazil.config.ManifestSplittingConfig>
        split_sizes: [(frazil.config.ManifestSplitCondition.path_matches(".*"), \
[(frazil.config.ManifestSplitDimCondition.Any(), 4294967295)])]
    virtual_chunk_location_compression:
        <frazil.config.ManifestVirtualChunkLocationCompressionConfig>
        min_num_chunks: 1000 (default)
        dictionary_max_training_samples: 100 (default)
        dictionary_max_size_bytes: 2048 (default)
        compression_level: 3 (default)
    max_concurrent_manifest_fetches_during_commit: 1 (default)
repo_update_retries:
    <frazil.config.RepoUpdateRetryConfig>
    default:
        <frazil.storage.StorageRetriesSettings>
        max_tries: 100
        initial_backoff_ms: 50
        max_backoff_ms: 30000
virtual_chunk_containers:
    file:///a/:
        <frazil.virtual.VirtualChunkContainer>
        name: None
        url_prefix: "file:///a/"
        store:
            <frazil.config.ObjectStoreConfig.LocalFileSystem>
            path: "/a"
"""

STORAGE = """\
<frazil.storage.StorageSettings>
unsafe_use_conditional_create: True (default)
unsafe_use_conditional_update: True (default)
unsafe_use_metadata: False
storage_class: "A\\"B"
metadata_storage_class: None
chunks_storage_class: None
minimum_size_for_multipart_upload: 104857600 (default)
concurrency:
    <frazil.storage.StorageConcurrencySettings>
    max_concurrent_requests_for_object: 18 (default)
    ideal_concurrent_request_size: 12582912 (default)
retries:
    <frazil.storage.StorageRetriesSettings>
    max_tries: 10 (default)
    initial_backoff_ms: 100 (default)
    max_backoff_ms: 180000 (default)
timeouts: None
"""


def test_defaults_are_marked() -> None:
    assert str(c.CachingConfig(num_chunk_refs=5)) == CACHING


def test_a_whole_repository() -> None:
    config = c.RepositoryConfig(max_concurrent_decodes=7)
    config.set_virtual_chunk_container(c.VirtualChunkContainer("file:///a/", c.ObjectStoreConfig.LocalFileSystem("/a")))
    assert str(config) == REPOSITORY


def test_storage_settings() -> None:
    assert str(c.StorageSettings(unsafe_use_metadata=False, storage_class='A"B')) == STORAGE


def test_nested_calls_keep_their_lines() -> None:
    options = c.S3Options("a", checksum_algorithm=c.ChecksumAlgorithm.Sha1)
    assert repr(c.VirtualChunkContainer("s3://b/", c.ObjectStoreConfig.S3(options), "n")) == CONTAINER


def test_stores() -> None:
    kinds = c.ObjectStoreConfig
    assert repr(kinds.LocalFileSystem("/x")) == 'frazil.config.ObjectStoreConfig.LocalFileSystem("/x")'
    assert repr(kinds.InMemory()) == "frazil.config.ObjectStoreConfig.InMemory()"
    assert str(kinds.InMemory()) == "<frazil.config.ObjectStoreConfig.InMemory>\n"
    assert repr(kinds.Gcs({"a": "b"})) == 'frazil.config.ObjectStoreConfig.Gcs({"a": "b"})'
    assert str(kinds.Http({"a": "b"}, {})) == '<frazil.config.ObjectStoreConfig.Http>\nopts: {"a": "b"}\nheaders: {}\n'


def test_notebooks_fold_what_is_nested() -> None:
    html = c.RepositoryConfig()._repr_html_()
    assert '<div class="frazil-repr">' in html
    assert "15000000 (default)" in html
    assert "<details>" in html
    assert html.count("<style>") == 1
    config = c.RepositoryConfig(storage=c.StorageSettings(storage_class="<b>"))
    assert '"&lt;b&gt;"' in config._repr_html_()


def test_statuses_and_flags() -> None:
    when = datetime(2030, 1, 1, 2, 3, 4, 5, tzinfo=UTC)
    status = c.RepoStatus(c.RepoAvailability.read_only, when, "moving house")
    assert (
        repr(status)
        == str(status)
        == (
            "<frazil.repository.RepoStatus>\navailability: ReadOnly\n"
            "set_at: datetime.datetime(2030,1,1,2,3,4,5, tzinfo=datetime.timezone.utc)\n"
            "limited_availability_reason: moving house\n"
        )
    )
    flag = c.FeatureFlag(3, "move_node", default_enabled=True)
    assert str(flag) == (
        "<frazil.config.FeatureFlag>\nid: 3\nname: move_node\ndefault_enabled: True\nsetting: None\nenabled: True\n"
    )


def test_attribution() -> None:
    assert repr(c.Attribution(client="a/1")) == (
        'frazil.Attribution(\n    client="a/1",\n    workload=None,\n    principal=None,\n)'
    )
