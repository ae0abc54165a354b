"""What all configuration classes do: check, compare, merge, show."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Self, TypeVar

from frazil.display import ExecutableDisplay, Fields

_Effective = TypeVar("_Effective")
_Config = TypeVar("_Config", bound="Config")


class Config(ExecutableDisplay):
    """The base of the configuration classes, each of which is a dataclass of fields made by ``frazil.config.fields``.

    Objects are mutable, and nested ones are shared: changing ``config.caching`` after it was assigned changes both.
    A field that is None says nothing; what is used in its place is in ``frazil.config.effective``.
    """

    title: ClassVar[str]
    shown: ClassVar[tuple[str, ...]] = ()
    """The order of fields in displays, where it is not that of the constructor."""
    fallback: ClassVar[type | None] = None
    """The class of ``frazil.config.effective`` with the values used for fields that are None."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]

    def __setattr__(self, name: str, value: object) -> None:
        try:
            check = self.__dataclass_fields__[name].metadata["check"]
        except KeyError:
            known = ", ".join(self.__dataclass_fields__)
            raise AttributeError(f"{type(self).__name__} has no field {name!r}; its fields are {known}") from None
        object.__setattr__(self, name, check(name, value))

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{name!r} cannot be deleted; assign None to go back to the default")

    def merge(self, other: Self) -> Self:
        """A new object: what ``other`` sets, and this one where it sets nothing; nested settings field by field."""
        return merged(self, other)

    def _title(self) -> str:
        return self.title

    def _arguments(self) -> Fields:
        return tuple((name, getattr(self, name)) for name in self.shown or self.__dataclass_fields__)

    def _defaults(self) -> dict[str, object]:
        if self.fallback is None:
            return {}
        return {field.name: field.default for field in dataclasses.fields(self.fallback)}


def merged(older: _Config, newer: _Config) -> _Config:
    """A new object: what ``newer`` says, and where it says nothing what ``older`` says, recursively."""
    values: dict[str, Any] = {}
    for name, field in newer.__dataclass_fields__.items():
        old, new = getattr(older, name), getattr(newer, name)
        if new is None:
            values[name] = old
        elif isinstance(old, Config) and isinstance(new, Config) and not field.metadata.get("replace"):
            values[name] = merged(old, new)
        else:
            values[name] = new
    return type(newer)(**values)


def effective(cls: type[_Effective], config: Config | None, **nested: Any) -> _Effective:
    """An object of ``cls`` with the fields that are set in ``config``; ``nested`` gives those that need more thought."""
    given: Mapping[str, Any] = {} if config is None else vars(config)
    fields = dataclasses.fields(cls)  # type: ignore[arg-type]
    values = {field.name: given[field.name] for field in fields if given.get(field.name) is not None}
    return cls(**{**values, **nested})
