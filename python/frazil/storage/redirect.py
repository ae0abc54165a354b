"""Storage that is found by following HTTP redirects to it."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from email.message import Message
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPResponse, HTTPSConnection
from typing import IO, Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import parse_qs, urljoin, urlsplit
from urllib.request import HTTPHandler, HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from frazil import _core
from frazil.config.attribution import Attribution
from frazil.config.effective import EffectiveStorage
from frazil.config.s3_options import S3Options
from frazil.config.storage_settings import StorageSettings
from frazil.display import Fields
from frazil.errors import IcechunkError, error
from frazil.storage.backends import Backend, GcsBackend, HttpBackend, S3Backend, clean_prefix, s3_prefix
from frazil.storage.credentials.gcs import GcsCredentials
from frazil.storage.credentials.s3 import S3Credentials
from frazil.storage.headers import user_agent
from frazil.storage.services import TIGRIS_ENDPOINT, r2_endpoint
from frazil.version import USER_AGENT

_MAX_HOPS: Final = 10
_TIMEOUT_SECONDS: Final = 60
_HTTP_TAGS: Final = ("+ic", "+icechunk")
_NOT_PUBLIC: Final = (
    "is an address of this machine, of its link or of a private network, where redirects lead only to hosts that are "
    "named in redirect_hosts"
)
_LABEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
"""A region or an account: part of a host name, which nothing else may hide in."""
_BUCKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class RedirectBackend:
    """An address that answers with a redirect to the real storage, which is opened without credentials.

    The redirects are followed once, when the storage is first used.  ``hosts`` are those besides its own that they may
    lead to even if they are on this machine, its link or a private network.
    """

    url: str = field(repr=False)
    hosts: tuple[str, ...] = ()
    _found: list[Backend] = field(default_factory=list, compare=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, compare=False, repr=False)

    read_only = True
    shares_its_root = False

    def shown(self) -> Fields:
        return (("type", "redirect"), ("url", self.url))

    def default_settings(self) -> StorageSettings:
        return StorageSettings()

    def open(self, settings: EffectiveStorage, attribution: Attribution) -> _core.ObjectStore:
        with self._lock:
            if not self._found:
                agent = " ".join(filter(None, user_agent(attribution)))
                self._found.append(backend_at(follow(self.url, agent, self._named), self._named))
        return self._found[0].open(settings, attribution)

    @property
    def _named(self) -> tuple[str, ...]:
        return (self.url, *self.hosts)

    def __reduce__(self) -> tuple[Callable[[str, tuple[str, ...]], RedirectBackend], tuple[str, tuple[str, ...]]]:
        return RedirectBackend, (self.url, self.hosts)


def follow(url: str, agent: str, named: Iterable[str] = ()) -> str:
    """The first target of the chain of redirects that is no plain web address.

    Only the first origin is told who is asking.  Hosts that are not public are asked only if they are ``named``, as
    hosts or by addresses; without any, the first one is.
    """
    start, named = url, tuple(named) or (url,)
    for _ in range(_MAX_HOPS):
        asking = agent if _core.same_origin(start, url) else USER_AGENT
        location = _location(url, asking, start, named)
        target = urljoin(url, location)
        scheme = urlsplit(target).scheme
        if scheme.partition("+")[0] == "http" and urlsplit(url).scheme == "https":
            raise _bad(start, f"it leads to {_core.address_without_secrets(target)}, where nothing is encrypted")
        if scheme not in ("http", "https"):
            return target
        url = target
    raise _bad(start, f"more than {_MAX_HOPS} redirects")


class _NotPublicError(OSError):
    """A host that was not named has an address that is not public."""


class _Guarded(HTTPConnection):
    """A connection that says nothing to an address that is not public, but where that was named.

    The address is the one that was connected to, so that a name cannot mean another when it is asked for again.
    """

    may_be_private = False

    def connect(self) -> None:
        super().connect()
        if not self.may_be_private and not _core.is_public_address(self.sock.getpeername()[0]):
            self.close()
            raise _NotPublicError(_NOT_PUBLIC)


class _GuardedTls(_Guarded, HTTPSConnection):
    """The same, encrypted."""


class _Http(HTTPHandler):
    def __init__(self, named: tuple[str, ...]) -> None:
        super().__init__()
        self._named = named

    def http_open(self, request: Request) -> HTTPResponse:
        return self.do_open(partial(_connection, _Guarded, request, self._named), request)


class _Https(HTTPSHandler):
    def __init__(self, named: tuple[str, ...]) -> None:
        super().__init__()
        self._named = named

    def https_open(self, request: Request) -> HTTPResponse:
        return self.do_open(partial(_connection, _GuardedTls, request, self._named), request)


def _connection(kind: type[_Guarded], request: Request, named: tuple[str, ...], host: str, **options: Any) -> _Guarded:
    made = kind(host, **options)
    # Where a proxy is between, it is the proxy that connects, and that is named by whoever set it.
    proxied = host != Request(request.full_url).host  # noqa: S310 - it is not opened
    made.may_be_private = proxied or _is_named(request.full_url, named)
    return made


def _is_named(url: str, named: tuple[str, ...]) -> bool:
    return _core.is_named_host(url, list(named))


class _NoFollowing(HTTPRedirectHandler):
    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """Leave redirects to ``follow``, which knows more schemes than the standard library."""

    def http_error_302(self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage) -> None:
        """Also those that the standard library would refuse by their scheme."""

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def _location(url: str, agent: str, start: str, named: tuple[str, ...]) -> str:
    shown = _core.address_without_secrets(url)
    opener = build_opener(_NoFollowing, _Http(named), _Https(named))
    try:
        with opener.open(Request(url, headers={"User-Agent": agent}), timeout=_TIMEOUT_SECONDS):  # noqa: S310 - only http and https get here
            problem = f"{shown} does not redirect"
    except HTTPError as answer:
        with answer:
            headers: Message = answer.headers
            location = headers.get("Location")
            if 300 <= answer.code < 400 and location is not None:
                return location
            problem = f"{shown} answers {answer.code} {answer.reason}"
    except HTTPException:
        # its text may be the password of the address
        problem = f"{shown} is no address of a web server, or what answers there is none"
    except (URLError, OSError) as failure:
        if isinstance(getattr(failure, "reason", None), _NotPublicError):
            problem = f"it leads to {shown}, which {_NOT_PUBLIC}"
        else:
            problem = f"{shown} cannot be reached: {failure}"
    # Out here, without cause and context: those errors hold the address, and go with a pickle where tblib is in use.
    raise _bad(start, problem)


def backend_at(target: str, named: tuple[str, ...] = ()) -> Backend:
    """The storage that the target of a redirect names; anonymous.

    A web server that is not public has to be ``named``.
    """
    parts = urlsplit(target)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    prefix = parts.path.removeprefix("/") or None
    match parts.scheme:
        case "s3":
            options = S3Options(region=_required(query, "region", target), anonymous=True)
            return _s3(_bucket(target), prefix, options)
        case "r2":
            options = S3Options(
                region=_required(query, "region", target),
                endpoint_url=r2_endpoint(_required(query, "account_id", target)),
                anonymous=True,
                force_path_style=True,
            )
            return _s3(_bucket(target), prefix, options)
        case "tigris":
            options = S3Options(region=_required(query, "region", target), endpoint_url=TIGRIS_ENDPOINT, anonymous=True)
            return _s3(_bucket(target), prefix, options, virtual_hosted=True)
        case "gs" | "gcs":
            return GcsBackend(_bucket(target), clean_prefix(prefix), GcsCredentials.Anonymous())
        case scheme if scheme.removesuffix("+ic").removesuffix("+icechunk") in ("http", "https"):
            url = target.replace(scheme, scheme.partition("+")[0], 1)
            if not _core.may_be_reached(url, list(named)):
                raise _bad(target, f"it {_NOT_PUBLIC}")
            return HttpBackend(url, named=named)
        case _:
            raise _bad(target, "it is of no kind of storage that can be redirected to")


def _s3(bucket: str, prefix: str | None, options: S3Options, *, virtual_hosted: bool = False) -> S3Backend:
    return S3Backend(bucket, s3_prefix(prefix), options, S3Credentials.Anonymous(), virtual_hosted=virtual_hosted)


def _bucket(target: str) -> str:
    # It may become part of a host name: of a text with an @ or a backslash in it, that would be another host's.
    bucket = urlsplit(target).netloc
    if _BUCKET.fullmatch(bucket) is None:
        raise _bad(target, "it names no bucket")
    return bucket


def _required(query: dict[str, str], name: str, target: str) -> str:
    if name not in query:
        raise _bad(target, f"it must say `{name}=...` after the question mark")
    if _LABEL.fullmatch(query[name]) is None:
        raise _bad(target, f"`{name}` is no name")
    return query[name]


def _bad(url: str, reason: str) -> IcechunkError:
    shown = _core.address_without_secrets(url)
    return error("bad-redirect", f"bad redirect for storage at {shown}: {reason}")
