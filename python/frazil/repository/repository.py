"""The public class: what can be done with a repository."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from frazil.clock import system_clock
from frazil.concurrency.offload import in_thread, run_in_thread, static_in_thread
from frazil.config import Attribution, RepositoryConfig, SpecVersion
from frazil.config.enums import parse_spec_version
from frazil.display import Parts, StructuralDisplay, Verbatim
from frazil.names import public
from frazil.repository import opening
from frazil.repository.opening import OpenRequest
from frazil.repository.past import Past
from frazil.repository.refs import Refs
from frazil.repository.sessions import Sessions
from frazil.repository.settings import Settings
from frazil.repository.state import OpenRepository
from frazil.repository.upkeep import Upkeep
from frazil.storage.from_url import storage_of
from frazil.virtual.authorisation import warn_about_none

if TYPE_CHECKING:
    from frazil.config import StorageSettings
    from frazil.storage.from_url import Place
    from frazil.virtual.authorisation import Authorisation


@public
class Repository(Sessions, Refs, Past, Settings, Upkeep, StructuralDisplay):
    """Zarr data with a history: branches, tags, and snapshots that never change.

    Made by ``create``, ``open`` or ``open_or_create``.  Cheap to share between threads; it pickles, and opens itself
    again in the process where it arrives.

    Examples
    --------
    >>> repo = Repository.create(in_memory_storage())
    >>> session = repo.writable_session("main")
    >>> zarr.create_group(session.store)
    >>> session.commit("first")
    """

    _repository: OpenRepository

    def __init__(self, repository: OpenRepository) -> None:
        self._repository = repository

    # ---- creating and opening --------------------------------------------------------------------------------------

    @classmethod
    def create(
        cls,
        storage: Place,
        config: RepositoryConfig | None = None,
        authorize_virtual_chunk_access: dict[str, Authorisation] | None = None,
        spec_version: SpecVersion | int | None = None,
        check_clean_root: bool = True,
        attribution: Attribution | None = None,
        *,
        content_derived_chunk_ids: bool = False,
    ) -> Self:
        """Make a new repository.

        Parameters
        ----------
        storage
            Where it shall live; nothing may be there yet.  A path or a ``file://`` URL stands for
            ``local_filesystem_storage``.
        config
            Kept with the repository if it differs from the default one.
        authorize_virtual_chunk_access
            Credentials by URL prefix of the virtual chunk containers that may be read.  Symbolic links in a directory that is
            authorised are followed: whoever may make them there decides what can be read.
        spec_version
            The version of the format; the newest by default.
        check_clean_root
            Refuse a place where there are any objects, other than what a creation that was interrupted has left: it is finished.
        attribution
            Labels for the ``User-Agent`` of requests.
        content_derived_chunk_ids
            Name chunks by a hash of their bytes, so that equal chunks of this writer are stored once.

        Raises
        ------
        InvalidInputError
            ``parent-directory-not-clean``: something is there already.
        ConflictError
            Somebody else made a repository there at the same moment.
        """
        warn_about_none(authorize_virtual_chunk_access, stacklevel=3)
        request = OpenRequest(
            storage_of(storage),
            config,
            authorize_virtual_chunk_access,
            attribution,
            content_ids=content_derived_chunk_ids,
        )
        return cls._create(request, spec_version, check_clean_root=check_clean_root)

    @classmethod
    def open(
        cls,
        storage: Place,
        config: RepositoryConfig | None = None,
        authorize_virtual_chunk_access: dict[str, Authorisation] | None = None,
        attribution: Attribution | None = None,
        *,
        content_derived_chunk_ids: bool = False,
    ) -> Self:
        """Open a repository of either spec version.

        ``config`` goes over the configuration that was saved with the repository, field by field.  The other
        parameters are those of ``create``.

        Raises
        ------
        RepositoryNotFoundError
            There is none.
        """
        warn_about_none(authorize_virtual_chunk_access, stacklevel=3)
        request = OpenRequest(
            storage_of(storage),
            config,
            authorize_virtual_chunk_access,
            attribution,
            content_ids=content_derived_chunk_ids,
        )
        return cls(opening.open_repository(request))

    @classmethod
    def open_or_create(
        cls,
        storage: Place,
        config: RepositoryConfig | None = None,
        authorize_virtual_chunk_access: dict[str, Authorisation] | None = None,
        create_version: SpecVersion | int | None = None,
        check_clean_root: bool = True,
        attribution: Attribution | None = None,
        *,
        content_derived_chunk_ids: bool = False,
    ) -> Self:
        """Open the repository, or make it if there is none; the parameters are those of ``create``."""
        warn_about_none(authorize_virtual_chunk_access, stacklevel=3)
        request = OpenRequest(
            storage_of(storage),
            config,
            authorize_virtual_chunk_access,
            attribution,
            content_ids=content_derived_chunk_ids,
        )
        return cls._open_or_create(request, create_version, check_clean_root=check_clean_root)

    @staticmethod
    def exists(storage: Place, storage_settings: StorageSettings | None = None) -> bool:
        """Whether there is a repository."""
        return opening.find_spec_version(storage_of(storage), storage_settings, system_clock()) is not None

    @staticmethod
    def fetch_spec_version(storage: Place, storage_settings: StorageSettings | None = None) -> SpecVersion | None:
        """The version of the format of the repository that is there; None if there is none."""
        found = opening.find_spec_version(storage_of(storage), storage_settings, system_clock())
        return None if found is None else SpecVersion(found)

    @staticmethod
    def fetch_config(storage: Place) -> RepositoryConfig | None:
        """The configuration that was saved with a repository; None if none was.

        Raises
        ------
        RepositoryNotFoundError
            There is no repository.
        """
        return opening.find_config(storage_of(storage), system_clock())

    def reopen(
        self,
        config: RepositoryConfig | None = None,
        authorize_virtual_chunk_access: dict[str, Authorisation] | None = None,
    ) -> Self:
        """A new object for the same repository, with ``config`` over the present one and, if given, other credentials."""
        warn_about_none(authorize_virtual_chunk_access, stacklevel=3)
        return type(self)(opening.reopened(self._state, config, authorize_virtual_chunk_access))

    # Written out, because no decorator can tell a type checker that a class method of `Self` has a twin.

    @classmethod
    async def create_async(
        cls,
        storage: Place,
        config: RepositoryConfig | None = None,
        authorize_virtual_chunk_access: dict[str, Authorisation] | None = None,
        spec_version: SpecVersion | int | None = None,
        check_clean_root: bool = True,
        attribution: Attribution | None = None,
        *,
        content_derived_chunk_ids: bool = False,
    ) -> Self:
        """Coroutine twin of ``create``."""
        warn_about_none(authorize_virtual_chunk_access, stacklevel=3)
        return await run_in_thread(
            cls._create,
            OpenRequest(
                storage_of(storage),
                config,
                authorize_virtual_chunk_access,
                attribution,
                content_ids=content_derived_chunk_ids,
            ),
            spec_version,
            check_clean_root=check_clean_root,
        )

    @classmethod
    async def open_async(
        cls,
        storage: Place,
        config: RepositoryConfig | None = None,
        authorize_virtual_chunk_access: dict[str, Authorisation] | None = None,
        attribution: Attribution | None = None,
        *,
        content_derived_chunk_ids: bool = False,
    ) -> Self:
        """Coroutine twin of ``open``."""
        warn_about_none(authorize_virtual_chunk_access, stacklevel=3)
        request = OpenRequest(
            storage_of(storage),
            config,
            authorize_virtual_chunk_access,
            attribution,
            content_ids=content_derived_chunk_ids,
        )
        return cls(await run_in_thread(opening.open_repository, request))

    @classmethod
    async def open_or_create_async(
        cls,
        storage: Place,
        config: RepositoryConfig | None = None,
        authorize_virtual_chunk_access: dict[str, Authorisation] | None = None,
        create_version: SpecVersion | int | None = None,
        check_clean_root: bool = True,
        attribution: Attribution | None = None,
        *,
        content_derived_chunk_ids: bool = False,
    ) -> Self:
        """Coroutine twin of ``open_or_create``."""
        warn_about_none(authorize_virtual_chunk_access, stacklevel=3)
        return await run_in_thread(
            cls._open_or_create,
            OpenRequest(
                storage_of(storage),
                config,
                authorize_virtual_chunk_access,
                attribution,
                content_ids=content_derived_chunk_ids,
            ),
            create_version,
            check_clean_root=check_clean_root,
        )

    @classmethod
    def _create(cls, request: OpenRequest, spec_version: SpecVersion | int | None, *, check_clean_root: bool) -> Self:
        version = int(parse_spec_version(spec_version))
        return cls(opening.create_repository(request, spec_version=version, check_clean_root=check_clean_root))

    @classmethod
    def _open_or_create(
        cls, request: OpenRequest, create_version: SpecVersion | int | None, *, check_clean_root: bool
    ) -> Self:
        version = int(parse_spec_version(create_version))
        return cls(opening.open_or_create_repository(request, spec_version=version, check_clean_root=check_clean_root))

    exists_async = static_in_thread(exists)
    fetch_spec_version_async = static_in_thread(fetch_spec_version)
    fetch_config_async = static_in_thread(fetch_config)
    reopen_async = in_thread(reopen)

    # ---- display and pickling --------------------------------------------------------------------------------------

    def __display__(self) -> Parts:
        context = self._context
        config = Verbatim("<RepositoryConfig ...>")
        return Parts(f"Repository (v{context.spec_version})", (("storage", context.storage), ("config", config)))

    def __getstate__(self) -> dict[str, Any]:
        return {"_repository": self._state}

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, dict) or not isinstance(state.get("_repository"), OpenRepository):
            raise ValueError("Invalid repository state")
        self._repository = state["_repository"]
