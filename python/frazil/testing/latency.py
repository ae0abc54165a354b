"""Storage that answers late, as one far away does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

from frazil import _core
from frazil.config.attribution import Attribution
from frazil.config.effective import EffectiveStorage
from frazil.config.storage_settings import StorageSettings
from frazil.display import Fields
from frazil.storage.backends import Backend
from frazil.storage.storage import Storage


@dataclass(frozen=True, slots=True)
class _LatencyBackend:
    """Another backend, later.  The copy in a pickle has a latency of its own, which starts as this one is then."""

    inner: Backend
    latency: _core.Latency = field(compare=False)

    @property
    def read_only(self) -> bool:
        return self.inner.read_only

    @property
    def shares_its_root(self) -> bool:
        return self.inner.shares_its_root

    def shown(self) -> Fields:
        return self.inner.shown()

    def default_settings(self) -> StorageSettings:
        return self.inner.default_settings()

    def open(self, settings: EffectiveStorage, attribution: Attribution) -> _core.ObjectStore:
        return self.inner.open(settings, attribution).with_latency(self.latency)

    def __reduce__(self) -> tuple[Any, ...]:
        return _late, (self.inner, self.latency.read_ms, self.latency.write_ms)


def _late(inner: Backend, read_ms: int, write_ms: int) -> _LatencyBackend:
    return _LatencyBackend(inner, _core.Latency(read_ms, write_ms))


class LatencyStorage(Storage):
    """Storage that waits before every request, to let things happen at the same time in tests.

    Parameters
    ----------
    inner
        Where the bytes are.
    write_latency_ms, read_latency_ms
        Milliseconds.  Both attributes may be set at any time, and repositories that are open follow.

    Examples
    --------
    >>> storage = LatencyStorage(in_memory_storage(), write_latency_ms=20)
    >>> repo = Repository.create(storage)
    >>> storage.read_latency_ms = 5
    """

    __slots__ = ()

    _backend: _LatencyBackend

    def __new__(cls, inner: Storage, *, write_latency_ms: int = 0, read_latency_ms: int = 0) -> Self:
        return cls.of(_late(inner._backend, read_latency_ms, write_latency_ms))  # noqa: SLF001 - our own base class

    def __init__(self, inner: Storage, *, write_latency_ms: int = 0, read_latency_ms: int = 0) -> None:
        """Nothing is left to do, and the base class refuses to be made."""

    @property
    def read_latency_ms(self) -> int:
        """Milliseconds before each read and listing."""
        return self._backend.latency.read_ms

    @read_latency_ms.setter
    def read_latency_ms(self, value: int) -> None:
        self._backend.latency.read_ms = value

    @property
    def write_latency_ms(self) -> int:
        """Milliseconds before each write and deletion."""
        return self._backend.latency.write_ms

    @write_latency_ms.setter
    def write_latency_ms(self, value: int) -> None:
        self._backend.latency.write_ms = value

    def __setattr__(self, name: str, value: object) -> None:
        if name in ("read_latency_ms", "write_latency_ms"):
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def __repr__(self) -> str:
        return f"LatencyStorage(write_latency_ms={self.write_latency_ms}, read_latency_ms={self.read_latency_ms})"
