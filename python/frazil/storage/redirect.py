"""Storage that is found by following HTTP redirects to it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from http.client import HTTPException, HTTPMessage
from typing import IO, Final
from urllib.error import HTTPError, URLError
from urllib.parse import parse_qs, urljoin, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from frazil import _core
from frazil.config.attribution import Attribution
from frazil.config.effective import EffectiveStorage
from frazil.config.s3_options import S3Options
from frazil.config.storage_settings import StorageSettings
from frazil.display import Fields
from frazil.errors import IcechunkError, error
from frazil.storage.backends import Backend, GcsBackend, HttpBackend, S3Backend
from frazil.storage.credentials.gcs import GcsCredentials
from frazil.storage.credentials.s3 import S3Credentials
from frazil.storage.headers import user_agent
from frazil.storage.services import TIGRIS_ENDPOINT, r2_endpoint

_MAX_HOPS: Final = 10
_TIMEOUT_SECONDS: Final = 60
_HTTP_TAGS: Final = ("+ic", "+icechunk")


@dataclass(frozen=True, slots=True)
class RedirectBackend:
    """An address that answers with a redirect to the real storage, which is opened without credentials.

    The redirects are followed once, when the storage is first used.
    """

    url: str = field(repr=False)
    _found: list[Backend] = field(default_factory=list, compare=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, compare=False, repr=False)

    read_only = True
    shares_its_root = False

    def shown(self) -> Fields:
        return (("type", "redirect"), ("url", _core.without_secrets(self.url)))

    def default_settings(self) -> StorageSettings:
        return StorageSettings()

    def open(self, settings: EffectiveStorage, attribution: Attribution) -> _core.ObjectStore:
        with self._lock:
            if not self._found:
                self._found.append(backend_at(follow(self.url, " ".join(filter(None, user_agent(attribution))))))
        return self._found[0].open(settings, attribution)

    def __reduce__(self) -> tuple[Callable[[str], RedirectBackend], tuple[str]]:
        return RedirectBackend, (self.url,)


def follow(url: str, agent: str) -> str:
    """The first target of the chain of redirects that is no plain web address."""
    start = url
    for _ in range(_MAX_HOPS):
        location = _location(url, agent, start)
        url = urljoin(url, location)
        if urlsplit(url).scheme not in ("http", "https"):
            return url
    raise _bad(start, f"more than {_MAX_HOPS} redirects")


class _NoFollowing(HTTPRedirectHandler):
    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """Leave redirects to ``follow``, which knows more schemes than the standard library."""

    def http_error_302(self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage) -> None:
        """Also those that the standard library would refuse by their scheme."""

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def _location(url: str, agent: str, start: str) -> str:
    try:
        with build_opener(_NoFollowing).open(Request(url, headers={"User-Agent": agent}), timeout=_TIMEOUT_SECONDS):  # noqa: S310 - only http and https get here
            problem = f"{url} does not redirect"
    except HTTPError as answer:
        with answer:
            headers: Message = answer.headers
            location = headers.get("Location")
            if 300 <= answer.code < 400 and location is not None:
                return location
            problem = f"{url} answers {answer.code} {answer.reason}"
    except HTTPException:
        # its text may be the password of the address
        problem = f"{url} is no address of a web server, or what answers there is none"
    except (URLError, OSError) as failure:
        problem = f"{url} cannot be reached: {failure}"
    # Out here, without cause and context: those errors hold the address, and go with a pickle where tblib is in use.
    raise _bad(start, problem)


def backend_at(target: str) -> Backend:
    """The storage that the target of a redirect names; anonymous."""
    parts = urlsplit(target)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    prefix = parts.path.strip("/") or None
    match parts.scheme:
        case "s3":
            return _s3(parts.netloc, prefix, S3Options(region=_required(query, "region", target), anonymous=True))
        case "r2":
            options = S3Options(
                region=_required(query, "region", target),
                endpoint_url=r2_endpoint(_required(query, "account_id", target)),
                anonymous=True,
                force_path_style=True,
            )
            return _s3(parts.netloc, prefix, options)
        case "tigris":
            options = S3Options(region=_required(query, "region", target), endpoint_url=TIGRIS_ENDPOINT, anonymous=True)
            return _s3(parts.netloc, prefix, options, virtual_hosted=True)
        case "gs" | "gcs":
            return GcsBackend(parts.netloc, prefix, GcsCredentials.Anonymous())
        case scheme if scheme.removesuffix("+ic").removesuffix("+icechunk") in ("http", "https"):
            return HttpBackend(target.replace(scheme, scheme.partition("+")[0], 1))
        case _:
            raise _bad(target, "it is of no kind of storage that can be redirected to")


def _s3(bucket: str, prefix: str | None, options: S3Options, *, virtual_hosted: bool = False) -> S3Backend:
    return S3Backend(bucket, prefix, options, S3Credentials.Anonymous(), virtual_hosted=virtual_hosted)


def _required(query: dict[str, str], name: str, target: str) -> str:
    if name not in query:
        raise _bad(target, f"it must say `{name}=...` after the question mark")
    return query[name]


def _bad(url: str, reason: str) -> IcechunkError:
    return error("bad-redirect", _core.without_secrets(f"bad redirect for storage at {url}: {reason}"))
