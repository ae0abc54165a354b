"""The two families of displays, to inherit from."""

from __future__ import annotations

from abc import ABC, abstractmethod

from frazil.display.html import html
from frazil.display.parts import Default, Fields, Parts, Shown
from frazil.display.text import executable, structural


class StructuralDisplay(ABC):
    """``repr`` and ``str`` are the same: the class and a line a field."""

    __slots__ = ()

    @abstractmethod
    def __display__(self) -> Parts:
        """What to show."""

    def __repr__(self) -> str:
        return structural(self)

    def __str__(self) -> str:
        return structural(self)

    def _repr_html_(self) -> str:
        return html(self)


class ExecutableDisplay(ABC):
    """``repr`` is a call that makes an equal object; ``str`` is for people, and shows what unset fields mean."""

    __slots__ = ()

    @abstractmethod
    def _title(self) -> str:
        """The name of the class below the package, such as ``config.CachingConfig``."""

    @abstractmethod
    def _arguments(self) -> Fields:
        """The constructor's arguments, in the order shown."""

    def _defaults(self) -> dict[str, object]:
        """What is used for arguments that are None, where that is worth saying."""
        return {}

    def __display__(self) -> Parts:
        """What people see."""
        defaults = self._defaults()
        fields = tuple((name, _or_default(value, defaults.get(name))) for name, value in self._arguments())
        return Parts(self._title(), fields, quotes=True)

    def __repr__(self) -> str:
        return executable(self._title(), self._arguments())

    def __str__(self) -> str:
        return structural(self)

    def _repr_html_(self) -> str:
        return html(self)


def _or_default(value: object, default: object) -> object:
    if value is not None or default is None:
        return value
    # A nested object says field by field what is a default.
    return default if isinstance(default, Shown) else Default(default)
