"""Reading virtual chunks from real files, and every way in which that is refused."""

import os
import pickle
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from zarr.abc.store import ByteRequest, OffsetByteRequest, RangeByteRequest, SuffixByteRequest

import frazil
from frazil._core import ObjectStore
from frazil.credentials import LocalFileSystemAccess
from tests.unit.virtual.repositories import add_array, container, folder_url, read, session_with_array

CONTENT = b"0123456789"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory to read from, beside a file that must stay secret."""
    made = tmp_path / "data"
    made.mkdir()
    (made / "x").write_bytes(CONTENT)
    (tmp_path / "secret").write_bytes(b"secret----")
    return made


def refer(store: frazil.IcechunkStore, location: str, offset: int = 2, length: int = 5, **given: object) -> None:
    store.set_virtual_ref(
        "a/c/0",
        location,
        offset=offset,
        length=length,
        validate_container=False,
        **given,  # type: ignore[arg-type]
    )


def failure(store: frazil.IcechunkStore) -> frazil.IcechunkError:
    with pytest.raises(frazil.IcechunkError) as raised:
        read(store)
    return raised.value


# ---- what is read ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ("plain", "plain"),
        ("with space", "with space"),
        ("with space", "with%20space"),
        ("é", "é"),
        ("é", "%C3%A9"),
        ("q?r#s", "q%3Fr%23s"),
        ("50%", "50%25"),
        ("p%41", "p%2541"),
        ("a:b~c*[d]", "a:b~c*[d]"),
        (".hidden", ".hidden"),
        ("back\\slash", "back%5Cslash"),
        ("sub/x", "sub/x"),
        ("x", "sub/../x"),
        ("x", "./x"),
    ],
)
@pytest.mark.parametrize("prefix", ["{url}", "vcc://here/"])
def test_files_are_found_by_their_own_names(folder: Path, name: str, quoted: str, prefix: str) -> None:
    (folder / "sub").mkdir()
    (folder / name).write_bytes(b"ABCDEFGHIJ")
    store = session_with_array(container(folder, "here")).store
    refer(store, prefix.format(url=folder_url(folder)) + quoted)
    assert read(store) == b"CDEFG"


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (None, b"23456"),
        (RangeByteRequest(0, 5), b"23456"),
        (RangeByteRequest(1, 3), b"34"),
        (RangeByteRequest(3, 3), b""),
        (OffsetByteRequest(2), b"456"),
        (SuffixByteRequest(2), b"56"),
        (SuffixByteRequest(5), b"23456"),
        (SuffixByteRequest(0), b""),
        (RangeByteRequest(0, 6), None),
        (RangeByteRequest(5, 5), None),
        (RangeByteRequest(4, 2), None),
        (OffsetByteRequest(5), None),
        (SuffixByteRequest(6), None),
    ],
)
def test_byte_ranges_are_those_of_the_chunk_and_strict(
    folder: Path, request_: ByteRequest | None, expected: bytes | None
) -> None:
    store = session_with_array(container(folder)).store
    refer(store, folder_url(folder) + "x")
    if expected is None:
        with pytest.raises(frazil.InvalidInputError, match="invalid byte range") as raised:
            store.get_sync("a/c/0", byte_range=request_)
        assert raised.value.kind == "invalid-byte-range"
    else:
        found = store.get_sync("a/c/0", byte_range=request_)
        assert found is not None
        assert found.to_bytes() == expected


def test_pickled_read_only_sessions_read_with_the_same_authorisation(folder: Path, tmp_path: Path) -> None:
    config = frazil.RepositoryConfig.default()
    config.set_virtual_chunk_container(container(folder, "here"))
    repository = frazil.Repository.create(
        frazil.local_filesystem_storage(tmp_path / "repo"),
        config,
        authorize_virtual_chunk_access={folder_url(folder): LocalFileSystemAccess},
    )
    session = repository.writable_session("main")
    add_array(session.store)
    refer(session.store, "vcc://here/x")
    session.commit("refer")
    copy = pickle.loads(pickle.dumps(repository.readonly_session("main")))
    assert read(copy.store) == b"23456"
    assert copy.store.session.read_only


# ---- what has changed --------------------------------------------------------------------------------------------------


def test_an_etag_must_match(folder: Path) -> None:
    store = session_with_array(container(folder)).store
    version = ObjectStore.local(str(folder), durable=False, verbatim=True).head("x")
    assert version is not None
    etag = version.version.etag
    assert etag is not None
    for accepted in (etag, etag.strip('"')):
        refer(store, folder_url(folder) + "x", checksum=accepted)
        assert read(store) == b"23456"
    (folder / "x").write_bytes(CONTENT + b"more")
    changed = failure(store)
    assert isinstance(changed, frazil.StorageError)
    assert changed.kind == "virtual-chunk-modified"
    assert "the checksum of the object owning the virtual chunk has changed" in changed.message
    assert etag.strip('"') in changed.message


@pytest.mark.parametrize(("later", "is_read"), [(-1, False), (0, False), (1, True)])
def test_a_file_must_not_be_younger_than_the_recorded_second(folder: Path, later: int, is_read: bool) -> None:
    os.utime(folder / "x", ns=(0, 1_600_000_000_700_000_000))
    store = session_with_array(container(folder)).store
    refer(store, folder_url(folder) + "x", checksum=datetime.fromtimestamp(1_600_000_000 + later, tz=UTC))
    if is_read:
        assert read(store) == b"23456"
    else:
        changed = failure(store)
        assert changed.kind == "virtual-chunk-modified"
        assert str(1_600_000_000 + later) in changed.message


# ---- what cannot be fetched --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["missing", "missing/x", "x/below-a-file"])
@pytest.mark.parametrize("checksum", [None, "etag"])
def test_a_missing_file_is_an_error_and_no_missing_chunk(folder: Path, key: str, checksum: str | None) -> None:
    store = session_with_array(container(folder)).store
    refer(store, folder_url(folder) + key, checksum=checksum)
    missing = failure(store)
    assert isinstance(missing, frazil.StorageError)
    assert missing.kind == "virtual-chunk-fetch"
    assert folder_url(folder) + key in missing.message


def test_a_directory_is_no_object(folder: Path) -> None:
    (folder / "sub").mkdir()
    store = session_with_array(container(folder)).store
    refer(store, folder_url(folder) + "sub")
    assert failure(store).kind == "virtual-chunk-fetch"


@pytest.mark.parametrize(("offset", "length"), [(6, 5), (10, 1), (100, 5), (2**64 - 10, 9)])
@pytest.mark.parametrize("checked", [False, True])
def test_a_file_that_is_too_short_is_an_error(folder: Path, offset: int, length: int, checked: bool) -> None:
    store = session_with_array(container(folder)).store
    late = datetime(2100, 1, 1, tzinfo=UTC)
    refer(store, folder_url(folder) + "x", offset, length, checksum=late if checked else None)
    short = failure(store)
    assert isinstance(short, frazil.StorageError)
    assert short.kind == "invalid-object-size"


def test_a_range_inside_of_a_file_that_is_too_short_can_still_be_had(folder: Path) -> None:
    store = session_with_array(container(folder)).store
    refer(store, folder_url(folder) + "x", 6, 5)
    found = store.get_sync("a/c/0", byte_range=RangeByteRequest(0, 4))
    assert found is not None
    assert found.to_bytes() == b"6789"


# ---- what is not allowed -----------------------------------------------------------------------------------------------


def test_no_container() -> None:
    store = session_with_array().store
    refer(store, "file:///foo/bar")
    refused = failure(store)
    assert isinstance(refused, frazil.InvalidInputError)
    assert refused.kind == "no-container-for-virtual-chunk"
    assert "(file:///foo/bar), edit the repository configuration" in refused.message


def test_no_container_of_that_name(folder: Path) -> None:
    store = session_with_array(container(folder, "here")).store
    refer(store, "vcc://there/x")
    refused = failure(store)
    assert refused.kind == "no-container-for-virtual-chunk"
    assert "no virtual chunk container named 'there' found" in refused.message


@pytest.mark.parametrize(
    ("url_prefix", "store_config", "line"),
    [
        (
            "file:///foo/",
            frazil.local_filesystem_store("/foo"),
            'authorize_virtual_chunk_access={"file:///foo/": frazil.credentials.LocalFileSystemAccess}',
        ),
        (
            "s3://foo/",
            frazil.s3_store(region="us-east-1"),
            'authorize_virtual_chunk_access={"s3://foo/": frazil.Credentials.S3(frazil.S3Credentials.FromEnv())}',
        ),
        (
            "https://foo/",
            frazil.http_store(),
            'authorize_virtual_chunk_access={"https://foo/": frazil.credentials.HttpAccess}',
        ),
    ],
)
def test_a_container_that_the_caller_does_not_name_is_not_read(
    url_prefix: str, store_config: frazil.AnyObjectStoreConfig, line: str
) -> None:
    source = frazil.VirtualChunkContainer(url_prefix, store_config)
    store = session_with_array(source, authorise={"file:///elsewhere/": LocalFileSystemAccess}).store
    refer(store, url_prefix + "bar")
    refused = failure(store)
    assert isinstance(refused, frazil.InvalidInputError)
    assert refused.kind == "unauthorized-virtual-chunk-container"
    assert url_prefix in refused.message
    assert line in refused.message
    # The line is Python that gives what it promises.
    argument = eval(f"dict({line})", {"frazil": frazil})["authorize_virtual_chunk_access"]
    session_with_array(source, authorise=argument)


def test_the_longest_container_decides_what_is_authorised(folder: Path) -> None:
    inner = folder / "inner"
    inner.mkdir()
    (inner / "x").write_bytes(CONTENT)
    outer_only = session_with_array(
        container(folder), container(inner), authorise={folder_url(folder): LocalFileSystemAccess}
    ).store
    refer(outer_only, folder_url(inner) + "x")
    assert failure(outer_only).kind == "unauthorized-virtual-chunk-container"
    refer(outer_only, folder_url(inner) + "../x")
    assert read(outer_only) == b"23456"


def test_azure_without_credentials_is_not_authorised() -> None:
    from frazil.storage import azure_store

    source = frazil.VirtualChunkContainer("az://container/", azure_store(account="account"))
    with pytest.warns(DeprecationWarning, match="AzureCredentials.FromEnv"):
        store = session_with_array(source, authorise={"az://container/": None}).store
    refer(store, "az://container/x")
    assert failure(store).kind == "unauthorized-virtual-chunk-container"


@pytest.mark.parametrize(
    "key", ["..%2Fsecret", "%2e%2e%2Fsecret", "a/%2E./..%2Fsecret", "..%2F..%2F..%2F..%2Fetc%2Fpasswd", "a//x", "%00"]
)
@pytest.mark.parametrize("prefix", ["{url}", "vcc://here/"])
def test_encoded_paths_do_not_lead_out_of_a_container(folder: Path, key: str, prefix: str) -> None:
    store = session_with_array(container(folder, "here")).store
    refer(store, prefix.format(url=folder_url(folder)) + key)
    refused = failure(store)
    assert refused.kind in {"invalid-virtual-ref", "no-container-for-virtual-chunk", "virtual-chunk-fetch"}


pieces = st.sampled_from(
    ["..", ".", "/", "%2F", "%2f", "%2e", "%2E%2E", "secret", "x", "data", "//", "\\", "?", "#", "%5C", "%00"]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(pieces, max_size=8), st.booleans())
def test_no_location_reads_a_file_outside(folder: Path, parts: list[str], by_name: bool) -> None:
    store = session_with_array(container(folder, "here")).store
    refer(store, ("vcc://here/" if by_name else folder_url(folder)) + "".join(parts))
    try:
        found = read(store)
    except (frazil.InvalidInputError, frazil.StorageError):
        return
    assert found == CONTENT[2:7]
