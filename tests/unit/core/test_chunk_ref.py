"""References of each kind."""

import pytest

from frazil._core import Buffer, ChunkRef
from frazil.errors import IcechunkError

ID = bytes(range(12))


def test_inline():
    ref = ChunkRef.inline(b"bytes")
    assert (ref.kind, ref.length, ref.offset) == (3, 5, 0)
    assert isinstance(ref.data, Buffer)
    assert ref.data == b"bytes"
    assert (ref.chunk_id, ref.location, ref.etag, ref.last_modified) == (None, None, None, None)


def test_native():
    ref = ChunkRef.native(ID, 7, 2**40)
    assert (ref.kind, ref.chunk_id, ref.offset, ref.length) == (1, ID, 7, 2**40)
    assert (ref.data, ref.location) == (None, None)


def test_virtual():
    ref = ChunkRef.virtual("s3://b/é", 1, 2, etag='"tag"')
    assert (ref.kind, ref.location, ref.offset, ref.length) == (2, "s3://b/é", 1, 2)
    assert (ref.etag, ref.last_modified, ref.data, ref.chunk_id) == ('"tag"', None, None, None)
    assert ChunkRef.virtual("s3://b/k", 1, 2, last_modified=5).last_modified == 5
    assert ChunkRef.virtual("s3://b/k", 1, 2, last_modified=0).last_modified is None


def test_of_two_checksums_the_etag_counts():
    ref = ChunkRef.virtual("s3://b/k", 0, 1, "tag", 5)
    assert (ref.etag, ref.last_modified) == ("tag", None)


def test_equality_and_hash_go_by_content():
    refs = [
        ChunkRef.inline(b"x"),
        ChunkRef.inline(b"y"),
        ChunkRef.native(ID, 0, 1),
        ChunkRef.native(ID, 1, 1),
        ChunkRef.virtual("s3://b/k", 0, 1),
        ChunkRef.virtual("s3://b/k", 0, 1, etag="x"),
        ChunkRef.virtual("s3://b/k", 0, 1, last_modified=1),
    ]
    assert len(set(refs)) == len(refs)
    assert ChunkRef.inline(bytearray(b"x")) in refs
    assert ChunkRef.inline(b"x") != b"x"


def test_ids_have_12_bytes():
    with pytest.raises(IcechunkError, match="12 bytes"):
        ChunkRef.native(b"short", 0, 1)
    with pytest.raises(OverflowError):
        ChunkRef.native(ID, -1, 1)
