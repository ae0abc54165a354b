"""Which container serves a location, pure: names, and the longest prefix (format section 5.3)."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from frazil.config.object_store import ObjectStoreConfig
from frazil.config.virtual_chunk_container import VirtualChunkContainer, validate
from frazil.errors import InvalidInputError
from frazil.pickling import PicklesSlots
from frazil.virtual import locations

_log: Final = logging.getLogger(__name__)

_WEB: Final = frozenset({"http", "https"})
_S3_LIKE: Final = (ObjectStoreConfig.S3, ObjectStoreConfig.S3Compatible, ObjectStoreConfig.Tigris)


@dataclass(frozen=True, slots=True)
class Area:
    """What a url prefix covers: the objects of one bucket, host or file system whose keys start with ``key_prefix``.

    Keys are compared, not URLs: one object has many spellings as a URL (``a b`` and ``a%20b``), but one key.
    """

    scheme: str
    authority: str = field(repr=False)
    key_prefix: str = field(repr=False)

    @classmethod
    def of(cls, prefix: str) -> Area:
        """The area of a prefix in the normal form of locations."""
        scheme, authority = locations.scheme_of(prefix), locations.authority_of(prefix)
        if scheme in _WEB:
            return cls(scheme, authority, locations.web_key(prefix))
        path = prefix[len(scheme) + len("://") + len(authority) :]
        return cls(scheme, authority, unquote(path, errors="surrogateescape").removeprefix("/"))


@dataclass(frozen=True, slots=True)
class Source:
    """A container that is in order; ``prefix`` is its ``url_prefix`` in the normal form of locations."""

    url_prefix: str = field(repr=False)
    prefix: str = field(repr=False)
    area: Area = field(repr=False)
    store: ObjectStoreConfig
    name: str | None

    @property
    def addresses_any_key(self) -> bool:
        """Whether keys with empty, ``.`` or ``..`` segments may be referred to (format section 5.3)."""
        return isinstance(self.store, _S3_LIKE)

    def request_key(self, url: str) -> str:
        """What the store is asked for: a key, or on the web the address after its host, query and all."""
        return locations.object_target(url) if self.area.scheme in _WEB else locations.object_key(url)

    def misses_key(self, url: str) -> InvalidInputError | None:
        """The error of a location whose key no object of this container can have."""
        key = locations.object_key(url)
        if key:
            fits = self.addresses_any_key or locations.is_addressable(key)
        else:
            fits = self.area.scheme in _WEB and "?" in locations.object_target(url)
        return None if fits else locations.not_addressable(key, url)

    def describe(self) -> str:
        prefix = locations.shown(self.url_prefix)
        return f"{prefix} (container: {self.name})" if self.name else prefix


class Sources(PicklesSlots):
    """The containers of a configuration, as locations are matched against them.

    Containers that break a rule are left out with a warning in the log: a stored configuration that another writer
    made must not keep the repository from being opened.
    """

    __slots__ = ("_by_name", "_longest_first")

    def __init__(self, containers: Iterable[VirtualChunkContainer] = ()) -> None:
        found = {source.area: source for source in map(_source, containers) if source is not None}
        by_length = sorted(found.values(), key=lambda source: len(source.area.key_prefix), reverse=True)
        self._longest_first = tuple(by_length)
        self._by_name = {source.name: source for source in self._longest_first if source.name is not None}

    def __iter__(self) -> Iterator[Source]:
        return iter(self._longest_first)

    def find(self, url: str) -> Source | None:
        """The container with the longest prefix of an absolute location in normal form.

        Raises
        ------
        InvalidInputError
            ``invalid-virtual-ref`` if the location has no key that is text.
        """
        place = (locations.scheme_of(url), locations.authority_of(url))
        key = locations.web_key(url) if place[0] in _WEB else locations.object_key(url)
        for source in self._longest_first:
            if key.startswith(source.area.key_prefix) and (source.area.scheme, source.area.authority) == place:
                return source
        return None

    def plain_prefixes(self, *, with_names: bool) -> tuple[str, ...]:
        """What a location that is served may start with; those of ``vcc://`` locations if ``with_names``."""
        named = [f"{locations.CONTAINER_SCHEME}://{name}/" for name in self._by_name] if with_names else []
        return (*(source.prefix for source in self._longest_first), *named)

    def url(self, location: str) -> str:
        """The absolute normal form of a location, names of containers replaced by their prefixes.

        It is what containers are compared with: no ``..`` of a path on disk survives it.

        Raises
        ------
        InvalidInputError
            ``no-container-for-virtual-chunk`` if there is no container of that name, and as ``locations.normalise``.
        """
        found = self.url_if_known(locations.normalise(location))
        if locations.is_relative(found):
            name, _ = locations.split_relative(found)
            known = ", ".join(sorted(self._by_name)) or "none has a name"
            raise InvalidInputError(
                f"no virtual chunk container named '{name}' found, check the repository configuration (location "
                f"{locations.shown(location)}; known names: {known})",
                kind="no-container-for-virtual-chunk",
            )
        return found

    def url_if_known(self, stored: str) -> str:
        """As ``url``, of a stored location; one of a container that is not known stays as it is."""
        if not locations.is_relative(stored):
            return stored
        name, path = locations.split_relative(stored)
        source = self._by_name.get(name)
        return locations.normalise(source.prefix + path) if source is not None else stored


def _source(container: VirtualChunkContainer) -> Source | None:
    try:
        # Early releases stored prefixes without their last slash.  They are taken for folders, as those are that a
        # caller authorises: `s3://bucket/data` serves nothing of `s3://bucket/data-of-others/`.
        url_prefix = container.url_prefix
        whole = url_prefix if url_prefix.endswith("/") else f"{url_prefix}/"
        validate(VirtualChunkContainer(whole, container.store, container.name))
        prefix = locations.normalise(whole)
    except ValueError as problem:
        prefix = locations.shown(container.url_prefix)
        _log.warning("Ignoring the virtual chunk container %r of the configuration: %s", prefix, problem)
        return None
    return Source(container.url_prefix, prefix, Area.of(prefix), container.store, container.name)
