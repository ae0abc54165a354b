"""Laying out the manifests of a branch anew, as the configuration says now (format section 7.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from frazil.commit import publish
from frazil.config import persistence
from frazil.config.enums import SessionMode
from frazil.errors import error
from frazil.working_tree import WorkingTree

if TYPE_CHECKING:
    from frazil.format.ids import SnapshotId
    from frazil.history.base import History
    from frazil.open_repository.context import RepositoryContext

_RESERVED = "__icechunk"


def rewrite_manifests(
    context: RepositoryContext,
    history: History,
    branch: str,
    *,
    message: str,
    metadata: Mapping[str, Any],
    amend: bool,
) -> SnapshotId:
    """Write every array of the tip of ``branch`` with new manifests, as a new commit or in the place of the tip.

    The data stays as it is.  The splitting configuration that was used is noted in the metadata.

    Raises ``FormatError`` if spec 1 is to amend, and ``ConflictError`` if the branch moves meanwhile.
    """
    if amend and history.spec_version == 1:
        raise error(
            "unsupported-operation-for-version",
            "amend is not supported for spec version 1 repositories, use new commit instead",
        )
    history.ensure_writable()
    base = context.assets.snapshot(history.branch_tip(branch))
    tree = WorkingTree(context, base, mode=SessionMode.writable, branch=branch)
    reserved = metadata.get(_RESERVED)
    noted = {
        **(reserved if isinstance(reserved, dict) else {}),
        "splitting_config": persistence.splitting_tree(context.config),
    }
    write = publish.amend if amend else publish.commit
    return write(tree, history, message=message, metadata={**metadata, _RESERVED: noted}, rewrite=True)
