"""Writing dask arrays: every task writes through a fork, and a tree reduction brings the forks back."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeAlias, TypeVar, cast

import dask
import dask.array
import numpy as np
from packaging.version import Version

from frazil.integrations.distributed import extract_session, merge_sessions
from frazil.names import PACKAGE
from frazil.session import ForkSession

if TYPE_CHECKING:
    import zarr

_P = ParamSpec("_P")
_R = TypeVar("_R")

SimpleGraph: TypeAlias = Mapping[tuple[str, int], tuple[Any, ...]]
"""A graph of numbered tasks."""

OLDEST_DASK: Final = "2025.2.0"
"""The first whose ``store`` gives back arrays of targets that further tasks can be hung on."""


def computing_meta(func: Callable[_P, _R]) -> Callable[_P, Any]:
    """Let a function of a reduction answer when dask asks what it would return, where there is no session to merge."""

    @functools.wraps(func)
    def answering(*args: Any, computing_meta: bool = False, **kwargs: Any) -> Any:
        return np.array([object()], dtype=object) if computing_meta else func(*args, **kwargs)

    return cast(Callable[_P, Any], answering)


@computing_meta
def merge_sessions_array_kwargs(*sessions: Any, axis: Any = None, keepdims: Any = None) -> ForkSession:  # noqa: ARG001
    """``merge_sessions`` as reductions call it."""
    return merge_sessions(*sessions)


def store_dask(
    *,
    sources: list[dask.array.Array],
    targets: list[zarr.Array[Any]],
    regions: list[tuple[slice, ...]] | None = None,
    split_every: int | None = None,
    **store_kwargs: Any,
) -> ForkSession:
    """Write dask arrays into Zarr arrays, on whatever scheduler is set.

    Parameters
    ----------
    sources
        What to write.  A chunk of the target must not be shared by two blocks of its source.
    targets
        Arrays opened on the store of one fork (`Session.fork`).
    regions
        Where in each target the source goes; everywhere, if not given.
    split_every
        How many sessions are merged by one task.
    **store_kwargs
        For ``dask.array.store`` and ``dask.compute``, such as ``scheduler``.

    Returns
    -------
    ForkSession
        With all that was written, for `Session.merge`.

    Examples
    --------
    >>> fork = session.fork()
    >>> target = zarr.open_array(fork.store, path="temperature", mode="r+")
    >>> session.merge(store_dask(sources=[computed], targets=[target]))
    >>> session.commit("computed")
    """
    _refuse_old_dask()
    sources = list(sources)
    stored = _array_module(sources).store(
        sources,
        list(targets),
        regions=regions,
        compute=False,
        return_stored=True,
        load_stored=False,
        lock=False,
        **store_kwargs,
    )
    # A single array comes without its tuple.
    arrays = list(stored) if isinstance(stored, tuple | list) else [stored]
    return session_merge_reduction(arrays, split_every=split_every, **store_kwargs)


def session_merge_reduction(
    arrays: dask.array.Array | list[dask.array.Array], *, split_every: int | None, **store_kwargs: Any
) -> ForkSession:
    """Compute dask arrays whose blocks are Zarr arrays, and merge the sessions of those.

    Parameters
    ----------
    arrays
        As ``dask.array.store`` returns them with ``return_stored=True, load_stored=False``.
    split_every
        How many sessions are merged by one task.
    **store_kwargs
        For ``dask.compute``.
    """
    if not isinstance(arrays, list | tuple):
        arrays = [arrays]
    reduction = _array_module(arrays).reduction
    merged = [
        reduction(
            array,
            name="ice-changeset",
            chunk=_extracting,
            aggregate=merge_sessions_array_kwargs,
            split_every=split_every,
            concatenate=False,
            keepdims=False,
            dtype=object,
            meta=np.array([object()], dtype=object),
        )
        for array in arrays
    ]
    return merge_sessions(*dask.compute(*merged, **store_kwargs))


_extracting = computing_meta(extract_session)


def _array_module(arrays: list[Any] | tuple[Any, ...]) -> ModuleType:
    """The package that the arrays come from: dask itself, or ``dask_array``, which is developed on its own."""
    found: ModuleType = dask.array
    for array in arrays:
        if type(array).__module__.partition(".")[0] == "dask_array":
            found = import_module("dask_array")
        elif not isinstance(array, dask.array.Array):
            raise TypeError(f"Expected a dask array, received {type(array)}")
    return found


def _refuse_old_dask() -> None:
    if Version(dask.__version__) < Version(OLDEST_DASK):
        raise ValueError(
            f"Writing to {PACKAGE} requires dask>={OLDEST_DASK} but you have {dask.__version__}. Please upgrade."
        )
