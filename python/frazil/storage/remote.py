"""The arguments with which the extension opens an object store that is reached over a network.

This is the one place that knows them: the ``object_store`` crate's names for what identifies and authenticates, and our
own for how the store is used (see ``ObjectStore.remote`` in the typed contract of the extension).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from frazil import _core
from frazil.config.attribution import Attribution
from frazil.config.effective import EffectiveStorage
from frazil.storage.headers import RequestHeaders, user_agent

Options = dict[str, str]

Provider = Callable[[], Options]
"""Gives the credentials to use now, as options; called before each request, from any thread."""


@dataclass(frozen=True, slots=True)
class Access:
    """How to authenticate: fixed options, a function that gives them, or whatever the environment has."""

    options: Options = field(default_factory=dict, repr=False)
    provider: Provider | None = field(default=None, repr=False)
    from_env: bool = False


@dataclass(frozen=True, slots=True)
class Remote:
    """An object store that is reached over a network.

    ``kind`` is ``s3``, ``gcs``, ``azure`` or ``http``; ``extra`` are settings that only one kind has.  What may be written
    to has to be said: whoever forgets it gets a store for reading.
    """

    kind: str
    options: Options = field(repr=False)
    access: Access = field(default_factory=Access)
    prefix: str | None = None
    headers: RequestHeaders = field(default_factory=RequestHeaders)
    extra: Mapping[str, Any] = field(default_factory=dict)
    writable: bool = False

    def open(self, settings: EffectiveStorage, attribution: Attribution) -> _core.ObjectStore:
        """Open the store; no request is made."""
        product, comment = user_agent(attribution)
        given: dict[str, Any] = {
            "prefix": self.prefix or "",
            "from_env": self.access.from_env,
            "read_only": not self.writable,
            "credentials": self.access.provider,
            "read_headers": dict(self.headers.read),
            "write_headers": dict(self.headers.write),
            "user_agent": product,
            "user_agent_comment": comment,
            "conditional_create": settings.unsafe_use_conditional_create,
            "conditional_update": settings.unsafe_use_conditional_update,
            "metadata": settings.unsafe_use_metadata,
            "minimum_size_for_multipart_upload": settings.minimum_size_for_multipart_upload,
            **asdict(settings.concurrency),
            **asdict(settings.retries),
            **asdict(settings.timeouts),
            **self.extra,
        }
        return _core.ObjectStore.remote(self.kind, {**self.options, **self.access.options}, given)
