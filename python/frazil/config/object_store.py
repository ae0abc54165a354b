"""Where the objects of a virtual chunk container live."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from frazil.config.fields import instance, string
from frazil.config.s3_options import S3Options
from frazil.display import ExecutableDisplay, Fields, Parts, code
from frazil.names import PACKAGE, public
from frazil.variants import Payload, variant


@public
class ObjectStoreConfig(Payload, ExecutableDisplay):
    """A kind of object store and what it takes to reach it, without credentials."""

    __slots__ = ()

    if TYPE_CHECKING:
        InMemory: TypeAlias = "_InMemory"
        LocalFileSystem: TypeAlias = "_LocalFileSystem"
        S3: TypeAlias = "_S3"
        S3Compatible: TypeAlias = "_S3Compatible"
        Tigris: TypeAlias = "_Tigris"
        Gcs: TypeAlias = "_Gcs"
        Azure: TypeAlias = "_Azure"
        Http: TypeAlias = "_Http"

    def _title(self) -> str:
        return f"config.{type(self).__qualname__}"

    def _arguments(self) -> Fields:
        return ()

    def __repr__(self) -> str:
        values = [getattr(self, field.name) for field in fields(self)]  # type: ignore[arg-type]
        return f"{PACKAGE}.{self._title()}({', '.join(map(code, values))})"


@variant(ObjectStoreConfig, "InMemory")
@dataclass(frozen=True, slots=True, repr=False)
class _InMemory(ObjectStoreConfig):
    """The memory of this process."""


@variant(ObjectStoreConfig, "LocalFileSystem")
@dataclass(frozen=True, slots=True, repr=False)
class _LocalFileSystem(ObjectStoreConfig):
    """A directory."""

    _0: str

    def __post_init__(self) -> None:
        path: Any = self._0
        object.__setattr__(self, "_0", string("path", str(path) if isinstance(path, Path) else path))

    @property
    def path(self) -> str:
        return self._0

    def _arguments(self) -> Fields:
        return (("path", self._0),)


@dataclass(frozen=True, slots=True, repr=False)
class _S3Like(ObjectStoreConfig):
    _0: S3Options

    def __post_init__(self) -> None:
        instance("options", self._0, S3Options)

    @property
    def options(self) -> S3Options:
        return self._0

    def __display__(self) -> Parts:
        return Parts(self._title(), self._0.__display__().fields, quotes=True)

    def __hash__(self) -> int:
        raise TypeError(f"unhashable type: '{type(self).__name__}'")


@variant(ObjectStoreConfig, "S3")
class _S3(_S3Like):
    """Amazon S3."""

    __slots__ = ()


@variant(ObjectStoreConfig, "S3Compatible")
class _S3Compatible(_S3Like):
    """A service that speaks the protocol of Amazon S3."""

    __slots__ = ()


@variant(ObjectStoreConfig, "Tigris")
class _Tigris(_S3Like):
    """Tigris."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, repr=False)
class _WithOptions(ObjectStoreConfig):
    _0: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "_0", _options("opts", self._0))

    @property
    def opts(self) -> Mapping[str, str]:
        return self._0 or {}

    def _arguments(self) -> Fields:
        return (("config", self._0),)

    def __hash__(self) -> int:
        raise TypeError(f"unhashable type: '{type(self).__name__}'")


@variant(ObjectStoreConfig, "Gcs")
class _Gcs(_WithOptions):
    """Google Cloud Storage; options are those of the object store client."""

    __slots__ = ()


@variant(ObjectStoreConfig, "Azure")
class _Azure(_WithOptions):
    """Azure Blob Storage; options are those of the object store client, with the name of the ``account``."""

    __slots__ = ()


@variant(ObjectStoreConfig, "Http")
@dataclass(frozen=True, slots=True, repr=False)
class _Http(_WithOptions):
    """A web server; options are those of the object store client, headers are sent with every request."""

    _1: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "_0", _options("opts", self._0))
        object.__setattr__(self, "_1", _options("headers", self._1))
        if "headers" in self.opts:
            raise ValueError("`headers` is not an option: give headers as the second argument")

    @property
    def headers(self) -> Mapping[str, str]:
        return self._1 or {}

    def _arguments(self) -> Fields:
        return (("opts", self._0), ("headers", self._1))

    __hash__ = _WithOptions.__hash__


def _options(name: str, value: object) -> dict[str, str]:
    if value is None:  # files cannot tell None from empty
        return {}
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must be a mapping of strings to strings, not {value!r}")
    return {string(name, key): string(name, item) for key, item in value.items()}


AnyObjectStoreConfig: TypeAlias = (
    ObjectStoreConfig.InMemory
    | ObjectStoreConfig.LocalFileSystem
    | ObjectStoreConfig.S3
    | ObjectStoreConfig.S3Compatible
    | ObjectStoreConfig.Gcs
    | ObjectStoreConfig.Azure
    | ObjectStoreConfig.Tigris
    | ObjectStoreConfig.Http
)
"""Any of the variants."""
