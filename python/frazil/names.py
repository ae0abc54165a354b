"""The names that the package and its public classes go by: in reprs, in ``__module__``, and in what Python says itself."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any, Final, TypeVar

PACKAGE: Final = "frazil"

_Public = TypeVar("_Public", bound=Callable[..., Any])


def public(thing: _Public) -> _Public:
    """Let a class or function that the top level exports say so, instead of naming the module that happens to hold it.

    Pickles then name the public place, and survive a move inside the package.
    """
    return _exported(thing, PACKAGE)


def public_in(module: str) -> Callable[[_Public], _Public]:
    """As ``public``, for what only a module of the package exports: ``@public_in("storage")``."""
    return lambda thing: _exported(thing, f"{PACKAGE}.{module}")


def _exported(thing: _Public, module: str) -> _Public:
    thing.__module__ = module
    if isinstance(thing, type):
        adopt(thing)
    return thing


def adopt(cls: type) -> None:
    """Let the methods of a public class be called after it: ``Repository.diff``, also where a part of the class has them.

    Python names them in the errors of calls, and pickles do.  Inherited ones are copied, for they may have other heirs.
    """
    for name, held in _methods(cls).items():
        renamed = _renamed(held, cls, in_place=name in vars(cls))
        if renamed is not held:
            setattr(cls, name, renamed)


def _methods(cls: type) -> dict[str, Any]:
    """What the class has from itself and its private bases, but for Python's own hooks."""
    found: dict[str, Any] = {}
    seen: set[str] = set()
    for base in cls.__mro__:
        named = {name: held for name, held in vars(base).items() if name == "__init__" or not name.startswith("_")}
        if base is cls or (base.__module__.partition(".")[0] == PACKAGE and base.__module__ != PACKAGE):
            found |= {name: held for name, held in named.items() if name not in seen}
        seen |= named.keys()
    return found


def _renamed(held: Any, cls: type, *, in_place: bool) -> Any:
    if isinstance(held, classmethod | staticmethod):
        function = _renamed(held.__func__, cls, in_place=in_place)
        return held if function is held.__func__ else type(held)(function)
    if isinstance(held, property):
        getter, setter = (part and _renamed(part, cls, in_place=in_place) for part in (held.fget, held.fset))
        return held if getter is held.fget else property(getter, setter, held.fdel, held.__doc__)
    if not isinstance(held, FunctionType) or held.__name__ == "<lambda>" or hasattr(held, "__isabstractmethod__"):
        return held
    function = held if in_place else _copied(held)
    function.__qualname__ = f"{cls.__qualname__}.{held.__name__}"
    function.__module__ = cls.__module__
    return function


def _copied(function: FunctionType) -> FunctionType:
    copy = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    copy.__annotations__ = function.__annotations__
    copy.__doc__ = function.__doc__
    copy.__dict__.update(function.__dict__)
    return copy
