"""The policies of the model as solvers of a package."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from tests.stateful.trees import Policy


def solver(package: ModuleType, policy: Policy) -> Any:
    if policy.name == "detector":
        return package.ConflictDetector()
    choice = {"ours": "UseOurs", "theirs": "UseTheirs", "fail": "Fail"}[policy.chunks]
    return package.BasicConflictSolver(
        on_chunk_conflict=getattr(package.VersionSelection, choice),
        fail_on_delete_of_updated_array=policy.keep_updated_arrays,
        fail_on_delete_of_updated_group=policy.keep_updated_groups,
    )
