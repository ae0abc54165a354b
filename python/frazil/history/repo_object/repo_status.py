"""Whether a repository may be written to (format section 9.5, status)."""

from __future__ import annotations

from typing import Final

from frazil._core import RepoInfo
from frazil.clock import from_datetime, to_datetime
from frazil.config import RepoAvailability, RepoStatus
from frazil.errors import ErrorKind, error
from frazil.history.repo_object.change import Change, UpdateTag

ONLINE: Final = int(RepoAvailability.online)
StatusFields = tuple[int, int, str | None]
"""(availability, set at, reason), as the file has them"""


def from_fields(fields: StatusFields) -> RepoStatus:
    """What the file says; an availability other than read-only does not limit anything, and counts as online."""
    availability, set_at, reason = fields
    read_only = availability == RepoAvailability.read_only
    return RepoStatus(RepoAvailability.read_only if read_only else RepoAvailability.online, to_datetime(set_at), reason)


def is_online(info: RepoInfo) -> bool:
    """Whether the repository may be written to."""
    return from_fields(info.status).availability != RepoAvailability.read_only


def ensure_online(info: RepoInfo) -> None:
    """Raise ``ReadOnlyError`` if the repository was set read-only."""
    status = from_fields(info.status)
    if not is_online(info):
        raise error(
            ErrorKind.READ_ONLY_REPOSITORY,
            f"the repository status is read-only: set at {status.set_at:%Y-%m-%d %H:%M:%S.%f} UTC, "
            f"reason: {status.limited_availability_reason or 'none given'}",
        )


def set_status(status: RepoStatus) -> Change[None]:
    """Replace the status; allowed whatever it is."""
    fields = (int(status.availability), from_datetime(status.set_at), status.limited_availability_reason)
    return Change({"status": fields}, UpdateTag.REPO_STATUS_CHANGED, None, (fields,))
