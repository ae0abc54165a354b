"""How a group is opened for writing."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Literal, TypeAlias, get_args

ZarrWriteModes: TypeAlias = Literal["w", "w-", "a", "a-", "r+", "r"]
"""xarray's modes: those of zarr, and ``a-``, which appends without overwriting what has no append dimension."""

Region: TypeAlias = Mapping[str, slice | Literal["auto"]] | Literal["auto"] | None
"""Which part of an existing array a variable goes to, by dimension; ``auto`` finds it by the coordinates."""


def _choose_default_mode(*, mode: ZarrWriteModes | None, append_dim: Hashable | None, region: Region) -> ZarrWriteModes:
    """The mode, or the one that fits what is written; ``ValueError`` for what does not go together.

    The rules and the messages are those of ``Dataset.to_zarr``.
    """
    if mode is None:
        if append_dim is not None:
            return "a"
        return "w-" if region is None else "r+"
    if append_dim is not None and mode not in ("a", "a-"):
        raise ValueError("cannot set append_dim unless mode='a' or mode=None")
    if region is not None and mode not in ("a", "a-", "r+"):
        raise ValueError("cannot set region unless mode='a', mode='a-', mode='r+' or mode=None")
    writing = tuple(name for name in get_args(ZarrWriteModes) if name != "r")
    if mode not in writing:
        raise ValueError(f"The only supported options for mode are {', '.join(map(repr, writing))}, but mode={mode!r}")
    return mode
