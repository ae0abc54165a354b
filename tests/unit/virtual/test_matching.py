"""Which container serves a location."""

import logging
import pickle
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frazil.config import ObjectStoreConfig, S3Options, VirtualChunkContainer
from frazil.errors import InvalidInputError
from frazil.virtual import locations
from frazil.virtual.matching import Sources

S3 = ObjectStoreConfig.S3(S3Options(region="us-east-1"))
GCS = ObjectStoreConfig.Gcs({})


def local(path: str) -> ObjectStoreConfig:
    return ObjectStoreConfig.LocalFileSystem(path)


SOURCES = Sources(
    [
        VirtualChunkContainer("s3://bucket/", S3),
        VirtualChunkContainer("s3://bucket/deep/er/", S3, name="deep"),
        VirtualChunkContainer("s3://bucket/deep/", S3),
        VirtualChunkContainer("file:///data/a b/", local("/data/a b"), name="spaced"),
        VirtualChunkContainer("file:///data/x/../y/", local("/data/y"), name="up"),
        VirtualChunkContainer("GS://bucket/", GCS, name="loud"),
        VirtualChunkContainer("s3://odd/a b?/", S3),
    ]
)


@pytest.mark.parametrize(
    ("location", "url_prefix"),
    [
        ("s3://bucket/x", "s3://bucket/"),
        ("s3://bucket/deep", "s3://bucket/"),
        ("s3://bucket/deep/x", "s3://bucket/deep/"),
        ("s3://bucket/deep/er/x", "s3://bucket/deep/er/"),
        ("S3://bucket/deep/er/x", "s3://bucket/deep/er/"),
        ("vcc://deep/x", "s3://bucket/deep/er/"),
        ("vcc://deep/../x", "s3://bucket/deep/er/"),  # two dots are part of the key on object stores
        ("s3://bucket2/x", None),
        ("s3://bucket", "s3://bucket/"),
        ("gs://bucket/x", "GS://bucket/"),
        ("file:///data/a b/x", "file:///data/a b/"),
        ("file:///data/a%20b/x", "file:///data/a b/"),
        ("file:///data/a%20b/../x", None),
        ("vcc://spaced/x", "file:///data/a b/"),
        ("vcc://spaced/../y/x", "file:///data/x/../y/"),  # and lead up in paths
        ("vcc://spaced/../x", None),
        ("vcc://up/x", "file:///data/x/../y/"),
        ("file:///data/y/x", "file:///data/x/../y/"),
        ("file:///data/x/z", None),
        ("s3://bucket/d%65ep/x", "s3://bucket/deep/"),  # another spelling of the same key
        ("s3://bucket/deep?/er/x", "s3://bucket/"),  # the key ends at the question mark
        ("s3://bucket%2Fdeep/x", None),
        ("s3://odd/a b?/x", None),
        ("s3://odd/a%20b%3F/x", "s3://odd/a b?/"),
    ],
)
def test_the_longest_prefix_of_the_normal_form_serves(location: str, url_prefix: str | None) -> None:
    found = SOURCES.find(SOURCES.url(location))
    assert (found.url_prefix if found else None) == url_prefix


def test_names_become_prefixes() -> None:
    assert SOURCES.url("vcc://deep/a/b?c") == "s3://bucket/deep/er/a/b?c"
    assert SOURCES.url("vcc://spaced/./x y") == "file:///data/a%20b/x%20y"
    assert SOURCES.url("s3://anywhere/x") == "s3://anywhere/x"
    assert SOURCES.url_if_known("vcc://nobody/x") == "vcc://nobody/x"


def test_an_unknown_name_is_an_error_that_tells_the_known_ones() -> None:
    with pytest.raises(InvalidInputError, match="no virtual chunk container named 'nobody' found") as raised:
        SOURCES.url("vcc://nobody/x")
    assert raised.value.kind == "no-container-for-virtual-chunk"
    assert "deep, loud, spaced, up" in raised.value.message


@pytest.mark.parametrize(
    "container",
    [
        VirtualChunkContainer("s3://", S3),
        VirtualChunkContainer("s3:///", S3),
        VirtualChunkContainer("gs://bucket/", S3),
        VirtualChunkContainer("file:///", local("/")),
        VirtualChunkContainer("file:///data/../", local("/")),
        VirtualChunkContainer("s3://bucket/", S3, name="a/b"),
        VirtualChunkContainer("nothing/", S3),
        VirtualChunkContainer("memory://x/", ObjectStoreConfig.InMemory()),
    ],
    ids=lambda container: container.url_prefix,
)
def test_a_stored_container_that_breaks_a_rule_is_ignored_with_a_warning(
    container: VirtualChunkContainer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        sources = Sources([container, VirtualChunkContainer("s3://good/", S3)])
    assert [source.url_prefix for source in sources] == ["s3://good/"]
    assert container.url_prefix in caplog.text


@pytest.mark.parametrize("prefix", ["s3://bucket", "s3://bucket/folder", "S3://bucket/a/b"])
def test_a_stored_prefix_without_its_last_slash_is_a_folder(prefix: str) -> None:
    """As early releases stored them."""
    (source,) = Sources([VirtualChunkContainer(prefix, S3, name="early")])
    normal = f"s3{prefix[2:]}/x"
    assert Sources([VirtualChunkContainer(prefix, S3)]).find(normal) is not None
    assert Sources([VirtualChunkContainer(prefix, S3, name="early")]).url("vcc://early/x") == normal
    assert Sources([VirtualChunkContainer(prefix, S3)]).find(f"s3{prefix[2:]}-of-others/x") is None
    assert source.url_prefix == prefix


names = st.sampled_from(["a", "b", "a/b", "a/b/c", "c d", "..", "a/.."])


@given(st.sets(names, max_size=5), st.lists(st.sampled_from(["a", "b", "c", "c d", "..", ".", "x"]), max_size=6))
def test_a_file_location_is_served_only_from_inside_a_container(prefixes: set[str], parts: list[str]) -> None:
    sources = Sources([VirtualChunkContainer(f"file:///top/{name}/", local("/top")) for name in prefixes])
    url = sources.url("file:///top/" + "/".join(parts))
    found = sources.find(url)
    inside = [source for source in sources if url.startswith(source.prefix)]
    assert found == max(inside, key=lambda source: len(source.prefix), default=None)
    assert ".." not in url.split("/")


pieces = st.sampled_from(["a", "b", "/", "%2F", "?", "#", "%3F", "%25", "%61", " ", "%20", "..", "é", "%C3%A9"])


@given(st.lists(pieces, max_size=4), st.lists(pieces, max_size=6))
def test_what_is_served_has_a_key_inside_the_container(prefix_parts: list[str], parts: list[str]) -> None:
    sources = Sources([VirtualChunkContainer(f"s3://bucket/{''.join(prefix_parts)}/", S3)])
    (source,) = sources
    url = sources.url(f"s3://bucket/{''.join(parts)}")
    found = sources.find(url)
    assert (found is source) == locations.object_key(url).startswith(source.area.key_prefix)
    assert source.area.key_prefix == unquote(f"{''.join(prefix_parts)}/")


def test_sources_pickle() -> None:
    copy = pickle.loads(pickle.dumps(SOURCES))
    assert list(copy) == list(SOURCES)
    assert copy.url("vcc://deep/x") == "s3://bucket/deep/er/x"
