"""How a repository reaches virtual chunks: its containers, what the caller authorises, and the stores behind them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from frazil._core import ObjectStore
from frazil.config.attribution import Attribution
from frazil.config.object_store import ObjectStoreConfig
from frazil.config.storage_settings import StorageSettings
from frazil.errors import IcechunkError, InvalidInputError
from frazil.forking import renew_in_children
from frazil.virtual import authorisation as _authorisation
from frazil.virtual import locations
from frazil.virtual.authorisation import Authorisation, warn_about_none
from frazil.virtual.matching import Area, Source, Sources
from frazil.virtual.opening import open_source

if TYPE_CHECKING:
    from frazil.config import RepositoryConfig

__all__ = ["Authorisation", "Place", "VirtualAccess", "warn_about_none"]

_REMEMBERED: Final = 4096
"""Locations whose places are kept: the chunks of one file are often read one after the other."""


@dataclass(frozen=True, slots=True)
class Place:
    """An object that a location names: its absolute URL, and from where and with what it is read."""

    url: str = field(repr=False)
    store: ObjectStore
    key: str = field(repr=False)
    source: Source
    credentials: Authorisation

    def __str__(self) -> str:
        """The URL as it may be put in a text."""
        return locations.shown(self.url)


class VirtualAccess:
    """The containers of a configuration and the caller's authorisation of them.

    It never changes; stores are opened when they are first read from.  Safe to share between threads.  It pickles as a
    description, credentials included, and opens its stores again.
    """

    __slots__ = ("__weakref__", "_authorised", "_lock", "_places", "_stores", "authorisation", "settings", "sources")

    def __init__(
        self, sources: Sources, authorisation: Mapping[str, Authorisation], settings: StorageSettings | None = None
    ) -> None:
        self.sources = sources
        self.settings = settings or StorageSettings()
        """How requests are made."""
        self.authorisation = authorisation
        """Credentials by prefix, as the caller gave them."""
        self._authorised = _authorisation.by_area(authorisation)
        self._stores: dict[Area, ObjectStore] = {}
        self._places: dict[str, Place] = {}
        self._lock = threading.Lock()
        renew_in_children(self)

    def renew_locks(self) -> None:
        """Whoever was opening a store opens it in the parent."""
        self._lock = threading.Lock()

    @classmethod
    def of(
        cls,
        config: RepositoryConfig,
        authorisation: Mapping[str, Authorisation] | None,
        settings: StorageSettings | None = None,
    ) -> VirtualAccess:
        """The access that an effective configuration and the argument ``authorize_virtual_chunk_access`` give.

        Raises
        ------
        TypeError
            For credentials that are not wrapped in a class of ``Credentials``.
        StorageError
            ``storage-other`` for credentials that a container's store does not take.
        """
        sources = Sources((config.virtual_chunk_containers or {}).values())
        access = cls(sources, _authorisation.checked(authorisation), settings)
        _authorisation.check_kinds(sources, access._authorised)
        return access

    def with_config(self, config: RepositoryConfig, settings: StorageSettings) -> VirtualAccess:
        """The same authorisation for the containers of another configuration."""
        return self.of(config, self.authorisation, settings)

    @property
    def authorized_prefixes(self) -> set[str]:
        """The prefixes of the authorised containers, as they were given."""
        return set(self.authorisation)

    def locate(self, location: str, attribution: Attribution) -> Place:
        """Where the object of a stored location is read from; ``attribution`` goes with the requests.

        Raises
        ------
        InvalidInputError
            ``no-container-for-virtual-chunk``, ``unauthorized-virtual-chunk-container``, or ``invalid-virtual-ref``
            for a location that is no URL or has a key that its store cannot address.
        """
        found = self._places.get(location)
        if found is None:
            found = self._look_up(location, attribution)
            if len(self._places) >= _REMEMBERED:
                self._places.clear()
            self._places[location] = found
        return found

    def is_local(self, location: str, attribution: Attribution) -> bool:
        """Whether ``locate`` leads to a store that answers at once, or to an error."""
        try:
            return self.locate(location, attribution).store.is_local
        except IcechunkError:
            return True

    def _look_up(self, location: str, attribution: Attribution) -> Place:
        url = self.sources.url(location)
        source = self.sources.find(url)
        if source is None:
            raise InvalidInputError(
                f"no virtual chunk container can handle the chunk location ({locations.shown(url)}), edit the repository configuration "
                "adding a virtual chunk container for the chunk references: "
                "RepositoryConfig.set_virtual_chunk_container(), then Repository.open(config=...)",
                kind="no-container-for-virtual-chunk",
            )
        if not self._is_authorised(source):
            raise _authorisation.not_authorised(source, url)
        key = source.request_key(url)
        problem = source.misses_key(url)
        if problem is None and source.addresses_any_key and not locations.is_sendable(key):
            problem = locations.not_addressable(key, url)
        if problem is not None:
            raise problem
        return Place(url, self._store(source, attribution), key, source, self._authorised[source.area])

    def _is_authorised(self, source: Source) -> bool:
        """None authorises everything but Azure, which has no access without credentials."""
        if self._authorised.get(source.area) is None and isinstance(source.store, ObjectStoreConfig.Azure):
            return False
        return source.area in self._authorised

    def _store(self, source: Source, attribution: Attribution) -> ObjectStore:
        found = self._stores.get(source.area)
        if found is None:
            with self._lock:
                found = self._stores.get(source.area)
                if found is None:
                    credentials = self._authorised[source.area]
                    found = open_source(source, credentials, attribution, self.settings, self.authorisation)
                    self._stores[source.area] = found
        return found

    def __getstate__(self) -> dict[str, Any]:
        return {"sources": self.sources, "authorisation": self.authorisation, "settings": self.settings}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]
