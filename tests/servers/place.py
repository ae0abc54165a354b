"""Where a repository of a test lives, in a form that other processes and the official package understand too."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import frazil
from frazil._core import ObjectStore
from frazil.config.attribution import Attribution


@dataclass(frozen=True)
class Place:
    """The arguments of ``s3_storage`` and the like, by name; ``kind`` is the first part of that name."""

    kind: str
    arguments: Mapping[str, Any]

    def inside(self, prefix: str | None = None) -> Place:
        """A prefix below this one that nobody else uses."""
        parts = [self.arguments.get("prefix"), prefix or uuid.uuid4().hex]
        return self.with_(prefix="/".join(part for part in parts if part))

    def with_(self, **arguments: Any) -> Place:
        return replace(self, arguments={**self.arguments, **arguments})

    def at(self, address: str) -> Place:
        """The same, reached through a proxy at ``address`` (``http://host:port``)."""
        arguments = self.arguments
        match self.kind:
            case "s3":
                return self.with_(endpoint_url=address)
            case "azure":
                endpoint = f"{address}/{arguments['account']}"
                return self.with_(config={**arguments["config"], "azure_endpoint": endpoint})
            case "gcs":
                account = {**json.loads(arguments["service_account_key"]), "gcs_base_url": address}
                return self.with_(service_account_key=json.dumps(account))
        raise ValueError(self.kind)

    def storage(self, package: Any = frazil) -> Any:
        """The storage handle of Frazil, or of the official package."""
        if self.kind == "local":
            return package.local_filesystem_storage(self.arguments["path"])
        return getattr(package, f"{self.kind}_storage")(**self.arguments)

    def store(self, settings: frazil.StorageSettings | None = None) -> ObjectStore:
        """The objects there."""
        settings = settings or frazil.StorageSettings()
        storage: frazil.Storage = self.storage()
        return storage._backend.open(settings.effective(), Attribution())

    def text(self) -> str:
        """For the command line of another process; ``from_text`` reads it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Place:
        return cls(**json.loads(text))
