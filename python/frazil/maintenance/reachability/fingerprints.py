"""Large sets of ids in little memory: eight bytes each, sorted, instead of Python objects.

Two ids share a fingerprint about as often as two random 64-bit numbers are equal.  Who uses them must be safe then:
garbage collection would keep a chunk that it could delete, statistics would count two chunks once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from frazil.format.ids import OBJECT_ID_LENGTH

Values = npt.NDArray[np.uint64]

_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
_PENDING: Final = 1 << 16
_HALVES: Final = np.dtype([("head", "<u8"), ("tail", "<u4")])


def of_ids(ids: Sequence[bytes]) -> Values:
    """The fingerprints of 12-byte ids, in order."""
    assert all(len(known) == OBJECT_ID_LENGTH for known in ids)
    return of_packed(b"".join(ids))


def of_packed(ids: bytes | npt.NDArray[np.void]) -> Values:
    """The fingerprints of 12-byte ids that lie one after the other."""
    halves = np.frombuffer(ids, dtype=_HALVES)
    mixed: Values = halves["head"] ^ (halves["tail"].astype(np.uint64) * _MIX)
    return mixed


class Fingerprints:
    """A set of fingerprints, each with a size; the first size that was given counts.

    What is added waits until it is about as much as is known, so that sorting stays a small part of the work.
    """

    def __init__(self) -> None:
        self._values: Values = np.empty(0, np.uint64)
        self._sizes: Values = np.empty(0, np.uint64)
        self._waiting: list[tuple[Values, Values]] = []
        self._num_waiting = 0

    @classmethod
    def of(cls, ids: Collection[bytes]) -> Self:
        """The set of these ids."""
        found = cls()
        found.add(of_ids(list(ids)))
        return found

    def add(self, values: Values, sizes: Values | None = None) -> None:
        self._waiting.append((values, np.zeros(len(values), np.uint64) if sizes is None else sizes))
        self._num_waiting += len(values)
        if self._num_waiting > max(_PENDING, len(self._values)):
            self._settle()

    def contains(self, values: Values) -> npt.NDArray[np.bool_]:
        """For each value whether it is in the set."""
        self._settle()
        if not len(self._values):
            return np.zeros(len(values), np.bool_)
        places = np.searchsorted(self._values, values)
        places[places == len(self._values)] = 0
        found: npt.NDArray[np.bool_] = self._values[places] == values
        return found

    def total_size(self) -> int:
        """The sum of the sizes."""
        self._settle()
        return int(self._sizes.sum(dtype=np.uint64))

    def __len__(self) -> int:
        self._settle()
        return len(self._values)

    def _settle(self) -> None:
        if not self._waiting:
            return
        values = np.concatenate([self._values, *(values for values, _ in self._waiting)])
        sizes = np.concatenate([self._sizes, *(sizes for _, sizes in self._waiting)])
        self._values, first = np.unique(values, return_index=True)
        self._sizes = sizes[first]
        self._waiting.clear()
        self._num_waiting = 0
