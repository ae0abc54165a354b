"""Creating and opening repositories."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from frazil.clock import Clock, system_clock
from frazil.config import (
    Attribution,
    RepositoryConfig,
    StorageConcurrencySettings,
    StorageRetriesSettings,
    StorageSettings,
    StorageTimeoutSettings,
)
from frazil.config.fields import instance
from frazil.history.start.creating import create
from frazil.history.start.opening import Found, detect, detect_spec_version, find, history_of
from frazil.open_repository.context import RepositoryContext, open_context
from frazil.repository.state import OpenRepository
from frazil.version import WRITER
from frazil.virtual.access import VirtualAccess

if TYPE_CHECKING:
    from frazil._core import ObjectStore
    from frazil.storage import Storage
    from frazil.virtual.authorisation import Authorisation

_log = logging.getLogger(__name__)

_Part = TypeVar("_Part", StorageConcurrencySettings, StorageRetriesSettings, StorageTimeoutSettings)


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """What a caller of ``create``, ``open`` or ``open_or_create`` asked for."""

    storage: Storage
    config: RepositoryConfig | None = None
    authorisation: Mapping[str, Authorisation] | None = None
    attribution: Attribution | None = None
    content_ids: bool = False
    clock: Clock = system_clock

    def __post_init__(self) -> None:
        if self.config is not None:
            instance("config", self.config, RepositoryConfig)
        if self.attribution is not None:
            instance("attribution", self.attribution, Attribution)

    @property
    def given_config(self) -> RepositoryConfig:
        return self.config if self.config is not None else RepositoryConfig()

    def effective_config(self, persisted: RepositoryConfig | None) -> RepositoryConfig:
        """The caller's over the persisted over the backend's defaults (format section 4.5)."""
        config = self.given_config if persisted is None else persisted.merge(self.given_config)
        return with_backend_settings(config, self.storage)

    def objects(self) -> ObjectStore:
        """The store as the caller's settings alone would have it; enough to find out what is there."""
        return open_objects(self.storage, self.given_config.storage, self.attribution)

    def context(self, spec_version: int, config: RepositoryConfig, objects: ObjectStore | None) -> RepositoryContext:
        return open_context(
            storage=self.storage,
            config=config,
            spec_version=spec_version,
            writer=WRITER,
            attribution=self.attribution if self.attribution is not None else Attribution(),
            virtual=VirtualAccess.of(config, self.authorisation, settings_elsewhere(config, self.storage)),
            content_ids=self.content_ids,
            objects=objects,
        )


def with_backend_settings(config: RepositoryConfig, storage: Storage) -> RepositoryConfig:
    """A copy of ``config`` whose ``storage`` section has the backend's defaults under it."""
    config = deepcopy(config)
    defaults = storage.default_settings()
    config.storage = defaults if config.storage is None else defaults.merge(config.storage)
    return config


def settings_elsewhere(config: RepositoryConfig, storage: Storage) -> StorageSettings:
    """How requests to the sources of virtual chunks are made: as for the repository, but for what its backend chose."""
    given, own = config.storage or StorageSettings(), storage.default_settings()
    return StorageSettings(
        concurrency=_beyond(given.concurrency, own.concurrency),
        retries=_beyond(given.retries, own.retries),
        timeouts=_beyond(given.timeouts, own.timeouts),
    )


def _beyond(given: _Part | None, own: _Part | None) -> _Part | None:
    if given is None or own is None:
        return given
    return replace(given, **{name: None for name, value in asdict(own).items() if getattr(given, name) == value})


def open_objects(
    storage: Storage, settings: StorageSettings | None, attribution: Attribution | None = None
) -> ObjectStore:
    """Open a storage with these settings over its defaults."""
    config = with_backend_settings(RepositoryConfig(storage=settings), storage)
    return storage.open(config.effective_storage(), attribution if attribution is not None else Attribution())


def create_repository(request: OpenRequest, *, spec_version: int, check_clean_root: bool) -> OpenRepository:
    """Write the first objects of a repository."""
    _log.debug("Creating Repository of spec version %d", spec_version)
    request.storage.ensure_creatable()
    config = request.effective_config(None)
    context = request.context(spec_version, config, None)
    persisted = config if request.given_config != RepositoryConfig() else None
    return OpenRepository(context, create(context, persisted, check_clean_root=check_clean_root))


def open_repository(request: OpenRequest) -> OpenRepository:
    """Open what is there; ``RepositoryNotFoundError`` if nothing is."""
    objects = request.objects()
    return _opened(request, find(objects, request.clock(), request.storage.place), objects)


def open_or_create_repository(request: OpenRequest, *, spec_version: int, check_clean_root: bool) -> OpenRepository:
    """Open what is there, or write the first objects."""
    objects = request.objects()
    found = detect(objects, request.clock())
    if found is not None:
        return _opened(request, found, objects)
    return create_repository(request, spec_version=spec_version, check_clean_root=check_clean_root)


def _opened(request: OpenRequest, found: Found, objects: ObjectStore) -> OpenRepository:
    config = request.effective_config(found.config)
    same_settings = config.storage == request.effective_config(None).storage
    context = request.context(found.spec_version, config, objects if same_settings else None)
    return OpenRepository(context, history_of(context, found))


def find_spec_version(storage: Storage, settings: StorageSettings | None, now: int) -> int | None:
    """The spec version of what is there, None if nothing is."""
    return detect_spec_version(open_objects(storage, settings), now)


def find_config(storage: Storage, now: int) -> RepositoryConfig | None:
    """The configuration that was saved with a repository; ``RepositoryNotFoundError`` if there is none."""
    return find(open_objects(storage, None), now, storage.place).config


def reopened(
    state: OpenRepository, config: RepositoryConfig | None, authorisation: Mapping[str, Authorisation] | None
) -> OpenRepository:
    """The same repository with ``config`` merged over its configuration and, if given, other authorisations."""
    old = state.context
    merged = old.config.merge(config) if config is not None else deepcopy(old.config)
    elsewhere = settings_elsewhere(merged, old.storage)
    if authorisation is None:
        virtual = old.virtual.with_config(merged, elsewhere)
    else:
        virtual = VirtualAccess.of(merged, authorisation, elsewhere)
    context = open_context(
        storage=old.storage,
        config=with_backend_settings(merged, old.storage),
        spec_version=old.spec_version,
        writer=old.writer,
        attribution=old.attribution,
        virtual=virtual,
        content_ids=old.content_ids,
        objects=old.objects if merged.storage == old.config.storage else None,
    )
    return OpenRepository(context, history_of(context), dict(state.default_metadata))
