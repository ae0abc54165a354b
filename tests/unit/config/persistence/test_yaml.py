"""Configurations as YAML."""

import contextlib
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from frazil import config as c
from frazil.config.persistence import from_yaml, to_yaml, yaml_text
from frazil.errors import FormatError
from tests.unit.config import configs

WRITTEN_BY_OTHERS = """\
inline_chunk_threshold_bytes: 1000
virtual_chunk_containers:
  s3://b1/:
    name: nm
    url_prefix: s3://b1/
    store: !s3
      region: us-east-1
      endpoint_url: null
      anonymous: false
      allow_http: false
      force_path_style: false
      network_stream_timeout_seconds: null
      requester_pays: false
      checksum_algorithm: null
  file:///data/:
    name: null
    url_prefix: file:///data/
    store: !local_file_system /data
manifest:
  preload:
    max_total_refs: 11
    preload_if: !or
    - !name_matches
      regex: b
    - !num_refs
      from: !Included 1
      to: Unbounded
    - 'false'
    max_arrays_to_scan: 3
  splitting:
    split_sizes:
    - - !and
        - any_array
      - - condition: !DimensionName t.*
          num_chunks: 4
        - condition: Any
          num_chunks: 7
"""


def test_what_others_write() -> None:
    config = from_yaml(WRITTEN_BY_OTHERS.encode())
    kinds = c.ObjectStoreConfig
    assert config == c.RepositoryConfig(
        inline_chunk_threshold_bytes=1000,
        virtual_chunk_containers={
            "s3://b1/": c.VirtualChunkContainer("s3://b1/", kinds.S3(c.S3Options("us-east-1")), "nm"),
            "file:///data/": c.VirtualChunkContainer("file:///data/", kinds.LocalFileSystem("/data")),
        },
        manifest=c.ManifestConfig(
            preload=c.ManifestPreloadConfig(
                max_total_refs=11,
                preload_if=c.ManifestPreloadCondition.or_conditions(
                    [
                        c.ManifestPreloadCondition.name_matches("b"),
                        c.ManifestPreloadCondition.num_refs(1, None),
                        c.ManifestPreloadCondition.false(),
                    ]
                ),
                max_arrays_to_scan=3,
            ),
            splitting=c.ManifestSplittingConfig(
                [
                    (
                        c.ManifestSplitCondition.and_conditions([c.ManifestSplitCondition.AnyArray()]),
                        [(c.ManifestSplitDimCondition.DimensionName("t.*"), 4), (c.ManifestSplitDimCondition.Any(), 7)],
                    )
                ]
            ),
        ),
    )
    # Every line of theirs is a line of ours, with its indentation; we add the keys that are unset.
    ours = to_yaml(config).decode().splitlines()
    assert [line for line in WRITTEN_BY_OTHERS.splitlines() if line not in ours] == []


@settings(max_examples=300)
@given(configs.repositories(configs.stored_preload_conditions))
def test_everything_survives(config: c.RepositoryConfig) -> None:
    assert from_yaml(to_yaml(config)) == config


@given(configs.STRINGS)
@example("no")
@example("12:30")
@example("0o17")
def test_strings_that_look_like_something_else(text: str) -> None:
    config = c.RepositoryConfig(
        storage=c.StorageSettings(storage_class=text),
        manifest=c.ManifestConfig(
            splitting=c.ManifestSplittingConfig(
                [(c.ManifestSplitCondition.name_matches(text), [(c.ManifestSplitDimCondition.DimensionName(text), 1)])]
            )
        ),
    )
    assert from_yaml(to_yaml(config)) == config


def test_scalars_are_those_of_yaml_1_2() -> None:
    plain = "[no, off, yes, 12:30, 2001-01-01, 1_000, 0b1, =, <<, true, 0x10, 0o17, 017, ~, .5, 1e3, '5']"
    expected = [
        "no",
        "off",
        "yes",
        "12:30",
        "2001-01-01",
        "1_000",
        "0b1",
        "=",
        "<<",
        True,
        16,
        15,
        17,
        None,
        0.5,
        1e3,
        "5",
    ]
    assert yaml_text.load(plain.encode()) == expected


@given(configs.STRINGS)
def test_our_text_means_the_same_in_yaml_1_1(text: str) -> None:
    assert yaml.safe_load(yaml_text.dump({"key": text})) == {"key": text}


def test_an_empty_file_sets_nothing() -> None:
    for text in (b"", b"\n", b"# nothing\n", b"null\n", b"{}\n"):
        assert from_yaml(text) == c.RepositoryConfig()


def test_unknown_keys_are_ignored() -> None:
    text = b"from_the_future: !new {a: 1}\ncaching:\n  num_chunk_refs: 5\n  num_dreams: 7\n"
    assert from_yaml(text) == c.RepositoryConfig(caching=c.CachingConfig(num_chunk_refs=5))


def test_everything_is_written_unset_as_null() -> None:
    lines = to_yaml(c.RepositoryConfig()).decode().splitlines()
    assert len(lines) == 12
    assert all(line.endswith(": null") for line in lines)


def test_previous_file_is_kept() -> None:
    config = from_yaml(b"previous_file: config.yaml.123.ABC\n")
    assert config.previous_file == "config.yaml.123.ABC"
    assert config == c.RepositoryConfig()
    assert b"previous_file: config.yaml.123.ABC\n" in to_yaml(config)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("compression: {algorithm: gzip}", "unknown compression algorithm `gzip`"),
        ("manifest: {preload: {preload_if: !sometimes 3}}", "unknown preload condition `sometimes`"),
        ("manifest: {splitting: {split_sizes: [[maybe, []]]}}", "unknown split condition `maybe`"),
        (
            "manifest: {splitting: {split_sizes: [[any_array, [{condition: !Depth 1, num_chunks: 3}]]]}}",
            "unknown dimension condition `Depth`",
        ),
        ("virtual_chunk_containers: {'s3://b/': {store: !floppy {}}}", "unknown object store `floppy`"),
        ("virtual_chunk_containers: {'s3://b/': {name: x}}", "has no store"),
        ("inline_chunk_threshold_bytes: no", "must be an integer"),
        ("inline_chunk_threshold_bytes: 65536", "must be between 0 and 65535"),
        ("inline_chunk_threshold_bytes: 1.5", "must be an integer"),
        ("storage: {unsafe_use_metadata: 1}", "must be a bool"),
        ("storage: {retries: {max_tries: 0}}", "invalid zero value"),
        ("caching: [1]", "must be a mapping"),
        ("- 1", "must be a mapping"),
        ("a: &x 1\nb: *x", "aliases"),
        ("a: b: c", "mapping values are not allowed"),
        ("!!python/object:os.system x", "could not determine a constructor"),
        ("? [1]\n: 3", "unhashable"),
        ("a: 1\n---\nb: 2", "single document"),
        ("[" * 100_000, "nested too deeply"),
        ("inline_chunk_threshold_bytes: " + "1" * 5000, "digits"),
    ],
)
def test_what_cannot_be_read_is_a_format_error(text: str, reason: str) -> None:
    with pytest.raises(FormatError, match=reason) as caught:
        from_yaml(text.encode())
    assert caught.value.kind == "config-deserialization"
    assert "config.yaml" in str(caught.value)


@given(st.binary(max_size=60) | st.text("!&*[]{}:-,'\" \nabc01", max_size=60).map(str.encode))
def test_garbage_is_a_format_error_or_nothing_we_know(data: bytes) -> None:
    with contextlib.suppress(FormatError):
        from_yaml(data)


def test_the_golden_repository() -> None:
    path = Path(__file__).parents[3] / "golden" / "v1" / "repo" / "config.yaml"
    config = from_yaml(path.read_bytes())
    assert config.inline_chunk_threshold_bytes == 64
    assert config.manifest is not None
    assert config.manifest.splitting == c.ManifestSplittingConfig.from_dict(
        {
            c.ManifestSplitCondition.name_matches("^split"): {
                c.ManifestSplitDimCondition.DimensionName("^t$"): 2,
                c.ManifestSplitDimCondition.Axis(1): 3,
            }
        }
    )
    container = config.get_virtual_chunk_container("file:///tmp/frazil-virtual/")
    assert container is not None
    assert container.store == c.ObjectStoreConfig.LocalFileSystem("/tmp/frazil-virtual")
