"""Hierarchies in a model and in a repository, side by side."""

from __future__ import annotations

from collections.abc import Generator

from frazil.integrations.optional import needs
from frazil.repository import Repository
from frazil.session import Session
from frazil.storage import in_memory_storage
from frazil.store import IcechunkStore
from frazil.testing.models import GroupNode, ModelStore

with needs("hypothesis", extra="testing"):
    from hypothesis import note


def tree_to_model_and_icechunk(
    tree: GroupNode,
    add_hypothesis_note: bool = True,  # noqa: FBT001, FBT002 - the API that we match
) -> tuple[ModelStore, Session, Repository]:
    """Make a hierarchy in a model and in a new repository in memory, where it is not committed.

    With ``add_hypothesis_note`` a failing test prints its nodes.
    """
    if add_hypothesis_note:
        note(f"nodes of the tree: {tree.nodes()}")
    model = ModelStore()
    tree.materialize(model)
    repo = Repository.create(in_memory_storage())
    session = repo.writable_session("main")
    tree.materialize(session.store)
    return model, session, repo


def precommit_postcommit_readonly(
    session: Session, repo: Repository, *, allow_empty: bool = False
) -> Generator[tuple[str, IcechunkStore], None, None]:
    """The store of a session before and after its commit, which happens here, and that of a new reader, each named."""
    yield "pre-commit", session.store
    session.commit("committed by precommit_postcommit_readonly", allow_empty=allow_empty)
    yield "post-commit", session.store
    yield "readonly", repo.readonly_session("main").store


def update_paths_after_move(source: str, dest: str, arrays: set[str], groups: set[str]) -> list[set[str]]:
    """The paths of arrays and of groups after a node was moved with all below it."""

    def moved(path: str) -> str:
        is_part = path == source or path.startswith(f"{source}/")
        return dest + path.removeprefix(source) if is_part else path

    return [{moved(path) for path in paths} for paths in (arrays, groups)]
