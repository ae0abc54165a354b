"""Requests that object storage libraries do not make: buckets, users' policies, temporary credentials."""

from __future__ import annotations

import base64
import email.utils
import hashlib
import hmac
import time
import urllib.error
import urllib.parse
import urllib.request


def s3_request(
    method: str,
    url: str,
    access_key: str,
    secret_key: str,
    *,
    body: bytes = b"",
    service: str = "s3",
    headers: dict[str, str] | None = None,
) -> bytes:
    """A request signed with AWS Signature Version 4; ``url`` must be in canonical form."""
    parts = urllib.parse.urlsplit(url)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    digest = hashlib.sha256(body).hexdigest()
    given = {"host": parts.netloc, "x-amz-content-sha256": digest, "x-amz-date": stamp, **(headers or {})}
    names = sorted(given)
    canonical = "\n".join(
        [
            method,
            parts.path or "/",
            "&".join(sorted(pair if "=" in pair else f"{pair}=" for pair in parts.query.split("&") if pair)),
            *(f"{name}:{given[name]}" for name in names),
            "",
            ";".join(names),
            digest,
        ]
    )
    scope = f"{stamp[:8]}/us-east-1/{service}/aws4_request"
    key = f"AWS4{secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    given["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={access_key}/{scope}, SignedHeaders={';'.join(names)}, Signature={signature}"
    )
    return _send(method, url, body, given)


def azure_make_container(endpoint: str, account: str, key: str, container: str) -> None:
    """With the shared key of the account."""
    now = email.utils.formatdate(usegmt=True)
    text = (
        f"PUT{chr(10) * 12}x-ms-date:{now}\nx-ms-version:2021-08-06\n"
        f"/{account}/{account}/{container}\nrestype:container"
    )
    signature = base64.b64encode(hmac.digest(base64.b64decode(key), text.encode(), "sha256")).decode()
    headers = {"x-ms-date": now, "x-ms-version": "2021-08-06", "authorization": f"SharedKey {account}:{signature}"}
    _send("PUT", f"{endpoint}/{account}/{container}?restype=container", b"", headers)


def _send(method: str, url: str, body: bytes, headers: dict[str, str]) -> bytes:
    request = urllib.request.Request(url, method=method, data=body or None, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            found: bytes = answer.read()
            return found
    except urllib.error.HTTPError as problem:
        with problem:
            raise RuntimeError(f"{method} {url}: {problem.code} {problem.read()!r}") from None
