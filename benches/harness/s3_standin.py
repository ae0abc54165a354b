"""A small S3 stand-in on loopback, with latency and a request log.

For performance work only: one bucket name space in memory, path-style
addresses, no authentication.  Knows GET (ranges, conditions), HEAD, PUT
(conditions, copies, aws-chunked bodies), DELETE, multi-delete, ListObjectsV2
and multipart uploads.  ``Server`` starts it in a process of its own.

``/__control__?latency_ms=20`` sets the time a request waits before its
answer, ``?reset=1`` clears the log; the answer is always the log so far:
requests by kind, most in flight at once, bytes in and out, and ``depth``, the
longest chain of requests of which each began after its predecessor ended.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import multiprocessing
import re
import time
import urllib.parse
import urllib.request
from email.utils import formatdate
from typing import Any, Self
from xml.sax.saxutils import escape

XML = '<?xml version="1.0" encoding="UTF-8"?>'


class Log:
    def __init__(self) -> None:
        self.kinds: dict[str, int] = {}
        self.spans: list[tuple[float, float]] = []
        self.flying = self.most = self.received = self.sent = 0

    def report(self) -> dict[str, Any]:
        depth, edge = 0, -1.0
        for begin, end in sorted(self.spans, key=lambda span: span[1]):
            if begin >= edge:
                depth, edge = depth + 1, end
        return {
            "requests": sum(self.kinds.values()),
            "kinds": self.kinds,
            "depth": depth,
            "in_flight": self.most,
            "bytes_in": self.received,
            "bytes_out": self.sent,
        }


class S3:
    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, str, float, dict[str, str]]] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.latency = 0.0
        self.log = Log()

    # -- one request ------------------------------------------------------

    def answer(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes, str]:
        url = urllib.parse.urlsplit(target)
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        key = urllib.parse.unquote(url.path).lstrip("/")
        bucket, _, name = key.partition("/")
        if method == "POST" and "delete" in query:
            return *self.delete_many(bucket, body), "DELETE*"
        if method == "GET" and not name:
            return *self.listing(bucket, query), "LIST"
        if "uploads" in query or "uploadId" in query:
            return *self.multipart(method, key, query, headers, body), "MULTIPART"
        if method in ("GET", "HEAD"):
            return *self.read(method, key, headers), method
        if method == "PUT":
            return *self.write(key, headers, body), "COPY" if "x-amz-copy-source" in headers else "PUT"
        if method == "DELETE":
            self.objects.pop(key, None)
            return 204, {}, b"", method
        return 501, {}, b"", method

    def read(self, method: str, key: str, headers: dict[str, str]) -> tuple[int, dict, bytes]:
        found = self.objects.get(key)
        if found is None:
            return self.error(404, "NoSuchKey")
        data, etag, modified, extra = found
        answer = {
            "ETag": etag,
            "Last-Modified": formatdate(modified, usegmt=True),
            "Content-Type": "binary/octet-stream",
            "Accept-Ranges": "bytes",
            **extra,
        }
        if headers.get("if-none-match", "").strip('"') in (etag.strip('"'), "*"):
            return 304, answer, b""
        if headers.get("if-match", etag).strip('"') != etag.strip('"'):
            return self.error(412, "PreconditionFailed")
        if method == "HEAD":
            return 200, {**answer, "Content-Length": str(len(data))}, b""
        wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", headers.get("range", ""))
        if wanted is None:
            return 200, answer, data
        first, last = wanted.groups()
        if not first:
            begin, end = max(0, len(data) - int(last)), len(data)
        else:
            begin, end = int(first), min(int(last) + 1 if last else len(data), len(data))
        if begin >= len(data):
            return self.error(416, "InvalidRange")
        answer["Content-Range"] = f"bytes {begin}-{end - 1}/{len(data)}"
        return 206, answer, data[begin:end]

    def write(self, key: str, headers: dict[str, str], body: bytes) -> tuple[int, dict, bytes]:
        found = self.objects.get(key)
        if headers.get("if-none-match") == "*" and found is not None:
            return self.error(412, "PreconditionFailed")
        expected = headers.get("if-match")
        if expected is not None and (found is None or found[1] != f'"{expected.strip(chr(34))}"'):
            return self.error(412, "PreconditionFailed")
        extra = {k: v for k, v in headers.items() if k.startswith("x-amz-meta-")}
        source = headers.get("x-amz-copy-source")
        if source is not None:
            body, _, _, extra = self.objects[urllib.parse.unquote(source).lstrip("/")]
        etag = self.keep(key, body, extra)
        if source is None:
            return 200, {"ETag": etag}, b""
        text = f"{XML}<CopyObjectResult><ETag>{etag}</ETag></CopyObjectResult>"
        return 200, {}, text.encode()

    def keep(self, key: str, body: bytes, extra: dict[str, str]) -> str:
        etag = f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
        self.objects[key] = (body, etag, time.time(), extra)
        return etag

    def listing(self, bucket: str, query: dict[str, str]) -> tuple[int, dict, bytes]:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        after = query.get("continuation-token", query.get("start-after", ""))
        limit = int(query.get("max-keys", 1000))
        items, folders = [], []
        start = len(bucket) + 1
        names = sorted(k[start:] for k in self.objects if k.startswith(f"{bucket}/{prefix}"))
        more = False
        for name in names:
            if name <= after:
                continue
            if len(items) + len(folders) >= limit:
                more = True
                break
            cut = name.find(delimiter, len(prefix)) if delimiter else -1
            if cut >= 0:
                folder = name[: cut + len(delimiter)]
                if folder not in folders:
                    folders.append(folder)
            else:
                items.append(name)
        parts = [XML, "<ListBucketResult>", f"<IsTruncated>{str(more).lower()}</IsTruncated>"]
        parts.append(f"<Name>{bucket}</Name><KeyCount>{len(items)}</KeyCount>")
        if more:
            parts.append(f"<NextContinuationToken>{escape(items[-1])}</NextContinuationToken>")
        for name in items:
            data, etag, modified, _ = self.objects[f"{bucket}/{name}"]
            stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(modified))
            parts.append(
                f"<Contents><Key>{escape(name)}</Key><LastModified>{stamp}</LastModified>"
                f"<ETag>{etag}</ETag><Size>{len(data)}</Size></Contents>"
            )
        parts += [f"<CommonPrefixes><Prefix>{escape(f)}</Prefix></CommonPrefixes>" for f in folders]
        parts.append("</ListBucketResult>")
        return 200, {"Content-Type": "application/xml"}, "".join(parts).encode()

    def delete_many(self, bucket: str, body: bytes) -> tuple[int, dict, bytes]:
        for name in re.findall(r"<Key>(.*?)</Key>", body.decode()):
            self.objects.pop(f"{bucket}/{name}", None)
        return 200, {"Content-Type": "application/xml"}, f"{XML}<DeleteResult/>".encode()

    def multipart(
        self, method: str, key: str, query: dict[str, str], headers: dict[str, str], body: bytes
    ) -> tuple[int, dict, bytes]:
        if "uploads" in query:
            upload = str(len(self.uploads))
            self.uploads[upload] = {}
            inner = f"<UploadId>{upload}</UploadId>"
            text = f"{XML}<InitiateMultipartUploadResult>{inner}</InitiateMultipartUploadResult>"
            return 200, {}, text.encode()
        parts = self.uploads[query["uploadId"]]
        if method == "PUT":
            parts[int(query["partNumber"])] = body
            return 200, {"ETag": f'"{len(body)}"'}, b""
        if method == "DELETE":
            del self.uploads[query["uploadId"]]
            return 204, {}, b""
        etag = self.keep(key, b"".join(parts[n] for n in sorted(parts)), {})
        inner = f"<ETag>{etag}</ETag>"
        text = f"{XML}<CompleteMultipartUploadResult>{inner}</CompleteMultipartUploadResult>"
        return 200, {}, text.encode()

    @staticmethod
    def error(status: int, code: str) -> tuple[int, dict, bytes]:
        text = f"{XML}<Error><Code>{code}</Code><Message>{code}</Message></Error>"
        return status, {"Content-Type": "application/xml"}, text.encode()

    # -- connections ------------------------------------------------------

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                method, target, _ = line.decode("latin-1").split(" ", 2)
                headers: dict[str, str] = {}
                while (line := await reader.readline()).strip():
                    name, _, value = line.decode("latin-1").partition(":")
                    headers[name.lower().strip()] = value.strip()
                if headers.get("expect") == "100-continue":
                    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                body = await self.body(reader, headers)
                await self.one(writer, method, target, headers, body)
        except (ConnectionError, asyncio.IncompleteReadError, ValueError):
            pass
        finally:
            writer.close()

    @staticmethod
    async def body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
        if "chunked" in headers.get("transfer-encoding", ""):
            raw = b""
            while size := int((await reader.readline()).split(b";")[0], 16):
                raw += (await reader.readexactly(size + 2))[:-2]
            await reader.readline()
        else:
            raw = await reader.readexactly(int(headers.get("content-length", 0)))
        if "x-amz-decoded-content-length" not in headers:
            return raw
        plain, at = b"", 0
        while True:
            end = raw.index(b"\r\n", at)
            size = int(raw[at:end].split(b";")[0], 16)
            if not size:
                return plain
            plain += raw[end + 2 : end + 2 + size]
            at = end + 4 + size

    async def one(
        self,
        writer: asyncio.StreamWriter,
        method: str,
        target: str,
        headers: dict[str, str],
        body: bytes,
    ) -> None:
        if target.startswith("/__control__"):
            query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(target).query))
            payload = json.dumps(self.log.report()).encode()
            if "latency_ms" in query:
                self.latency = float(query["latency_ms"]) / 1000
            if "reset" in query:
                self.log = Log()
            status, answer = 200, {"Content-Type": "application/json"}
        else:
            log, begin = self.log, time.perf_counter()
            log.flying += 1
            log.most = max(log.most, log.flying)
            if self.latency:
                await asyncio.sleep(self.latency)
            status, answer, payload, kind = self.answer(method, target, headers, body)
            log.flying -= 1
            log.kinds[kind] = log.kinds.get(kind, 0) + 1
            log.spans.append((begin, time.perf_counter()))
            log.received += len(body)
            log.sent += len(payload)
        answer.setdefault("Content-Length", str(len(payload)))
        head = "".join(f"{k}: {v}\r\n" for k, v in answer.items())
        writer.write(f"HTTP/1.1 {status} -\r\n{head}x-amz-request-id: 0\r\n\r\n".encode())
        if method != "HEAD":
            writer.write(payload)
        await writer.drain()


def _process(pipe: Any) -> None:
    async def run() -> None:
        server = await asyncio.start_server(S3().serve, "127.0.0.1", 0, limit=1 << 20, backlog=512)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


class Server:
    """``with Server(latency_ms=20) as s3:`` a stand-in at ``s3.url``."""

    def __init__(self, latency_ms: float = 0) -> None:
        self.latency_ms = latency_ms

    def __enter__(self) -> Self:
        mine, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        self.process = context.Process(target=_process, args=(theirs,), daemon=True)
        self.process.start()
        self.url = f"http://127.0.0.1:{mine.recv()}"
        self.control(latency_ms=self.latency_ms)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.join()

    def control(self, **query: Any) -> dict[str, Any]:
        url = f"{self.url}/__control__?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url) as answer:
            return json.load(answer)
