"""Changes of branches and tags, decided on the ``repo`` object (format section 9.5)."""

from __future__ import annotations

from typing import Final

from frazil._core import RepoInfo
from frazil.errors import ErrorKind, IcechunkError, error
from frazil.format.ids import SnapshotId, format_id
from frazil.history.repo_object.change import Change, UpdateTag
from frazil.history.repo_object.features import CREATE_TAG, DELETE_TAG, require_feature

MAIN_BRANCH: Final = "main"


def create_branch(info: RepoInfo, name: str, target: SnapshotId) -> Change[None]:
    _require_snapshot(info, target)
    existing = info.branch(name)
    if existing is not None:
        raise error(ErrorKind.BRANCH_ALREADY_EXISTS, f"branch already exists `{name} -> {format_id(existing)}`")
    return Change({"branches": {name: target}}, UpdateTag.BRANCH_CREATED, None, (name,))


def reset_branch(info: RepoInfo, name: str, target: SnapshotId, expected: SnapshotId | None) -> Change[None]:
    _require_snapshot(info, target)
    tip = branch_tip(info, name)
    if expected is not None and tip != expected:
        raise branch_conflict(expected, tip)
    return Change({"branches": {name: target}}, UpdateTag.BRANCH_RESET, None, (name, tip))


def delete_branch(info: RepoInfo, name: str) -> Change[None]:
    refuse_main(name)
    return Change({"branches": {name: None}}, UpdateTag.BRANCH_DELETED, None, (name, branch_tip(info, name)))


def create_tag(info: RepoInfo, name: str, target: SnapshotId) -> Change[None]:
    _require_snapshot(info, target)
    require_feature(info, CREATE_TAG, "tag creation")
    if info.tag(name) is not None:
        raise tag_exists(name)
    if name in info.deleted_tags():
        raise error(
            ErrorKind.TAG_PREVIOUSLY_DELETED,
            f"the name of a deleted tag cannot be used again: tag was already deleted `{name}`",
        )
    return Change({"tags": {name: target}}, UpdateTag.TAG_CREATED, None, (name,))


def delete_tag(info: RepoInfo, name: str) -> Change[None]:
    require_feature(info, DELETE_TAG, "tag delete")
    target = tag_target(info, name)
    deleted = sorted({*info.deleted_tags(), name}, key=str.encode)
    return Change({"tags": {name: None}, "deleted_tags": deleted}, UpdateTag.TAG_DELETED, None, (name, target))


def branch_tip(info: RepoInfo, name: str) -> SnapshotId:
    tip = info.branch(name)
    if tip is None:
        raise ref_not_found(name)
    return SnapshotId(tip)


def tag_target(info: RepoInfo, name: str) -> SnapshotId:
    target = info.tag(name)
    if target is None:
        raise ref_not_found(name)
    return SnapshotId(target)


def _require_snapshot(info: RepoInfo, snapshot_id: SnapshotId) -> None:
    if info.snapshot(snapshot_id) is None:
        raise snapshot_not_found(snapshot_id)


# ---- errors that both protocols raise ------------------------------------------------------------------------------


def refuse_main(name: str) -> None:
    if name == MAIN_BRANCH:
        raise error(ErrorKind.CANNOT_DELETE_MAIN, "main branch cannot be deleted")


def ref_not_found(name: str) -> IcechunkError:
    return error(ErrorKind.REF_NOT_FOUND, f"ref not found `{name}`")


def snapshot_not_found(snapshot_id: SnapshotId) -> IcechunkError:
    return error(ErrorKind.SNAPSHOT_NOT_FOUND, f"snapshot id not found `{format_id(snapshot_id)}`")


def circular(snapshot_id: SnapshotId) -> IcechunkError:
    return error(
        ErrorKind.INVALID_FILE_FORMAT,
        f"the ancestry of a snapshot is circular: `{format_id(snapshot_id)}` is an ancestor of itself",
    )


def tag_exists(name: str) -> IcechunkError:
    return error(ErrorKind.TAG_ALREADY_EXISTS, f"tag already exists, tags are immutable: `{name}`")


def branch_conflict(expected: SnapshotId | None, actual: SnapshotId | None) -> IcechunkError:
    return error(
        ErrorKind.BRANCH_UPDATE_CONFLICT, f"branch update conflict: `({_optional(expected)}) != ({_optional(actual)})`"
    )


def _optional(snapshot_id: SnapshotId | None) -> str:
    return "None" if snapshot_id is None else f"Some({format_id(snapshot_id)})"
