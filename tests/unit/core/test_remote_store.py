"""Object stores over a network: what goes over the wire, and what happens when it goes wrong."""

import http.server
import multiprocessing
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from multiprocessing.queues import SimpleQueue

import pytest

from frazil._core import Assets, ChunkReader, ChunkRef, ChunkTable, KeyReader, ObjectStore, PutMode, encode_id
from frazil.errors import InvalidInputError, StorageConflict, StorageError
from tests.contract.object_server import Fault, ObjectServer, Request
from tests.contract.stores import gcs_store, s3_store


@pytest.fixture
def server() -> Iterator[ObjectServer]:
    with ObjectServer("s3") as running:
        yield running


def methods(server: ObjectServer) -> list[str]:
    return [request.method for request in server.requests]


# --------------------------------------------------------------------------------------------------------------------
# lost answers of conditional writes (format section 9.6)

_LANDED = [
    pytest.param([Fault(after=True)], id="hung up"),
    pytest.param([Fault(after=True, status=500)], id="error after the fact"),
    pytest.param([Fault(after=True, status=503), Fault(status=503)], id="two errors"),
    pytest.param(
        [Fault(after=True, status=409, body=b"<Error><Code>ConditionalRequestConflict</Code></Error>")], id="409"
    ),
]


@pytest.mark.parametrize("faults", _LANDED)
def test_a_create_whose_answer_was_lost_has_happened(server, faults):
    store = s3_store(server)
    server.misbehave(*faults)
    version = store.put("repo", b"1", PutMode.CREATE)
    assert store.get("repo") == b"1"
    head = store.head("repo")
    assert head is not None
    assert head.version == version
    store.put("repo", b"2", PutMode.update(version))


@pytest.mark.parametrize("faults", _LANDED)
def test_an_update_whose_answer_was_lost_has_happened(server, faults):
    store = s3_store(server)
    version = store.put("repo", b"1", PutMode.CREATE)
    server.misbehave(*faults)
    version = store.put("repo", b"2", PutMode.update(version))
    assert store.get("repo") == b"2"
    store.put("repo", b"3", PutMode.update(version))


def test_a_lost_answer_does_not_hide_a_conflict(server):
    store = s3_store(server)
    version = store.put("repo", b"1", PutMode.CREATE)

    def somebody_is_faster(request: Request) -> Fault | None:
        if request.method == "PUT":
            server.fault = lambda _: None
            s3_store(server).put("repo", b"theirs", PutMode.update(version))
            return Fault(status=500)
        return None

    server.fault = somebody_is_faster
    with pytest.raises(StorageConflict):
        store.put("repo", b"ours", PutMode.update(version))
    assert store.get("repo") == b"theirs"


def test_without_metadata_a_lost_answer_is_a_conflict(server):
    store = s3_store(server, {"metadata": False})
    server.misbehave(Fault(after=True, status=500))
    with pytest.raises(StorageConflict):
        store.put("repo", b"1", PutMode.CREATE, attributes={"a": "b"}, content_type="text/plain")
    sent = {name for request in server.requests for name in request.headers}
    assert not {name for name in sent if name.startswith("x-amz-meta-")}
    assert {request.headers.get("content-type") for request in server.requests} == {None}


def test_every_conditional_write_has_a_mark_of_its_own(server):
    store = s3_store(server)
    version = store.put("repo", b"1", PutMode.CREATE, attributes={"icspecver": "2"})
    store.put("repo", b"2", PutMode.update(version))
    store.put("chunks/x", b"2")
    marks = [request.headers.get("x-amz-meta-icechunkwriteid") for request in server.requests]
    assert marks[2] is None
    assert None not in marks[:2]
    assert marks[0] != marks[1]
    assert server.requests[0].headers["x-amz-meta-icspecver"] == "2"


@pytest.mark.parametrize("setting", ["conditional_create", "conditional_update"])
def test_conditions_can_be_turned_off(server, setting):
    store = s3_store(server, {setting: False})
    store.put("repo", b"1")
    head = store.head("repo")
    assert head is not None
    mode = PutMode.CREATE if setting == "conditional_create" else PutMode.update(head.version)
    store.put("repo", b"2")
    store.put("repo", b"3", mode)
    assert store.get("repo") == b"3"


# --------------------------------------------------------------------------------------------------------------------
# failures


def test_passing_failures_are_retried(server):
    store = s3_store(server)
    store.put("x", b"0123456789")
    for status in (500, 503, 429):
        server.misbehave(Fault(status=status), Fault(status=status), method="GET")
        assert store.get("x") == b"0123456789"
    server.misbehave(Fault(cut=True), method="GET")
    assert store.get("x") == b"0123456789"
    server.misbehave(Fault(), Fault(), method="GET")
    assert store.get("x", 2, 5) == b"234"


def test_a_store_that_asks_to_slow_down_too_often(server):
    store = s3_store(server)
    server.fault = lambda _: Fault(status=503, body=b"<Error><Code>SlowDown</Code></Error>")
    with pytest.raises(StorageError, match="slow down") as caught:
        store.get("x")
    assert caught.value.kind == "throttled"
    assert len(server.requests) == 3


def test_one_try_is_one_request(server):
    store = s3_store(server, {"max_tries": 1})
    server.fault = lambda _: Fault(status=500)
    with pytest.raises(StorageError):
        store.get("x")
    assert len(server.requests) == 1


def test_a_missing_bucket_is_named(server):
    store = s3_store(server, aws_bucket_name="nowhere")
    for use in (lambda: store.get("x"), lambda: store.put("x", b"")):
        with pytest.raises(StorageError, match="no such bucket") as caught:
            use()
        assert caught.value.kind == "storage-config"
    with pytest.raises(StorageError):
        list(store.list())


def test_a_refused_request_says_what_to_check(server):
    store = s3_store(server)
    server.fault = lambda _: Fault(status=403, body=b"<Error><Code>AccessDenied</Code></Error>")
    with pytest.raises(StorageError, match="credentials are missing, or do not permit this"):
        store.put("x", b"")


def test_nobody_listens():
    with ObjectServer("s3") as gone:
        pass
    with pytest.raises(StorageError, match="cannot read x") as caught:
        s3_store(gone, {"max_tries": 2}).get("x")
    assert caught.value.kind == "object-store"


def test_deletions_that_fail_are_told(server):
    store = s3_store(server, {"max_tries": 1})
    store.put("x", b"")
    server.fault = lambda _: Fault(status=500)
    failures = store.delete_many(["x", "y"])
    assert [key for key, _ in failures] == ["x", "y"]
    server.fault = lambda _: None
    assert store.delete_many(["x", "y"]) == []


def test_an_operation_may_have_a_time_limit(server):
    store = s3_store(server, {"operation_timeout_ms": 200})
    server.fault = lambda _: Fault(stall=1.0)
    with pytest.raises(StorageError, match="operation timeout"):
        store.get("x")


def test_an_attempt_may_have_a_time_limit(server):
    store = s3_store(server, {"operation_attempt_timeout_ms": 200})
    store.put("x", b"1")
    server.misbehave(Fault(stall=1.0), method="GET")
    assert store.get("x") == b"1"


def test_an_answer_that_stalls_is_asked_for_again(server):
    store = s3_store(server, {"read_timeout_ms": 200})
    store.put("x", b"1")
    server.misbehave(Fault(stall=1.0), method="GET")
    assert store.get("x") == b"1"


def test_ctrl_c_ends_a_request(server):
    store = s3_store(server)
    server.fault = lambda _: Fault(stall=2.0)

    def interrupt() -> None:
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        store.get("x")
    thread.join()


def _read_in_child(store: ObjectStore, answers: "SimpleQueue[str]") -> None:
    try:
        answers.put(str(store.get("x")))
    except StorageError as error:
        answers.put(str(error))


# Python warns of forking a process with threads, which is what this is about.
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_is_told_to_be_spawned(server):
    store = s3_store(server)
    store.put("x", b"1")
    context = multiprocessing.get_context("fork")
    answers: SimpleQueue[str] = context.SimpleQueue()
    child = context.Process(target=_read_in_child, args=(store, answers))
    child.start()
    child.join(60)
    assert child.exitcode == 0
    assert "'spawn'" in answers.get()
    assert store.get("x") == b"1"


# --------------------------------------------------------------------------------------------------------------------
# large objects


def test_large_objects_travel_in_parts(server):
    store = s3_store(
        server, {"minimum_size_for_multipart_upload": 12_000_000, "ideal_concurrent_request_size": 5_300_000}
    )
    data = os.urandom(12_000_001)
    store.put("small", data[:-2])
    assert methods(server) == ["PUT"]
    server.requests.clear()
    store.put("large", data)
    assert methods(server)[0] == methods(server)[-1] == "POST"
    assert methods(server)[1:-1] == ["PUT"] * 3
    server.requests.clear()
    assert store.get("large", 0, 12_000_001) == data
    assert len(server.requests) == 3
    assert store.get("large", 100, 11_000_000) == data[100:11_000_000]
    assert store.get("large", 11_000_000, 2**62) == data[11_000_000:]


def test_a_large_object_of_unknown_size_is_read_in_parts(server):
    store = s3_store(server, {"ideal_concurrent_request_size": 100_000})
    data = os.urandom(1_000_001)
    store.put("x", data)
    server.requests.clear()
    assert store.get("x") == data
    assert len(server.requests) == 1 + 11


def test_parts_of_different_versions_are_not_put_together(server):
    store = s3_store(server, {"ideal_concurrent_request_size": 100_000})
    store.put("x", bytes(500_000))
    server.requests.clear()

    def change(_: Request) -> None:
        if len(server.requests) == 2:
            server.objects["/bucket/some/where/x"].data = b"x" * 500_000

    server.fault = change
    with pytest.raises(StorageError, match="changed while it was being read") as caught:
        store.get("x", 0, 500_000)
    assert not isinstance(caught.value, StorageConflict)


def test_a_failed_upload_in_parts_is_given_up(server):
    store = s3_store(
        server, {"minimum_size_for_multipart_upload": 6_000_000, "ideal_concurrent_request_size": 5_300_000}
    )
    server.fault = lambda request: Fault(status=500) if request.query.get("partNumber") == "2" else None
    with pytest.raises(StorageError):
        store.put("x", bytes(6_000_000))
    assert methods(server)[-1] == "DELETE"
    assert store.head("x") is None


# --------------------------------------------------------------------------------------------------------------------
# headers and credentials


def test_headers_go_with_their_role(server):
    store = s3_store(server, {"read_headers": {"x-read": "1"}, "write_headers": {"x-amz-meta-note": "2"}})
    store.put("x", b"")
    store.get("x")
    put, get = server.requests
    assert "x-read" not in put.headers
    assert put.headers["x-amz-meta-note"] == "2"
    assert "x-amz-meta-note" in put.headers["authorization"]
    assert get.headers["x-read"] == "1"
    head = store.head("x")
    assert head is not None
    assert head.attributes == {"note": "2"}


@pytest.mark.parametrize("headers", [{"a b": "x"}, {"a": "x\ny"}])
def test_invalid_headers_are_refused(server, headers):
    with pytest.raises(InvalidInputError, match="invalid HTTP header"):
        s3_store(server, {"read_headers": headers})


def test_requests_say_who_asks_and_for_what(server):
    store = s3_store(server, {"user_agent": "client/1 frazil/2", "user_agent_comment": "workload=w"})
    store.put(f"chunks/{encode_id(b'c' * 12)}", b"0123456789")
    assets = Assets(store, snapshot_nodes=9, chunk_refs=9, transaction_changes=9, chunk_bytes=0, max_requests=4)
    table = ChunkTable(2)
    table.set((0, 1), ChunkRef.native(b"c" * 12, 0, 10))
    keys = KeyReader()
    keys.register("/group/array", b"", ChunkReader(assets, b"12345678", (1, 2), [], table))
    assert keys.read("group/array/c/0/1") == b"0123456789"
    store.get("x", label="what for")
    agents = [request.headers["user-agent"] for request in server.requests]
    assert agents == [
        "client/1 frazil/2 (workload=w)",
        "client/1 frazil/2 (workload=w; array=/group/array; chunk=0/1)",
        "client/1 frazil/2 (workload=w; what for)",
    ]


def test_credentials_are_asked_for_before_each_call(server):
    given = iter(["first", "second", "third", "fourth"])

    def provider() -> dict[str, str]:
        return {"aws_access_key_id": next(given), "aws_secret_access_key": "s", "aws_session_token": "t"}

    store = s3_store(server, {"credentials": provider})
    store.put("x", b"")
    store.get("x")
    list(store.list())
    used = [re.search("Credential=([a-z]+)/", request.headers["authorization"]) for request in server.requests]
    assert [found[1] for found in used if found] == ["first", "second", "third"]
    assert {request.headers["x-amz-security-token"] for request in server.requests} == {"t"}


def test_what_a_credentials_function_raises_is_raised(server):
    class UnavailableError(Exception):
        pass

    def provider() -> dict[str, str]:
        raise UnavailableError("try later")

    store = s3_store(server, {"credentials": provider})
    for use in (lambda: store.get("x"), lambda: store.put("x", b""), lambda: list(store.list())):
        with pytest.raises(UnavailableError, match="try later"):
            use()
    assert server.requests == []


def test_credentials_that_are_none_are_refused(server):
    store = s3_store(server, {"credentials": lambda: {"aws_access_key_id": "a"}})
    with pytest.raises(StorageError, match="aws_secret_access_key is missing") as caught:
        store.get("x")
    assert caught.value.kind == "storage-config"


def test_anonymous_requests_are_not_signed(server):
    with_key = s3_store(server, aws_skip_signature="true")
    with_key.put("x", b"1")
    assert "authorization" not in server.requests[0].headers


@pytest.mark.parametrize(
    ("kind", "options", "settings", "message"),
    [
        ("s4", {}, {}, "kind of object store"),
        ("s3", {"aws_bucket_name": "b", "aws_colour": "red"}, {}, "aws_colour"),
        ("s3", {"aws_bucket_name": "b"}, {"colour": "red"}, "no setting 'colour'"),
        ("s3", {"aws_bucket_name": "b"}, {"checksum_algorithm": "MD5"}, "no checksum 'MD5'"),
        ("s3", {}, {}, "bucket"),
        ("http", {}, {}, "url is missing"),
    ],
)
def test_configurations_that_make_no_sense(kind, options, settings, message):
    with pytest.raises(StorageError, match=re.compile(message, re.IGNORECASE)) as caught:
        ObjectStore.remote(kind, options, settings)
    assert caught.value.kind == "storage-config"


def test_a_store_shows_no_secrets(server):
    shown = repr(s3_store(server, {"prefix": "p"}, aws_secret_access_key="hush"))
    assert shown == "<ObjectStore s3 bucket p>"


def test_keys_that_the_client_cannot_address_are_refused(server):
    for key, settings in (("a/../b", {"verbatim": True}), ("a//b", {})):
        with pytest.raises(InvalidInputError, match="invalid object key"):
            s3_store(server, settings).get(key)


def test_foreign_objects_with_empty_segments_are_read(server):
    server._store("/bucket/some/where/a//b", b"0123456789", {})
    store = s3_store(server, {"verbatim": True})
    assert store.get("a//b", 2, 4) == b"23"
    head = store.head("a//b")
    assert head is not None
    assert head.size == 10
    assert store.get("a//c") is None
    with pytest.raises(InvalidInputError, match="invalid object key"):
        store.put("a//b", b"")


def test_generic_stores_encode_keys():
    with ObjectServer("gcs") as server:
        gcs_store(server).put("refs/branch.é", b"1")
        gcs_store(server, {"verbatim": True}).put("refs/branch.é", b"2")
        assert sorted(server.objects) == ["/bucket/some/where/refs/branch.%C3%A9", "/bucket/some/where/refs/branch.é"]


def test_a_generation_is_what_google_compares():
    with ObjectServer("gcs") as server:
        store = gcs_store(server)
        version = store.put("repo", b"1", PutMode.CREATE)
        assert version.generation == "1001"
        with pytest.raises(InvalidInputError, match="generation"):
            store.put("repo", b"2", PutMode.update(type(version)(version.etag)))


# --------------------------------------------------------------------------------------------------------------------
# web servers


class _Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def website(tmp_path, monkeypatch) -> Iterator[str]:
    """The address of a server that knows no ranges, for the files in ``tmp_path``."""
    monkeypatch.chdir(tmp_path)
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Files)
    running.daemon_threads = True
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()
    thread.join()


def test_files_behind_a_web_server(website, tmp_path):
    (tmp_path / "repo").mkdir()
    (tmp_path / "repo" / "x").write_bytes(b"0123456789")
    store = ObjectStore.remote("http", {"url": f"{website}/repo"}, {"max_tries": 1})
    assert store.get("x") == b"0123456789"
    assert store.get("x", 2, 5) == b"234"
    assert store.get("x", 8, 50) == b"89"
    assert store.get("none") is None
    assert store.get_many([("x", 0, 1), ("none", None, None)]) == [b"0", None]
    head = store.head("x")
    assert head is not None
    assert head.size == 10
