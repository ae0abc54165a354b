"""A small object store that speaks the protocols of S3 and Google Cloud Storage, and can misbehave on request.

It is one process' memory behind a lock, for tests only.  The dialects differ in the headers of conditions and metadata;
the S3 one refuses quoted ETags in ``If-Match``, as some real servers do.
"""

import email.utils
import hashlib
import threading
import time
import urllib.parse
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal
from xml.sax.saxutils import escape

from tests.contract.http_serving import Handler, Serving

Dialect = Literal["s3", "gcs"]
_PAGE = 300


@dataclass
class Object:
    """A stored object."""

    data: bytes
    generation: int
    modified: float
    metadata: dict[str, str]

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.data, usedforsecurity=False).hexdigest()}"'


@dataclass(frozen=True)
class Request:
    """What a client asked."""

    method: str
    key: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass
class Answer:
    """What it gets."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    """Of the body that a HEAD request leaves out."""


@dataclass(frozen=True)
class Fault:
    """How to misbehave: ``after`` doing what was asked or instead of it, answer ``status`` or nothing at all."""

    after: bool = False
    status: int | None = None
    body: bytes = b""
    stall: float = 0.0
    cut: bool = False
    """Send half of the body and hang up."""
    headers: Mapping[str, str | None] = field(default_factory=dict)
    """Instead of the right ones; None leaves one out."""


class ObjectServer(Serving):
    """Serves until closed, a ``daemon`` until the process ends.  ``fault`` is asked before each request."""

    def __init__(
        self, dialect: Dialect = "s3", buckets: tuple[str, ...] = ("bucket",), *, daemon: bool = False
    ) -> None:
        self.dialect = dialect
        self.buckets = buckets
        self.objects: dict[str, Object] = {}
        self.requests: list[Request] = []
        self.fault: Callable[[Request], Fault | None] = lambda _: None
        self.ranges = True
        self.clock_ahead = 0.0
        self.etags = True
        self._lock = threading.Lock()
        self._generation = 1000
        self._uploads: dict[str, dict[int, bytes]] = {}
        super().__init__(type("ObjectHandler", (_Handler,), {"store": self}), daemon=daemon)

    def misbehave(self, *faults: Fault, method: str = "PUT", key: str = "") -> None:
        """The next requests of this method, for keys that end so, get these faults."""
        waiting = list(faults)

        def fault(request: Request) -> Fault | None:
            if waiting and request.method == method and request.key.endswith(key):
                return waiting.pop(0)
            return None

        self.fault = fault

    # ---- the protocol ----------------------------------------------------------------------------------------------

    def answer(self, request: Request, body: bytes) -> Answer:
        bucket = request.key.lstrip("/").partition("/")[0]
        if bucket not in self.buckets:
            return Answer(404, b"<Error><Code>NoSuchBucket</Code></Error>")
        with self._lock:
            match request.method:
                case "PUT" if "partNumber" in request.query:
                    return self._put_part(request, body)
                case "PUT":
                    return self._put(request, body)
                case "POST" if "delete" in request.query:
                    return self._delete_many(bucket, body)
                case "POST":
                    return self._multipart(request)
                case "DELETE":
                    missing = self.objects.pop(request.key, None) is None
                    return Answer(404 if missing and self.dialect == "gcs" else 204)
                case _ if "list-type" in request.query:
                    return self._list(bucket, request.query)
                case _:
                    return self._get(request)

    def _store(self, key: str, data: bytes, metadata: dict[str, str]) -> Object:
        self._generation += 1
        made = Object(data, self._generation, time.time(), metadata)
        self.objects[key] = made
        return made

    def _headers(self, found: Object) -> dict[str, str]:
        headers = {"ETag": found.etag} if self.etags else {}
        headers["Last-Modified"] = email.utils.formatdate(found.modified, usegmt=True)
        if self.dialect == "gcs":
            headers["x-goog-generation"] = str(found.generation)
        return {**headers, **found.metadata}

    def _metadata(self, request: Request) -> dict[str, str]:
        prefix = {"s3": "x-amz-meta-", "gcs": "x-goog-meta-"}[self.dialect]
        return {
            name: value for name, value in request.headers.items() if name.startswith(prefix) or name == "content-type"
        }

    def _condition_fails(self, request: Request) -> bool:
        current = self.objects.get(request.key)
        headers = request.headers
        if self.dialect == "gcs":
            wanted = headers.get("x-goog-if-generation-match")
            return wanted is not None and int(wanted) != (current.generation if current else 0)
        if headers.get("if-none-match") == "*" and current is not None:
            return True
        wanted = headers.get("if-match")
        return wanted is not None and (current is None or wanted != current.etag.strip('"'))

    def _put(self, request: Request, body: bytes) -> Answer:
        metadata = self._metadata(request)
        source = request.headers.get(f"x-{'amz' if self.dialect == 's3' else 'goog'}-copy-source")
        if source is not None:
            found = self.objects.get("/" + urllib.parse.unquote(source).lstrip("/"))
            if found is None:
                return Answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
            made = self._store(request.key, found.data, found.metadata)
            copied = f"<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>{escape(made.etag)}</ETag>"
            return Answer(200, f"<CopyObjectResult>{copied}</CopyObjectResult>".encode(), self._headers(made))
        if self._condition_fails(request):
            return Answer(412, b"<Error><Code>PreconditionFailed</Code></Error>")
        return Answer(200, b"", self._headers(self._store(request.key, body, metadata)))

    def _get(self, request: Request) -> Answer:
        found = self.objects.get(request.key)
        if found is None:
            return Answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        headers = self._headers(found)
        asked = {name: value.strip('"') for name, value in request.headers.items() if name.startswith("if-")}
        if asked.get("if-none-match") == found.etag.strip('"'):
            return Answer(304, b"", headers)
        if asked.get("if-match", found.etag.strip('"')) != found.etag.strip('"'):
            return Answer(412)
        since = asked.get("if-unmodified-since")
        if since is not None and int(found.modified) > email.utils.parsedate_to_datetime(since).timestamp():
            return Answer(412)
        data = found.data
        wanted = request.headers.get("range")
        if wanted is None or not self.ranges:
            return Answer(200, data, headers, len(data))
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start, stop = int(first), min(int(last) + 1 if last else len(data), len(data))
        if start >= len(data):
            return Answer(416)
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(data)}"
        return Answer(206, data[start:stop], headers, stop - start)

    def _list(self, bucket: str, query: dict[str, str]) -> Answer:
        root = f"/{bucket}/"
        names = sorted(key.removeprefix(root) for key in self.objects if key.startswith(root + query.get("prefix", "")))
        page = [name for name in names if name > query.get("continuation-token", "")][: _PAGE + 1]
        entries = "".join(self._listed(root, name) for name in page[:_PAGE])
        if len(page) > _PAGE:
            entries += f"<NextContinuationToken>{escape(page[_PAGE - 1])}</NextContinuationToken>"
        return Answer(200, f"<ListBucketResult>{entries}</ListBucketResult>".encode())

    def _listed(self, root: str, name: str) -> str:
        found = self.objects[root + name]
        modified = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(found.modified))
        return (
            f"<Contents><Key>{escape(name)}</Key><LastModified>{modified}</LastModified>"
            f"<ETag>{escape(found.etag)}</ETag><Size>{len(found.data)}</Size></Contents>"
        )

    def _delete_many(self, bucket: str, body: bytes) -> Answer:
        tree = ET.fromstring(body)
        names = [key.text or "" for key in tree.iter("{http://s3.amazonaws.com/doc/2006-03-01/}Key")]
        for name in names:
            self.objects.pop(f"/{bucket}/{name}", None)
        deleted = "".join(f"<Deleted><Key>{escape(name)}</Key></Deleted>" for name in names)
        return Answer(200, f"<DeleteResult>{deleted}</DeleteResult>".encode())

    def _multipart(self, request: Request) -> Answer:
        if "uploads" in request.query:
            name = str(len(self._uploads))
            self._uploads[name] = {}
            started = f"<Bucket>b</Bucket><Key>k</Key><UploadId>{name}</UploadId>"
            return Answer(200, f"<InitiateMultipartUploadResult>{started}</InitiateMultipartUploadResult>".encode())
        parts = self._uploads.pop(request.query["uploadId"])
        made = self._store(request.key, b"".join(parts[number] for number in sorted(parts)), {})
        done = f"<ETag>{escape(made.etag)}</ETag>"
        return Answer(200, f"<CompleteMultipartUploadResult>{done}</CompleteMultipartUploadResult>".encode())

    def _put_part(self, request: Request, body: bytes) -> Answer:
        number = int(request.query["partNumber"])
        self._uploads[request.query["uploadId"]][number] = body
        return Answer(200, b"", {"ETag": f'"{number}"'})


class _Handler(Handler):
    store: ObjectServer

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string((time.time() if timestamp is None else timestamp) + self.store.clock_ahead)

    def _serve(self) -> None:
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, urllib.parse.unquote(url.path), query, headers)
        body = self.rfile.read(int(headers.get("content-length", 0)))
        self.store.requests.append(request)
        fault = self.store.fault(request)
        if fault is None:
            self._send(self.store.answer(request, body))
            return
        time.sleep(fault.stall)
        answer = self.store.answer(request, body) if fault.after or fault.cut or fault.stall else Answer(200)
        if fault.status is not None:
            answer = Answer(fault.status, fault.body)
        if fault.headers:
            answer = self.store.answer(request, body)
            told: dict[str, str | None] = {**answer.headers, **fault.headers}
            answer.headers = {name: value for name, value in told.items() if value is not None}
        if fault.cut:
            self._send(answer, cut=True)
        elif fault.status is not None or fault.stall or fault.headers:
            self._send(answer)
        else:
            self.hang_up()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815 - names that the base class looks for
    # Of WebDAV, which clients of plain web servers write with.
    do_COPY = do_MOVE = do_MKCOL = do_PATCH = do_PROPPATCH = _serve  # noqa: N815

    def _send(self, answer: Answer, *, cut: bool = False) -> None:
        try:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            length = answer.length if self.command == "HEAD" and answer.length is not None else len(answer.body)
            if answer.status != 304:
                self.send_header("Content-Length", str(length))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body[: len(answer.body) // 2] if cut else answer.body)
            if cut:
                self.hang_up()
        except OSError:
            # the client has gone
            self.close_connection = True
