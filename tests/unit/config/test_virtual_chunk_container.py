"""Which containers make sense, and how a configuration keeps them."""

import pytest

from frazil.config import ObjectStoreConfig, RepositoryConfig, S3Options, VirtualChunkContainer

S3 = ObjectStoreConfig.S3(S3Options())
COMPATIBLE = ObjectStoreConfig.S3Compatible(S3Options())
TIGRIS = ObjectStoreConfig.Tigris(S3Options())
GCS = ObjectStoreConfig.Gcs({})
AZURE = ObjectStoreConfig.Azure({"account": "x"})
HTTP = ObjectStoreConfig.Http()
LOCAL = ObjectStoreConfig.LocalFileSystem("/x")
MEMORY = ObjectStoreConfig.InMemory()


@pytest.mark.parametrize(
    ("prefix", "store"),
    [
        ("s3://b/", S3),
        ("s3://b/", COMPATIBLE),
        ("s3://b/", TIGRIS),
        ("tigris://b/", TIGRIS),
        ("gs://b/", GCS),
        ("gcs://b/x/", GCS),
        ("az://b/", AZURE),
        ("azure://b/", AZURE),
        ("abfs://b/", AZURE),
        ("http://h/", HTTP),
        ("https://h:8080/x/", HTTP),
        ("file:///a/", LOCAL),
        ("file:///a b/", LOCAL),
        ("S3://b/", S3),
    ],
)
def test_prefixes_that_suit_their_store(prefix: str, store: ObjectStoreConfig) -> None:
    config = RepositoryConfig()
    container = VirtualChunkContainer(prefix, store)
    config.set_virtual_chunk_container(container)
    assert config.get_virtual_chunk_container(prefix) is container


@pytest.mark.parametrize(
    ("prefix", "store", "name", "text"),
    [
        ("b/", S3, None, "relative URL without a base"),
        ("s3://b", S3, None, "must end in a / character"),
        ("", S3, None, "must end in a / character"),
        ("s3:///a/", S3, None, "must include a host"),
        ("gs:///a/", GCS, None, "must include a host"),
        ("file:///", LOCAL, None, "must include a path"),
        ("tigris://b/", S3, None, r"Invalid url prefix scheme \(tigris\)"),
        ("gs://b/", S3, None, r"Invalid url prefix scheme \(gs\)"),
        ("s3://b/", MEMORY, None, r"Invalid url prefix scheme \(s3\)"),
        ("vcc://c/", S3, None, r"Invalid url prefix scheme \(vcc\)"),
        ("http://h:99999/", HTTP, None, "invalid port number"),
        ("s3://b/", S3, "", "must be non-empty and not contain '/'"),
        ("s3://b/", S3, "a/b", "must be non-empty and not contain '/'"),
    ],
)
def test_others_are_refused_when_set(prefix: str, store: ObjectStoreConfig, name: str | None, text: str) -> None:
    config = RepositoryConfig()
    with pytest.raises(ValueError, match=text):
        config.set_virtual_chunk_container(VirtualChunkContainer(prefix, store, name))
    assert config.virtual_chunk_containers is None


def test_a_prefix_has_one_container_and_so_has_a_name() -> None:
    config = RepositoryConfig()
    config.set_virtual_chunk_container(VirtualChunkContainer("s3://b/", S3))
    config.set_virtual_chunk_container(VirtualChunkContainer("s3://b/", COMPATIBLE))
    assert list(config.virtual_chunk_containers or ()) == ["s3://b/"]
    config.set_virtual_chunk_container(VirtualChunkContainer("s3://c/", S3, "data"))
    moved = VirtualChunkContainer("s3://d/", S3, "data")
    config.set_virtual_chunk_container(moved)
    assert set(config.virtual_chunk_containers or ()) == {"s3://b/", "s3://d/"}
    assert config.get_virtual_chunk_container("data") is moved
    assert config.get_virtual_chunk_container("nope") is None


def test_the_mapping_itself_cannot_be_assigned() -> None:
    config = RepositoryConfig(virtual_chunk_containers={})
    with pytest.raises(AttributeError, match="set_virtual_chunk_container"):
        config.virtual_chunk_containers = None


def test_no_containers_are_not_the_same_as_unset() -> None:
    config = RepositoryConfig(virtual_chunk_containers={"s3://b/": VirtualChunkContainer("s3://b/", S3)})
    config.clear_virtual_chunk_containers()
    assert config.virtual_chunk_containers == {}
    assert config != RepositoryConfig()
    assert RepositoryConfig().virtual_chunk_containers is None


def test_the_constructor_takes_a_copy() -> None:
    given = {"s3://b/": VirtualChunkContainer("s3://b/", S3)}
    config = RepositoryConfig(virtual_chunk_containers=given)
    given.clear()
    assert list(config.virtual_chunk_containers or ()) == ["s3://b/"]
