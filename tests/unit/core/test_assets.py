"""Cached reads."""

import threading

import pytest

from frazil._core import Assets, ChunkRef, ChunkTable, Latency, ManifestBuilder, ObjectStore, encode_id
from frazil.errors import StorageError


def assets(store: ObjectStore, *, chunk_refs: int = 1000, chunk_bytes: int = 0) -> Assets:
    return Assets(
        store,
        snapshot_nodes=1000,
        chunk_refs=chunk_refs,
        transaction_changes=1000,
        chunk_bytes=chunk_bytes,
        max_requests=8,
    )


def put_manifest(store: ObjectStore, number: int, refs: int = 3) -> tuple[bytes, int]:
    table = ChunkTable(1)
    for index in range(refs):
        table.set((index,), ChunkRef.inline(bytes([number])))
    builder = ManifestBuilder()
    builder.add_array(b"12345678", ((0, refs),), [], table)
    manifest_id = number.to_bytes(12, "big")
    data, _ = builder.finish(
        id=manifest_id,
        spec_version=2,
        writer="test",
        level=1,
        min_virtual_refs=1000,
        dictionary_samples=100,
        dictionary_bytes=2048,
        location_level=3,
    )
    store.put(f"manifests/{encode_id(manifest_id)}", data)
    return manifest_id, len(data)


def test_a_cached_manifest_needs_no_store():
    store = ObjectStore.memory()
    manifest_id, size = put_manifest(store, 1)
    cached = assets(store)
    assert cached.manifest(manifest_id, size).id == manifest_id
    store.delete_many([f"manifests/{encode_id(manifest_id)}"])
    assert cached.manifest(manifest_id, size).num_refs == 3
    cached.clear()
    with pytest.raises(StorageError, match=encode_id(manifest_id)):
        cached.manifest(manifest_id, size)


def test_what_is_too_large_is_read_again():
    store = ObjectStore.memory()
    manifest_id, size = put_manifest(store, 1, refs=50)
    small = assets(store, chunk_refs=49)
    manifest = small.manifest(manifest_id, size)
    assert small.put_manifest(manifest) is False
    assert assets(store, chunk_refs=50).put_manifest(manifest) is True
    store.delete_many([f"manifests/{encode_id(manifest_id)}"])
    with pytest.raises(StorageError):
        small.manifest(manifest_id, size)


def test_many_manifests_at_once():
    store = ObjectStore.memory()
    files = [put_manifest(store, number) for number in range(1, 40)]
    cached = assets(store)
    cached.manifest(*files[5])
    got = cached.manifests([*files, files[0], files[0]])
    assert [manifest.id for manifest in got] == [manifest_id for manifest_id, _ in (*files, files[0], files[0])]
    with pytest.raises(StorageError) as caught:
        cached.manifests([files[0], (b"m" * 12, 10)])
    assert caught.value.kind == "object-not-found"
    # a failed batch leaves nobody waiting
    assert cached.manifests(files[:3])[2].id == files[2][0]


def test_there_is_one_flight_per_key():
    inner = ObjectStore.memory()
    files = [put_manifest(inner, number) for number in range(1, 20)]
    cached = assets(inner.with_latency(Latency(read_ms=50)))
    got: list[bytes] = []

    def read(number: int) -> None:
        got.extend(manifest.id for manifest in cached.manifests(files if number % 2 else files[::-1]))

    threads = [threading.Thread(target=read, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == sorted(6 * [manifest_id for manifest_id, _ in files])


def test_chunks_are_cached_if_wanted():
    store = ObjectStore.memory()
    key = f"chunks/{encode_id(b'a' * 12)}"
    store.put(key, b"0123456789")
    plain, cached = assets(store), assets(store, chunk_bytes=100)
    assert plain.chunk(b"a" * 12, 2, 3) == b"234"
    assert cached.chunk(b"a" * 12, 2, 3) == b"234"
    store.delete_many([key])
    assert plain.chunk(b"a" * 12, 2, 3) is None
    assert cached.chunk(b"a" * 12, 2, 3) == b"234"
    assert cached.chunk(b"a" * 12, 2, 4) is None


def test_a_missing_transaction_log_is_none():
    assert assets(ObjectStore.memory()).transaction_log(b"a" * 12) is None


def test_a_missing_snapshot_is_named():
    with pytest.raises(StorageError, match=encode_id(b"a" * 12)) as caught:
        assets(ObjectStore.memory()).snapshot(b"a" * 12)
    assert caught.value.kind == "object-not-found"
    assert "fetch_snapshot" in str(caught.value)
