"""What lets a class with slots be pickled by every protocol."""

from __future__ import annotations

from typing import Any


class PicklesSlots:
    """Base class of classes with slots that travel in pickles.

    Python writes slots by protocol 2 and later only, unless a class has a ``__getstate__``; what protocol 2 writes of an
    object can be written by the older two as well.
    """

    __slots__ = ()

    def __reduce_ex__(self, protocol: Any) -> str | tuple[Any, ...]:
        return super().__reduce_ex__(max(protocol, 2))
