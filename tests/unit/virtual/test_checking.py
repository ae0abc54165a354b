"""Locations on their way in: many at once are treated as each alone."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from frazil._core import LocationColumn
from frazil.config import ObjectStoreConfig, S3Options, VirtualChunkContainer
from frazil.errors import InvalidInputError
from frazil.virtual.checking import LocationCheck
from frazil.virtual.matching import Sources

SOURCES = Sources(
    [
        VirtualChunkContainer("s3://bucket/", ObjectStoreConfig.S3(S3Options()), name="s"),
        VirtualChunkContainer("gs://bucket/", ObjectStoreConfig.Gcs({}), name="g"),
        VirtualChunkContainer("file:///data/", ObjectStoreConfig.LocalFileSystem("/data"), name="f"),
        VirtualChunkContainer("http://host/", ObjectStoreConfig.Http()),
    ]
)

OBJECT_PREFIXES = [
    "s3://bucket/",
    "S3://bucket/",
    "s3://other/",
    "s3:///",
    "gs://bucket/",
    "http://host/",
    "https://host/",
]
FILE_PREFIXES = ["file:///data/", "file:///", "FILE:///data/", "file://host/data/"]
NAMES = ["vcc://s/", "vcc://g/", "vcc://f/", "vcc://none/"]
prefixes = st.sampled_from([*OBJECT_PREFIXES, *FILE_PREFIXES, *NAMES, "x", ""])
pieces = st.sampled_from(
    [
        "a",
        "b/",
        "/",
        "//",
        ".",
        "..",
        ".x",
        "%2e",
        "%2F",
        "%20",
        "%41",
        "%C3%A9",
        "%FF",
        "%",
        "é",
        " ",
        "\n",
        "?",
        "#",
        "\\",
    ]
)
texts = st.builds(lambda prefix, parts: prefix + "".join(parts), prefixes, st.lists(pieces, max_size=4))
plain = st.builds("{}{}/{}".format, prefixes, st.sampled_from(["a", "b-c"]), st.integers(0, 30))
checks = st.builds(LocationCheck, st.just(SOURCES), validate=st.booleans(), keep_names=st.booleans())


def outcome(check: LocationCheck, location: str) -> str:
    """What is stored, or the kind of the error; locations that no container serves are told apart by their message."""
    try:
        return check.one(location)
    except InvalidInputError as refused:
        found_none = refused.kind == "no-container-for-virtual-chunk"
        unserved = found_none or "cannot address" in refused.message or "no path segments" in refused.message
        return "!unserved" if unserved else f"!{refused.kind}"


@given(checks, st.one_of(st.lists(plain, max_size=40), st.lists(st.one_of(plain, texts), max_size=40)))
@example(LocationCheck(SOURCES, validate=True, keep_names=True), ["gs://bucket/%FF"])
@example(LocationCheck(SOURCES, validate=False, keep_names=True), ["s3://b/a\ns3://b/b", "file:///x"])
@example(LocationCheck(SOURCES, validate=False, keep_names=True), ["file:///x", "s3:///x"])
def test_many_at_once_are_treated_as_each_alone(check: LocationCheck, given_locations: list[str]) -> None:
    alone = [outcome(check, location) for location in given_locations]
    refused = [found for found in alone if found.startswith("!") and found != "!unserved"]
    if refused:
        with pytest.raises(InvalidInputError) as raised:
            check.many(LocationColumn(given_locations))
        assert f"!{raised.value.kind}" in refused
        return
    column, failing = check.many(LocationColumn(given_locations))
    stored = column.tolist()
    assert failing == [row for row, found in enumerate(alone) if found == "!unserved"]
    assert [stored[row] for row, found in enumerate(alone) if not found.startswith("!")] == [
        found for found in alone if not found.startswith("!")
    ]


def test_locations_that_need_no_change_are_not_copied() -> None:
    given_locations = LocationColumn([f"s3://bucket/{number % 7}" for number in range(100)])
    stored, failing = LocationCheck(SOURCES, validate=True, keep_names=True).many(given_locations)
    assert stored is given_locations
    assert failing == []


def test_blocks_are_looked_at_to_the_last() -> None:
    count = 2 * 65_536 + 25
    given_locations = [f"s3://bucket/{number // 3}" for number in range(count)]
    given_locations[3] = given_locations[70_000] = given_locations[-1] = "s3://other/x"
    given_locations[12] = given_locations[-2] = "S3://bucket/x"
    column = LocationColumn(given_locations)
    assert column.num_blocks == 3
    found, failing = LocationCheck(SOURCES, validate=True, keep_names=True).many(column)
    stored = found.tolist()
    assert failing == [3, 70_000, count - 1]
    assert stored[12] == stored[-2] == "s3://bucket/x"
    given_locations[12] = given_locations[-2] = "s3://bucket/x"
    assert stored == given_locations


def test_what_no_container_serves_says_how_to_add_one() -> None:
    check = LocationCheck(SOURCES, validate=True, keep_names=True)
    with pytest.raises(
        InvalidInputError, match="invalid chunk location, no matching virtual chunk container"
    ) as raised:
        check.one("s3://other/x")
    assert "set_virtual_chunk_container" in raised.value.message


@pytest.mark.parametrize("key", ["a//b", "a/../b", "./a", "a/", "%2E%2E/b", "a%2F%2Fb"])
def test_keys_that_most_stores_cannot_address_are_refused_except_on_s3(key: str) -> None:
    check = LocationCheck(SOURCES, validate=True, keep_names=True)
    with pytest.raises(InvalidInputError, match="cannot address key") as raised:
        check.one(f"gs://bucket/{key}")
    assert raised.value.kind == "invalid-virtual-ref"
    assert check.one(f"s3://bucket/{key}") == f"s3://bucket/{key}"
    assert LocationCheck(SOURCES, validate=False, keep_names=True).one(f"gs://bucket/{key}") == f"gs://bucket/{key}"


@pytest.mark.parametrize("location", ["s3://bucket", "s3://bucket/", "s3://bucket/?x", "vcc://s"])
def test_a_location_must_name_an_object(location: str) -> None:
    with pytest.raises(InvalidInputError, match="no path segments") as raised:
        LocationCheck(SOURCES, validate=True, keep_names=True).one(location)
    assert raised.value.kind == "invalid-virtual-ref"


def test_names_are_kept_or_replaced() -> None:
    kept = LocationCheck(SOURCES, validate=False, keep_names=True)
    replaced = LocationCheck(SOURCES, validate=False, keep_names=False)
    assert kept.one("VCC://f/a b") == "vcc://f/a b"
    assert kept.one("vcc://unknown/a") == "vcc://unknown/a"
    assert replaced.one("vcc://f/a b") == "file:///data/a%20b"
    stored, failing = replaced.many(LocationColumn(["vcc://f/a", "vcc://unknown/a"]))
    assert (stored.tolist(), failing) == (["file:///data/a", "vcc://unknown/a"], [1])
