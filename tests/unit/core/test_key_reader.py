"""Zarr keys, against a slow parser."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frazil._core import Assets, ChunkReader, ChunkRef, ChunkTable, KeyReader, ObjectStore, encode_id
from frazil.errors import InvalidInputError, StorageError

UNKNOWN = KeyReader.UNKNOWN


def assets(store: ObjectStore) -> Assets:
    return Assets(store, snapshot_nodes=1000, chunk_refs=1000, transaction_changes=1000, chunk_bytes=0, max_requests=8)


def reader_of(chunks: dict[tuple[int, ...], bytes], num_chunks: tuple[int, ...]) -> ChunkReader:
    table = ChunkTable(len(num_chunks))
    for coords, data in chunks.items():
        table.set(coords, ChunkRef.inline(data))
    return ChunkReader(assets(ObjectStore.memory()), b"12345678", num_chunks, [], table)


def test_documents_and_chunks():
    keys = KeyReader()
    keys.register("/", b"root", None)
    keys.register("/a/b", b"array", reader_of({(0, 1): b"chunk"}, (2, 2)))
    assert keys.read("zarr.json") == b"root"
    assert keys.read("/zarr.json") == b"root"
    assert keys.read("a/b/zarr.json") == b"array"
    assert keys.read("a/b/c/0/1") == b"chunk"
    assert keys.read("/a/b/c/0/1", 1, 3) == b"hu"
    assert keys.read("a/b/c/0/0") is None
    assert keys.read("a/b/c/5/5") is None
    assert keys.read("a/b/c/0") is None
    assert keys.read("a/b/c") is None
    assert keys.exists("a/b/c/0/1") is True
    assert keys.exists("a/b/c/0/0") is False
    assert keys.exists("zarr.json") is True
    assert [keys.size(key) for key in ("zarr.json", "a/b/zarr.json", "a/b/c/0/1")] == [4, 5, 5]
    assert [keys.size(key) for key in ("a/b/c/0/0", "a/b/c/5/5", "a/b/c/0", "a/b/c")] == [0, 0, 0, 0]


def test_what_is_not_registered_is_unknown():
    keys = KeyReader()
    keys.register("/g", b"group", None)
    keys.register("/late", None, reader_of({}, (1,)))
    for key in ("zarr.json", "a/zarr.json", "a/c/0", "g/c/0", "g/c", "late/zarr.json", "foo", "", "g/.zarray"):
        assert keys.read(key) is UNKNOWN
        assert keys.exists(key) is UNKNOWN
        assert keys.size(key) is UNKNOWN
    assert keys.read("late/c/0") is None
    assert repr(UNKNOWN) == "KeyReader.UNKNOWN"


def test_nodes_can_be_forgotten_and_replaced():
    keys = KeyReader()
    keys.register("/a", b"1", None)
    keys.register("/b", b"2", None)
    keys.register("/a", b"3", None)
    assert keys.read("a/zarr.json") == b"3"
    keys.forget("/a")
    assert keys.read("a/zarr.json") is UNKNOWN
    assert keys.read("b/zarr.json") == b"2"
    keys.forget()
    assert keys.read("b/zarr.json") is UNKNOWN


@pytest.mark.parametrize("path", ["/c", "/cc", "/c/c", "/cc/c", "/arrc", "/0", "/c/0", "/7/c", "/zarr.json", "/é c"])
def test_any_name_of_an_array_works(path):
    keys = KeyReader()
    keys.register(path, b"meta", reader_of({(0, 3): b"x"}, (1, 4)))
    assert keys.read(f"{path[1:]}/c/0/3") == b"x"
    assert keys.read(f"{path}/zarr.json") == b"meta"


def test_rank_zero():
    keys = KeyReader()
    keys.register("/s", b"meta", reader_of({(): b"x"}, ()))
    keys.register("/", b"meta", reader_of({(): b"root"}, ()))
    assert keys.read("s/c") == b"x"
    assert keys.read("s/c/0") is None
    assert keys.read("c") == b"root"


@pytest.mark.parametrize(
    ("start", "end", "suffix", "expected"),
    [
        (None, None, None, b"0123456789"),
        (2, 5, None, b"234"),
        (8, 20, None, b"89"),
        (20, 30, None, b""),
        (20, None, None, b""),
        (None, None, 3, b"789"),
        (None, None, 30, b"0123456789"),
    ],
)
def test_ranges_of_documents_are_cut(start, end, suffix, expected):
    keys = KeyReader()
    keys.register("/", b"0123456789", None)
    assert keys.read("zarr.json", start, end, suffix) == expected


def test_ranges_of_chunks_are_strict():
    keys = KeyReader()
    keys.register("/a", b"", reader_of({(0,): b"0123456789"}, (1,)))
    with pytest.raises(InvalidInputError, match="byte range"):
        keys.read("a/c/0", 8, 20)
    with pytest.raises(InvalidInputError, match="either a suffix"):
        keys.read("a/c/0", 1, None, 2)


def test_errors_name_the_manifest_and_then_the_key():
    keys = KeyReader()
    manifest_id = b"m" * 12
    reader = ChunkReader(assets(ObjectStore.memory()), b"12345678", (4,), [(manifest_id, 40, ((0, 4),))], None)
    keys.register("/a", b"", reader)
    with pytest.raises(StorageError) as caught:
        keys.read("a/c/0")
    assert re.search(rf"(?s)fetch_manifest.*{encode_id(manifest_id)}.*get.*a/c/0", str(caught.value))


def parsed(key: str) -> tuple[str, tuple[int, ...] | None] | None:
    """(path, coordinates or None for a document), the slow way."""
    found = re.fullmatch(r"/?(?:(?P<path>[^/]+(?:/[^/]+)*)/)?zarr\.json", key)
    indices = None
    if found is None:
        found = re.fullmatch(
            r"/?(?:(?P<path>[^/]+(?:/[^/]+)*)/)?c(?P<indices>(?:/(?:0|[1-9][0-9]*))*)", key, flags=re.ASCII
        )
        if found is None:
            return None
        indices = tuple(int(index) for index in found["indices"].split("/")[1:])
        if any(index >= 2**32 for index in indices):
            return None
    path = found["path"] or ""
    if {".", ".."} & set(path.split("/")):
        return None
    return path, indices


_SEGMENTS = st.sampled_from(
    ["c", "a", "cc", "0", "1", "01", "12", "zarr.json", "", ".", "..", "4294967295", "4294967296"]
)


@given(st.lists(_SEGMENTS, max_size=6).map("/".join), st.lists(_SEGMENTS, max_size=3).map("/".join))
def test_the_grammar(key, other):
    keys = KeyReader()
    expected = parsed(key)
    if expected is None:
        keys.register(f"/{other}", b"meta", reader_of({}, ()))
        assert keys.read(key) is UNKNOWN
        return
    path, coords = expected
    rank = 0 if coords is None else len(coords)
    keys.register(f"/{path}", b"meta", reader_of({} if coords is None else {coords: b"chunk"}, (2**32,) * rank))
    assert keys.read(key) == (b"meta" if coords is None else b"chunk")
    keys.forget(f"/{path}")
    assert keys.read(key) is UNKNOWN
