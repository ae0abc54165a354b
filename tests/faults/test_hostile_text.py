"""Long keys, text that no file can hold, and documents nested without end: typed errors, in time that the length allows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
import zarr

import frazil
from frazil import FormatError, IcechunkError, InvalidInputError, Repository
from frazil.format.node_path import NodePath
from frazil.store import zarr_keys
from frazil.store.raw import RawStore

MANY: Final = 40_000
LONG_KEYS: Final = {
    "indices": "/".join(["1"] * MANY),
    "indices of an array": "a/c/" + "/".join(["0"] * MANY),
    "names": "/".join(["a"] * MANY),
    "a chunk": "/".join(["a"] * MANY) + "/c/0",
    "chunk trees": "c/" * MANY + "0",
    "a document": "a/" * MANY + "zarr.json",
    "slashes": "/" * MANY + "0",
}
HALVES: Final = ("\ud800", "a/\udc80", "\udcff/c/0", "a/c/\ud800", "\ud800/zarr.json")

USES: Final[dict[str, Callable[[RawStore, str], object]]] = {
    "read": lambda store, key: store.read(key),
    "exists": lambda store, key: store.exists(key),
    "size": lambda store, key: store.size(key),
    "write": lambda store, key: store.write(key, b"12345678"),
    "delete": lambda store, key: store.delete(key),
    "delete_dir": lambda store, key: store.delete_dir(key),
    "keys": lambda store, key: list(store.keys(key)),
    "names": lambda store, key: list(store.names(key)),
}


@pytest.fixture
def repo() -> Repository:
    repo = Repository.create(frazil.in_memory_storage())
    with repo.transaction("main", message="an array") as store:
        zarr.create_group(store).create_array("a", shape=(8,), chunks=(2,), dtype="i4", compressors=None)[:] = 1
    return repo


@pytest.mark.parametrize("key", LONG_KEYS.values(), ids=LONG_KEYS)
def test_a_long_key_is_looked_up_a_bounded_number_of_times(key: str) -> None:
    """Each look-up takes time in proportion to the key, so that is what all of them take."""
    asked: list[NodePath] = []

    def nothing(path: NodePath) -> None:
        asked.append(path)

    try:
        zarr_keys.parse(key, nothing)
    except InvalidInputError as failure:
        assert len(str(failure)) < 3000  # noqa: PT017 - most of them are keys
    assert len(asked) <= zarr_keys.MOST_INDICES + 1


@pytest.mark.parametrize("key", LONG_KEYS.values(), ids=LONG_KEYS)
def test_a_long_key_is_an_answer_or_a_typed_error(repo: Repository, key: str) -> None:
    store = repo.writable_session("main").store._store
    for use in USES.values():
        try:
            use(store, key)
        except IcechunkError as failure:
            assert failure.kind  # noqa: PT017 - others have an answer


@pytest.mark.parametrize("rank", [1, 3, 64, 200])
def test_every_index_of_a_chunk_counts(rank: int) -> None:
    store = Repository.create(frazil.in_memory_storage()).writable_session("main").store._store
    document = (
        '{"zarr_format":3,"node_type":"array","shape":[%s],"chunk_grid":{"name":"regular","configuration":'
        '{"chunk_shape":[%s]}},"chunk_key_encoding":{"name":"%s"}}'
    )
    for name, encoding in (("a", "default"), ("b", "v2")):
        ones = ",".join(["1"] * rank)
        separator = "/" if encoding == "default" else "."
        store.write(f"{name}/zarr.json", (document % (ones, ones, encoding)).encode())
        start = "c/" if encoding == "default" else ""
        key = f"{name}/{start}{separator.join(['0'] * rank)}"
        store.write(key, b"x")
        found = store.read(key)
        assert found is not None
        assert bytes(found) == b"x"


@pytest.mark.parametrize("name", USES)
def test_half_of_a_surrogate_pair_is_a_typed_error(repo: Repository, name: str) -> None:
    store = repo.writable_session("main").store._store
    for key in HALVES:
        with pytest.raises(InvalidInputError) as failure:
            USES[name](store, key)
        assert failure.value.kind == "invalid-key"
        str(failure.value).encode()


def test_half_of_a_surrogate_pair_in_a_path_is_a_typed_error(repo: Repository) -> None:
    with pytest.raises(InvalidInputError) as failure:
        repo.readonly_session("main").get_node_id("/\ud800")
    assert failure.value.kind == "invalid-path"


# ---- nesting ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [b"[" * 100_000, b'{"snapshot":' * 20_000, b'{"a":' + b"[" * 100_000])
def test_a_ref_that_is_nested_without_end_is_a_typed_error(tmp_path: Path, text: bytes) -> None:
    storage = frazil.local_filesystem_storage(str(tmp_path), durable=False)
    repo = Repository.create(storage, spec_version=1)
    (tmp_path / "refs/branch.main/ref.json").write_bytes(text)
    for use in (
        repo.lookup_branch,
        repo.readonly_session,
        repo.writable_session,
        lambda _: list(repo.ancestry(branch="main")),
    ):
        with pytest.raises(IcechunkError) as failure:
            use("main")
        assert failure.value.kind == "serialization"


@pytest.mark.parametrize("text", [b"[" * 100_000, b"{a: " * 20_000, b"- " * 20_000])
def test_a_configuration_that_is_nested_without_end_is_a_typed_error(tmp_path: Path, text: bytes) -> None:
    storage = frazil.local_filesystem_storage(str(tmp_path), durable=False)
    Repository.create(storage, spec_version=1)
    (tmp_path / "config.yaml").write_bytes(text)
    with pytest.raises(FormatError) as failure:
        Repository.open(storage)
    assert failure.value.kind == "config-deserialization"


def nested(depth: int) -> Any:
    value: Any = 1
    for number in range(depth):
        value = [value] if number % 2 else {"k": value}
    return value


@pytest.mark.parametrize("spec_version", [1, 2])
def test_metadata_may_be_nested_200_deep_and_not_without_end(spec_version: Any) -> None:
    """As far as the official package takes it, which stops at 1000 in spec 1."""
    repo = Repository.create(frazil.in_memory_storage(), spec_version=spec_version)
    metadata = {"deep": nested(200), "brackets in a text": '[{"' * 500}
    with repo.transaction("main", message="deep", metadata=metadata) as store:
        zarr.create_group(store)
    with repo.transaction("main", message="on top of it") as store:
        zarr.open_group(store, mode="r+").attrs["x"] = 1
    assert list(repo.ancestry(branch="main"))[1].metadata == metadata
    session = repo.writable_session("main")
    zarr.open_group(session.store, mode="r+").attrs["x"] = 2
    for depth in (300, 600):
        with pytest.raises((IcechunkError, TypeError), match="nested"):
            session.commit("too deep", metadata={"deep": nested(depth)})
    session.commit("not deep")
