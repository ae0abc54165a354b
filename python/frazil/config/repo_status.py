"""Whether a repository may be written to, and why not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from frazil.clock import require_aware, system_clock, to_datetime
from frazil.config.enums import RepoAvailability
from frazil.config.fields import instance, string
from frazil.display import Parts, StructuralDisplay, Verbatim
from frazil.names import public

_AVAILABILITY_NAMES: Final = {RepoAvailability.online: "Online", RepoAvailability.read_only: "ReadOnly"}


@public
@dataclass(frozen=True, slots=True, init=False, repr=False)
class RepoStatus(StructuralDisplay):
    """The status that an administrator gave a repository.

    Parameters
    ----------
    availability
        Whether it can be written to.
    set_at
        When this was decided; now if not given.
    limited_availability_reason
        Why it cannot be written to, for people.
    """

    availability: RepoAvailability
    set_at: datetime
    limited_availability_reason: str | None

    def __init__(
        self,
        availability: RepoAvailability,
        set_at: datetime | None = None,
        limited_availability_reason: str | None = None,
    ) -> None:
        when = to_datetime(system_clock()) if set_at is None else require_aware(set_at)
        reason = limited_availability_reason
        object.__setattr__(self, "availability", instance("availability", availability, RepoAvailability))
        object.__setattr__(self, "set_at", when)
        object.__setattr__(
            self,
            "limited_availability_reason",
            None if reason is None else string("limited_availability_reason", reason),
        )

    def __display__(self) -> Parts:
        """The fields, in order."""
        return Parts(
            "repository.RepoStatus",
            (
                ("availability", Verbatim(_AVAILABILITY_NAMES[self.availability])),
                ("set_at", self.set_at),
                ("limited_availability_reason", self.limited_availability_reason),
            ),
        )
