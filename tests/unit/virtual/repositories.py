"""Repositories with one array of virtual chunks, for tests."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import zarr

import frazil
from frazil.credentials import LocalFileSystemAccess
from frazil.virtual.authorisation import Authorisation

CHUNKS = 16


def folder_url(folder: Path) -> str:
    return f"{folder.as_uri()}/"


def container(folder: Path, name: str | None = None) -> frazil.VirtualChunkContainer:
    return frazil.VirtualChunkContainer(folder_url(folder), frazil.local_filesystem_store(str(folder)), name)


def session_with_array(
    *containers: frazil.VirtualChunkContainer,
    authorise: Mapping[str, Authorisation] | None = None,
    spec_version: int | None = None,
) -> frazil.Session:
    """A writable session with an array ``a`` of 16 chunks; every container is authorised unless ``authorise`` is given."""
    config = frazil.RepositoryConfig.default()
    for item in containers:
        config.set_virtual_chunk_container(item)
    access: dict[str, Authorisation] = {item.url_prefix: LocalFileSystemAccess for item in containers}
    repository = frazil.Repository.create(
        frazil.in_memory_storage(),
        config,
        authorize_virtual_chunk_access=access if authorise is None else dict(authorise),
        spec_version=spec_version,
    )
    session = repository.writable_session("main")
    add_array(session.store)
    return session


def add_array(store: frazil.IcechunkStore, name: str = "a", shape: tuple[int, ...] = (CHUNKS,)) -> None:
    zarr.create_array(
        store, name=name, shape=shape, chunks=(1,) * len(shape), dtype="i1", compressors=None, fill_value=0
    )


def read(store: frazil.IcechunkStore, key: str = "a/c/0") -> bytes:
    return asyncio.run(_read(store, key))


async def _read(store: frazil.IcechunkStore, key: str) -> bytes:
    return await store._store.get(key)
