"""A place outside the repository from which virtual chunks may be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from frazil import _core
from frazil.config.base import Config
from frazil.config.fields import checked, instance, string, text
from frazil.config.object_store import ObjectStoreConfig
from frazil.names import public

_SCHEMES: Final[dict[str, tuple[type[ObjectStoreConfig], ...]]] = {
    "s3": (ObjectStoreConfig.S3, ObjectStoreConfig.S3Compatible, ObjectStoreConfig.Tigris),
    "tigris": (ObjectStoreConfig.Tigris,),
    "gs": (ObjectStoreConfig.Gcs,),
    "gcs": (ObjectStoreConfig.Gcs,),
    "az": (ObjectStoreConfig.Azure,),
    "azure": (ObjectStoreConfig.Azure,),
    "abfs": (ObjectStoreConfig.Azure,),
    "http": (ObjectStoreConfig.Http,),
    "https": (ObjectStoreConfig.Http,),
    "file": (ObjectStoreConfig.LocalFileSystem,),
}
"""Which stores serve which URLs (format section 5.3)."""


@public
@dataclass(repr=False)
class VirtualChunkContainer(Config):
    """Where virtual chunks whose locations start with a prefix are, and how to get there.

    Parameters
    ----------
    url_prefix
        An absolute URL that ends in ``/``.
    store
        The object store that serves it.
    name
        A name for locations of the form ``vcc://name/path``, which follow the container when it moves.
    """

    title = "virtual.VirtualChunkContainer"
    shown = ("name", "url_prefix", "store")

    url_prefix: str = checked(string)
    store: ObjectStoreConfig = checked(lambda name, value: instance(name, value, ObjectStoreConfig))
    name: str | None = text()


def _shown(prefix: str) -> str:
    return _core.address_without_secrets(prefix)


def validate(container: VirtualChunkContainer) -> None:
    """Raise ``ValueError`` for a container that no location could ever be read from (format section 5.3)."""
    prefix = container.url_prefix
    if not prefix.endswith("/"):
        raise ValueError(f"VirtualChunkContainer url_prefix must end in a / character: {_shown(prefix)!r}")
    if container.name is not None and (not container.name or "/" in container.name):
        raise ValueError(f"VirtualChunkContainer name must be non-empty and not contain '/': {container.name!r}")
    normal = _core.normalise_url(prefix)
    parts = urlsplit(prefix)
    suits = isinstance(container.store, _SCHEMES.get(parts.scheme, ()))
    if not suits:
        raise ValueError(
            f"Invalid url prefix scheme ({parts.scheme}) for this object store config: ({type(container.store).__name__})"
        )
    if parts.scheme == "file":
        if not urlsplit(normal).path.strip("/"):
            raise ValueError("Url prefix for file:// containers must include a path")
    elif not parts.netloc:
        raise ValueError(f"Url prefix for {parts.scheme}:// containers must include a host: {_shown(prefix)!r}")
