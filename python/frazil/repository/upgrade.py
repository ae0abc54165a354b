"""Taking a repository of spec 1 to spec 2."""

from __future__ import annotations

from frazil.config.fields import boolean, integer
from frazil.errors import error
from frazil.history.v1.history import HistoryV1
from frazil.migrations import v1_to_v2
from frazil.names import public
from frazil.repository.repository import Repository


@public
def upgrade_icechunk_repository(
    repo: Repository,
    *,
    dry_run: bool,
    delete_unused_v1_files: bool = True,
    prefetch_concurrency: int | None = None,
) -> Repository:
    """Migrate a repository of spec 1, in place; an offline operation, no one else may write meanwhile.

    Parameters
    ----------
    repo
        The repository; after a real run this object refuses to work.
    dry_run
        Check that it could be done, and write nothing.
    delete_unused_v1_files
        Remove the refs and the configuration of spec 1 afterwards, so that old writers stop at once.
    prefetch_concurrency
        Snapshots that are read at once.

    Returns
    -------
    Repository
        The repository to go on with; on a dry run it still is one of spec 1.
    """
    dry_run, delete_unused = boolean("dry_run", dry_run), boolean("delete_unused_v1_files", delete_unused_v1_files)
    at_once = None if prefetch_concurrency is None else integer("prefetch_concurrency", prefetch_concurrency, 1, 2**32)
    state = repo._state  # noqa: SLF001 - a part of the class that is a function by the public API
    if not isinstance(state.history, HistoryV1):
        raise error(
            "invalid-repository-migration", "this repository is of spec version 2 already, there is nothing to migrate"
        )
    v1_to_v2.migrate(
        state.context,
        state.history,
        dry_run=dry_run,
        delete_unused_v1_files=delete_unused,
        prefetch_concurrency=at_once,
    )
    config = state.context.config
    reopened = type(repo).open(
        state.context.storage,
        config,
        dict(state.context.virtual.authorisation),
        state.context.attribution,
        content_derived_chunk_ids=state.context.content_ids,
    )
    reopened.set_default_commit_metadata(state.default_metadata)
    state.is_retired = not dry_run
    return reopened
