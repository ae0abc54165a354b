"""Locations: what is stored for each spelling, and which key it means."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frazil.errors import InvalidInputError
from frazil.virtual import locations

OBJECT_SCHEMES = ("s3", "gs", "gcs", "az", "azure", "abfs", "tigris", "http", "https", "vcc")

schemes = st.sampled_from(OBJECT_SCHEMES)
authorities = st.text(st.characters(exclude_characters="/?#", exclude_categories=["Cs"]), min_size=1, max_size=8)
rests = st.text(st.characters(exclude_categories=["Cs"]), max_size=20).map(lambda text: f"/{text}" if text else "")
path_pieces = st.sampled_from(
    [
        "/",
        "//",
        ".",
        "..",
        "%2e",
        "%2E.",
        "a",
        "b c",
        "é",
        "%41",
        "%",
        "?",
        "#",
        "\\",
        ":",
        "C:",
        "|",
        "\t",
        "~",
        "'",
        '"',
        "<",
    ]
)
file_locations = st.lists(path_pieces, max_size=12).map(lambda parts: "file:///" + "".join(parts))


@pytest.mark.parametrize(
    ("given_text", "stored"),
    [
        ("file:///d/a/../b c", "file:///d/b%20c"),
        ("FILE:///d//x/./y", "file:///d//x/y"),
        ("file://localhost/x", "file:///x"),
        ("file:/x", "file:///x"),
        ("file:///d/é", "file:///d/%C3%A9"),
        ("file:///d/%2e%2E/b", "file:///b"),
        ("file:///a/../../..", "file:///"),
        ("file:///d/x?y#z", "file:///d/x?y#z"),
        ("file:///d/%41%2F", "file:///d/%41%2F"),
        ("S3://Bucket/K", "s3://Bucket/K"),
        ("s3://b/a/../b c?q#f", "s3://b/a/../b c?q#f"),
        ("s3://b//x//y", "s3://b//x//y"),
        ("s3://u:p@b:80/k", "s3://u:p@b:80/k"),
        ("s3://b", "s3://b"),
        ("HTTPS://Host:8080/p?q=1#f", "https://Host:8080/p?q=1#f"),
        ("VCC://name/a/../b", "vcc://name/a/../b"),
    ],
)
def test_stored_form(given_text: str, stored: str) -> None:
    assert locations.normalise(given_text) == stored


@pytest.mark.parametrize(
    "text", ["", "x/y", "/x/y", "mailto:abc", "s3:///k", "s3://", "s3://?x", "http://#f", "vcc:///p"]
)
def test_what_names_no_object_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="error parsing") as raised:
        locations.normalise(text)
    assert raised.value.kind == "invalid-virtual-ref"
    assert "://" in raised.value.message  # an example of what is right


@given(schemes, authorities, rests)
def test_object_urls_are_kept_as_they_are(scheme: str, authority: str, rest: str) -> None:
    text = f"{scheme}://{authority}{rest}"
    assert locations.normalise(text) == text
    assert locations.normalise(f"{scheme.upper()}://{authority}{rest}") == text
    assert locations.authority_of(text) == authority


@given(file_locations)
def test_a_normal_file_url_has_no_way_up(text: str) -> None:
    normal = locations.normalise(text)
    assert normal.startswith("file://")
    assert locations.normalise(normal) == normal
    path = normal.removeprefix("file://").partition("?")[0].partition("#")[0]
    assert {".", ".."}.isdisjoint(path.lower().replace("%2e", ".").split("/"))


@given(file_locations)
def test_the_short_cut_for_plain_file_urls_agrees_with_the_url_parser(text: str) -> None:
    from frazil._core import normalise_url

    assert locations.normalise(text) == normalise_url(text)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_any_text_is_an_absolute_location_or_refused(text: str) -> None:
    try:
        normal = locations.normalise(text)
    except InvalidInputError as refused:
        kind = refused.kind
    else:
        kind = "invalid-virtual-ref" if "://" in normal and locations.normalise(normal) == normal else "not normal"
    assert kind == "invalid-virtual-ref"


@pytest.mark.parametrize("text", ["a" * 100_000, "a/" * 50_000, "%2" * 50_000, "../" * 50_000])
def test_long_locations_need_no_backtracking(text: str) -> None:
    # A pattern that backtracks would not come back before the test's timeout.
    assert locations.normalise(f"file:///{text} ").startswith("file:///")


@pytest.mark.parametrize(
    ("location", "key"),
    [
        ("s3://b/a/b", "a/b"),
        ("s3://b", ""),
        ("s3://b/", ""),
        ("s3://b//a", "/a"),
        ("s3://b/a?x#y", "a"),
        ("s3://b/a#y?x", "a"),
        ("s3://b?x", ""),
        ("s3://b/a%3Fx%23%25", "a?x#%"),
        ("s3://b/a%2520", "a%20"),
        ("s3://b/%zz%4", "%zz%4"),
        ("s3://b/%C3%A9", "é"),
        ("s3://b/é x", "é x"),
        ("file:///a/b", "a/b"),
        ("http://host:80/a/b?q", "a/b"),
    ],
)
def test_key(location: str, key: str) -> None:
    assert locations.object_key(location) == key


def test_a_key_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="not UTF-8"):
        locations.object_key("s3://b/%FF")


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_a_quoted_key_comes_back(key: str) -> None:
    quoted = key.replace("%", "%25").replace("?", "%3F").replace("#", "%23")
    assert locations.object_key(f"s3://b/{quoted}") == key


@given(st.lists(st.sampled_from(["", ".", "..", "a", "..."]), min_size=1, max_size=4))
def test_addressable_keys_have_no_empty_or_dot_segment(segments: list[str]) -> None:
    assert locations.is_addressable("/".join(segments)) == all(segment in ("a", "...") for segment in segments)


def test_relative_locations_are_taken_apart() -> None:
    assert locations.split_relative("vcc://name/a/b") == ("name", "a/b")
    assert locations.split_relative("vcc://name") == ("name", "")
    assert not locations.is_relative("s3://vcc/x")


@pytest.mark.interop
@given(text=st.one_of(file_locations, st.builds("{}://{}{}".format, schemes, authorities, rests)))
def test_the_official_package_stores_the_same(text: str, stored_by_official: Callable[[str], str | None]) -> None:
    if text.startswith("vcc://"):
        return  # it asks for a container of that name
    expected = stored_by_official(text)
    if expected is None:
        with pytest.raises(InvalidInputError):
            locations.normalise(text)
    else:
        assert locations.normalise(text) == expected


@pytest.fixture(scope="module")
def stored_by_official() -> Callable[[str], str | None]:
    icechunk = pytest.importorskip("icechunk", minversion="2.0", reason="the official package is the oracle here")
    zarr = pytest.importorskip("zarr")
    session = icechunk.Repository.create(icechunk.in_memory_storage()).writable_session("main")
    zarr.create_array(session.store, name="a", shape=(1,), chunks=(1,), dtype="i1")

    def stored(text: str) -> str | None:
        try:
            session.store.set_virtual_ref("a/c/0", text, offset=0, length=1, validate_container=False)
        except icechunk.IcechunkError:
            return None
        (found,) = session.all_virtual_chunk_locations()
        return found

    return stored
