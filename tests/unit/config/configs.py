"""Strategies for configurations of every shape."""

from hypothesis import strategies as st

from frazil import config as c
from frazil.config.preload_condition import Bound

# Surrogates cannot be written to files, and control characters not to YAML.
TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"), exclude_characters="\ufeff\ufffe\uffff"), max_size=8
)
AWKWARD = st.sampled_from(
    [
        "",
        "no",
        "yes",
        "~",
        "null",
        "true",
        "5",
        "1e3",
        "0o17",
        "0x1F",
        "12:30",
        "2001-01-01",
        ".inf",
        "1_000",
        "<<",
        "=",
    ]
)
PUNCTUATED = st.sampled_from([" a", "a ", "a: b", "a #b", "- a", *"!&*{[|>'%@`?:", '"', "!x", "é😀", "a\\nb"])
STRINGS = TEXT | AWKWARD | PUNCTUATED
REGEXES = AWKWARD | PUNCTUATED | st.sampled_from(["^a$", ".*", "(", "[a-z]+", "temperature|salinity"])


def unsigned(bits: int, minimum: int = 0):
    top = 2**bits - 1
    return st.integers(minimum, min(top, 100)) | st.integers(minimum, top) | st.just(top)


def maybe(strategy):
    return st.none() | strategy


def _combined(leaves, family):
    return st.recursive(
        leaves,
        lambda inner: (
            st.builds(family.or_conditions, st.lists(inner, max_size=3))
            | st.builds(family.and_conditions, st.lists(inner, max_size=3))
            | st.builds(lambda one, other: one | other, inner, inner)
            | st.builds(lambda one, other: one & other, inner, inner)
        ),
        max_leaves=6,
    )


split_conditions = _combined(
    st.builds(c.ManifestSplitCondition.path_matches, REGEXES)
    | st.builds(c.ManifestSplitCondition.name_matches, REGEXES)
    | st.builds(c.ManifestSplitCondition.AnyArray),
    c.ManifestSplitCondition,
)
dim_conditions = (
    st.builds(c.ManifestSplitDimCondition.Axis, unsigned(32))
    | st.builds(c.ManifestSplitDimCondition.DimensionName, REGEXES)
    | st.builds(c.ManifestSplitDimCondition.Any)
)
num_refs = st.builds(c.ManifestPreloadCondition.num_refs, maybe(unsigned(32)), maybe(unsigned(32)))
bounded_num_refs = st.builds(
    c.ManifestPreloadCondition.NumRefs,
    maybe(st.builds(Bound, unsigned(31), st.booleans())),
    maybe(st.builds(Bound, unsigned(32), st.booleans())),
)
_preload_leaves = (
    st.builds(c.ManifestPreloadCondition.path_matches, REGEXES)
    | st.builds(c.ManifestPreloadCondition.name_matches, REGEXES)
    | num_refs
    | st.builds(c.ManifestPreloadCondition.true)
    | st.builds(c.ManifestPreloadCondition.false)
)
preload_conditions = _combined(_preload_leaves, c.ManifestPreloadCondition)
stored_preload_conditions = _combined(_preload_leaves | bounded_num_refs, c.ManifestPreloadCondition)

splittings = st.builds(
    c.ManifestSplittingConfig,
    maybe(
        st.lists(st.tuples(split_conditions, st.lists(st.tuples(dim_conditions, unsigned(32)), max_size=3)), max_size=3)
    ),
)


def manifests(conditions=preload_conditions):
    return st.builds(
        c.ManifestConfig,
        preload=maybe(
            st.builds(
                c.ManifestPreloadConfig,
                max_total_refs=maybe(unsigned(32)),
                preload_if=maybe(conditions),
                max_arrays_to_scan=maybe(unsigned(32)),
            )
        ),
        splitting=maybe(splittings),
        virtual_chunk_location_compression=maybe(
            st.builds(
                c.ManifestVirtualChunkLocationCompressionConfig,
                min_num_chunks=maybe(unsigned(16)),
                dictionary_max_training_samples=maybe(unsigned(16)),
                dictionary_max_size_bytes=maybe(unsigned(32)),
                compression_level=maybe(st.integers(-(2**31), 2**31 - 1)),
            )
        ),
        max_concurrent_manifest_fetches_during_commit=maybe(unsigned(16)),
    )


retries = st.builds(
    c.StorageRetriesSettings,
    max_tries=maybe(unsigned(16, 1)),
    initial_backoff_ms=maybe(unsigned(32)),
    max_backoff_ms=maybe(unsigned(32)),
)
storage_settings = st.builds(
    c.StorageSettings,
    concurrency=maybe(
        st.builds(
            c.StorageConcurrencySettings,
            max_concurrent_requests_for_object=maybe(unsigned(16, 1)),
            ideal_concurrent_request_size=maybe(unsigned(64, 1)),
        )
    ),
    retries=maybe(retries),
    unsafe_use_conditional_create=maybe(st.booleans()),
    unsafe_use_conditional_update=maybe(st.booleans()),
    unsafe_use_metadata=maybe(st.booleans()),
    storage_class=maybe(STRINGS),
    metadata_storage_class=maybe(STRINGS),
    chunks_storage_class=maybe(STRINGS),
    minimum_size_for_multipart_upload=maybe(unsigned(64)),
    timeouts=maybe(
        st.builds(
            c.StorageTimeoutSettings,
            connect_timeout_ms=maybe(unsigned(32)),
            read_timeout_ms=maybe(unsigned(32)),
            operation_timeout_ms=maybe(unsigned(32)),
            operation_attempt_timeout_ms=maybe(unsigned(32)),
        )
    ),
)
s3_options = st.builds(
    c.S3Options,
    region=maybe(STRINGS),
    endpoint_url=maybe(STRINGS),
    allow_http=st.booleans(),
    anonymous=st.booleans(),
    force_path_style=st.booleans(),
    network_stream_timeout_seconds=maybe(unsigned(32)),
    requester_pays=st.booleans(),
    checksum_algorithm=maybe(st.sampled_from(list(c.ChecksumAlgorithm))),
)
string_maps = st.dictionaries(STRINGS.filter(lambda key: key != "headers"), STRINGS, max_size=3)
NAMES = TEXT.filter(lambda name: name != "" and "/" not in name)
_hosts = st.from_regex(r"[a-z][a-z0-9]{0,6}", fullmatch=True)


def _containers(scheme: str, stores):
    return st.builds(
        lambda host, store, name: c.VirtualChunkContainer(f"{scheme}://{host}/", store, name),
        st.just("/tmp") if scheme == "file" else _hosts,
        stores,
        maybe(NAMES),
    )


_kinds = c.ObjectStoreConfig
stores = (
    st.builds(_kinds.S3, s3_options)
    | st.builds(_kinds.S3Compatible, s3_options)
    | st.builds(_kinds.Tigris, s3_options)
    | st.builds(_kinds.Gcs, string_maps)
    | st.builds(_kinds.Azure, string_maps)
    | st.builds(_kinds.Http, string_maps, string_maps)
    | st.builds(_kinds.LocalFileSystem, STRINGS)
    | st.builds(_kinds.InMemory)
)
containers = (
    _containers("s3", st.builds(_kinds.S3, s3_options) | st.builds(_kinds.S3Compatible, s3_options))
    | _containers("tigris", st.builds(_kinds.Tigris, s3_options))
    | _containers("gs", st.builds(_kinds.Gcs, string_maps))
    | _containers("az", st.builds(_kinds.Azure, string_maps))
    | _containers("https", st.builds(_kinds.Http, string_maps, string_maps))
    | _containers("file", st.builds(_kinds.LocalFileSystem, STRINGS))
)


def _by_prefix(found):
    return {container.url_prefix: container for container in found}


def repositories(conditions=preload_conditions):
    return st.builds(
        c.RepositoryConfig,
        inline_chunk_threshold_bytes=maybe(unsigned(16)),
        get_partial_values_concurrency=maybe(unsigned(16)),
        compression=maybe(
            st.builds(
                c.CompressionConfig,
                algorithm=maybe(st.sampled_from(list(c.CompressionAlgorithm))),
                level=maybe(unsigned(8)),
            )
        ),
        max_concurrent_requests=maybe(unsigned(16)),
        caching=maybe(
            st.builds(
                c.CachingConfig,
                num_snapshot_nodes=maybe(unsigned(64)),
                num_chunk_refs=maybe(unsigned(64)),
                num_transaction_changes=maybe(unsigned(64)),
                num_bytes_attributes=maybe(unsigned(64)),
                num_bytes_chunks=maybe(unsigned(64)),
            )
        ),
        storage=maybe(storage_settings),
        virtual_chunk_containers=maybe(
            st.lists(containers, max_size=3, unique_by=lambda found: found.name or object()).map(_by_prefix)
        ),
        manifest=maybe(manifests(conditions)),
        repo_update_retries=maybe(st.builds(c.RepoUpdateRetryConfig, maybe(retries))),
        num_updates_per_repo_info_file=maybe(unsigned(16)),
        max_concurrent_decodes=maybe(unsigned(16)),
    )


parts = (
    repositories()
    | manifests()
    | splittings
    | storage_settings
    | retries
    | s3_options
    | containers
    | stores
    | split_conditions
    | preload_conditions
    | dim_conditions
)
"""Any configuration object, big or small."""
