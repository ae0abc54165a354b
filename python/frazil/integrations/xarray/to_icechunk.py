"""Datasets, data arrays and trees into a session."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, MutableMapping
from typing import Any, TypeAlias

from xarray import DataArray, Dataset, DataTree
from xarray.backends.api import DATAARRAY_NAME, DATAARRAY_VARIABLE

from frazil.integrations.xarray.append_checks import Allowance, check_group, checked_allowances
from frazil.integrations.xarray.array_writer import LazyArrayWriter
from frazil.integrations.xarray.group_writer import open_group, write_metadata
from frazil.integrations.xarray.modes import Region, ZarrWriteModes, _choose_default_mode
from frazil.names import PACKAGE
from frazil.session import Session


def to_icechunk(
    obj: DataArray | Dataset | DataTree,
    session: Session,
    *,
    group: str | None = None,
    mode: ZarrWriteModes | None = None,
    safe_chunks: bool = True,
    align_chunks: bool = False,
    append_dim: Hashable | None = None,
    region: Region = None,
    encoding: Mapping[Any, Any] | None = None,
    chunkmanager_store_kwargs: MutableMapping[Any, Any] | None = None,
    split_every: int | None = None,
    allow: Collection[Allowance] = (),
) -> None:
    """Write an object of xarray through a session, which then holds the changes, to be committed.

    Unlike ``to_zarr`` it writes dask arrays on any scheduler, also one of many processes or machines: the tasks write
    through forks of the session, and their changes are merged back.

    Parameters
    ----------
    obj
        A tree goes to one group per node.
    session
        A writable session.
    group
        Where to write; the root, if not given.
    mode
        ``w`` overwrites the group, ``w-`` refuses one that exists, ``a`` adds to it and overwrites variables, ``a-``
        the same but for variables without the append dimension, ``r+`` changes existing arrays only.  By default ``a``
        with ``append_dim``, ``r+`` with ``region``, else ``w-``.
    safe_chunks
        Refuse dask arrays two of whose blocks share a chunk of the target.
    align_chunks
        Make such dask arrays fit, in the place of refusing them.
    append_dim
        The dimension along which to append.
    region
        Slices by dimension, or ``"auto"``: which part of existing arrays to write.
    encoding
        By variable, as in ``Dataset.to_zarr``; for a tree, by node path and then by variable.
    chunkmanager_store_kwargs
        For ``dask.array.store`` and ``dask.compute``.
    split_every
        How many forks are merged by one task.
    allow
        What is done although it is refused otherwise, before anything is staged; an append that is not refused reads back
        as what ``xarray.concat`` gives.  ``"inexact"``: values that the encoding of the existing array does not hold, such as
        06:00 on a time axis in whole days, of which xarray then stores something else (values that are packed with
        ``scale_factor`` or ``add_offset`` may be rounded to the nearest step).  ``"dtypes"``: appended values of another type
        than the array.  ``"variables"``: appending variables that the group does not have, or not to all that it has along
        the dimension.  ``"unsorted"``, ``"repeated"``: labels along ``append_dim`` that break the order of those that are
        there, or are there already.  ``"overwriting"``: variables without that dimension that differ from the stored ones.
        Values of dask are computed only for one-dimensional times; of others the type is compared.

    Raises
    ------
    ValueError
        What is not allowed, with the ``encoding`` that would hold the values.

    Examples
    --------
    >>> to_icechunk(today, session)
    >>> session.commit("first day")
    >>> session = repo.writable_session("main")
    >>> to_icechunk(tomorrow, session, append_dim="time")
    >>> session.commit("second day")
    """
    if not isinstance(session, Session):
        raise ValueError(f"Please pass in a {PACKAGE}.Session. Received {type(session)} instead.")
    mode = _choose_default_mode(mode=mode, append_dim=append_dim, region=region)
    allowed = checked_allowances(allow)
    if isinstance(obj, DataTree):
        _refuse_for_trees(append_dim, region)
        parts = _nodes(obj, group, encoding or {})
    else:
        parts = [(_as_dataset(obj), group, encoding)]
    store, writer = session.store, LazyArrayWriter()
    for dataset, place, _ in parts:
        check_group(dataset, store, group=place, mode=mode, append_dim=append_dim, allow=allowed)
    for dataset, place, dataset_encoding in parts:
        target = open_group(
            store,
            group=place,
            mode=mode,
            append_dim=append_dim,
            region=region,
            safe_chunks=safe_chunks,
            align_chunks=align_chunks,
        )
        write_metadata(dataset, target, writer, dataset_encoding)
        writer.write_eager()
    if writer.sources:
        session.merge(writer.write_lazy(store, split_every=split_every, kwargs=chunkmanager_store_kwargs or {}))


_Part: TypeAlias = tuple[Dataset, str | None, Mapping[Any, Any] | None]
"""A dataset, its group and its encoding."""


def _as_dataset(obj: DataArray | Dataset) -> Dataset:
    """A dataset that reads back as the data array it was made of (``xarray.open_dataarray`` knows these names)."""
    if isinstance(obj, Dataset):
        return obj
    if obj.name is None:
        return obj.to_dataset(name=DATAARRAY_VARIABLE)
    if obj.name in obj.coords or obj.name in obj.dims:
        dataset = obj.to_dataset(name=DATAARRAY_VARIABLE)
        dataset.attrs[DATAARRAY_NAME] = obj.name
        return dataset
    return obj.to_dataset()


def _refuse_for_trees(append_dim: Hashable | None, region: Region) -> None:
    if append_dim is not None or region is not None:
        raise ValueError(
            "append_dim and region say where in the arrays of one group to write, and a tree has many; write its nodes "
            "one by one, with `group`"
        )


def _nodes(tree: DataTree, group: str | None, encoding: Mapping[Any, Any]) -> list[_Part]:
    """Each node's own dataset, parents before their children."""
    unknown = set(encoding) - set(tree.groups)
    if unknown:
        raise ValueError(f"unexpected encoding group name(s) provided: {unknown}; the tree has {list(tree.groups)}")
    parts = []
    for path, node in tree.subtree_with_keys:
        is_root = node is tree
        place = group if is_root else "/".join(filter(None, ((group or "").rstrip("/"), path)))
        # Coordinates that a node inherits are written where they are defined.
        parts.append((node.to_dataset(inherit=is_root), place, encoding.get(node.path)))
    return parts
