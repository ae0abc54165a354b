"""Which container serves a location, pure: names, and the longest prefix (format section 5.3)."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from frazil.config.object_store import ObjectStoreConfig
from frazil.config.virtual_chunk_container import VirtualChunkContainer, validate
from frazil.errors import InvalidInputError
from frazil.virtual import locations

_log: Final = logging.getLogger(__name__)

_S3_LIKE: Final = (ObjectStoreConfig.S3, ObjectStoreConfig.S3Compatible, ObjectStoreConfig.Tigris)


@dataclass(frozen=True, slots=True)
class Source:
    """A container that is in order; ``prefix`` is its ``url_prefix`` in the normal form of locations."""

    url_prefix: str
    prefix: str
    store: ObjectStoreConfig
    name: str | None

    @property
    def addresses_any_key(self) -> bool:
        """Whether keys with empty, ``.`` or ``..`` segments may be referred to (format section 5.3)."""
        return isinstance(self.store, _S3_LIKE)

    def describe(self) -> str:
        return f"{self.url_prefix} (container: {self.name})" if self.name else self.url_prefix


class Sources:
    """The containers of a configuration, as locations are matched against them.

    Containers that break a rule are left out with a warning in the log: a stored configuration that another writer
    made must not keep the repository from being opened.
    """

    __slots__ = ("_by_name", "_longest_first")

    def __init__(self, containers: Iterable[VirtualChunkContainer] = ()) -> None:
        found = {source.prefix: source for source in map(_source, containers) if source is not None}
        self._longest_first = tuple(sorted(found.values(), key=lambda source: len(source.prefix), reverse=True))
        self._by_name = {source.name: source for source in self._longest_first if source.name is not None}

    def __iter__(self) -> Iterator[Source]:
        return iter(self._longest_first)

    def find(self, url: str) -> Source | None:
        """The container with the longest prefix of an absolute location in normal form."""
        for source in self._longest_first:
            if url.startswith(source.prefix):
                return source
        return None

    def plain_prefixes(self, *, with_names: bool) -> tuple[str, ...]:
        """What a location that is served may start with; those of ``vcc://`` locations if ``with_names``."""
        named = [f"{locations.CONTAINER_SCHEME}://{name}/" for name in self._by_name] if with_names else []
        return (*(source.prefix for source in self._longest_first), *named)

    def absolute(self, location: str) -> str:
        """``location`` with the name of a container replaced by its prefix, as it is shown to users.

        Raises
        ------
        InvalidInputError
            ``no-container-for-virtual-chunk`` if there is no container of that name.
        """
        found = self.absolute_if_known(location)
        if locations.is_relative(found):
            name, _ = locations.split_relative(location)
            known = ", ".join(sorted(self._by_name)) or "none has a name"
            raise InvalidInputError(
                f"no virtual chunk container named '{name}' found, check the repository configuration (location "
                f"{location}; known names: {known})",
                kind="no-container-for-virtual-chunk",
            )
        return found

    def absolute_if_known(self, location: str) -> str:
        """As ``absolute``, but a location of a container that is not known stays as it is."""
        if not locations.is_relative(location):
            return location
        name, path = locations.split_relative(location)
        source = self._by_name.get(name)
        return source.prefix + path if source is not None else location

    def url(self, location: str) -> str:
        """The absolute normal form that containers are compared with; no ``..`` of a path survives it on disk.

        Raises
        ------
        InvalidInputError
            As ``absolute`` and ``locations.normalise``.
        """
        return locations.normalise(self.absolute(locations.normalise(location)))


def _source(container: VirtualChunkContainer) -> Source | None:
    try:
        validate(container)
        prefix = locations.normalise(container.url_prefix)
    except ValueError as problem:
        _log.warning("Ignoring the virtual chunk container %r of the configuration: %s", container.url_prefix, problem)
        return None
    return Source(container.url_prefix, prefix, container.store, container.name)
