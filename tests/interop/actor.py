"""Either package behind one face, so that a test can let them take turns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from zarr.core.sync import sync

import frazil
from tests.interop.edits import seen
from tests.stateful.views import contents, shown


@dataclass(frozen=True)
class Actor:
    """One of the packages, and the folder of foreign files that it may read."""

    package: ModuleType
    external: Path

    @property
    def is_frazil(self) -> bool:
        return self.package is frazil

    @property
    def is_old(self) -> bool:
        """Whether it is a 1.x, which knows spec 1 only and less of the API."""
        return not self.is_frazil and int(self.package.__version__.partition(".")[0]) < 2

    def __str__(self) -> str:
        return "Frazil" if self.is_frazil else f"official {self.package.__version__}"

    def config(self, *, threshold: int | None = None, split: int | None = None, page: int | None = None) -> Any:
        """A configuration with the container of the external folder."""
        package = self.package
        config = package.RepositoryConfig.default()
        store = package.local_filesystem_store(str(self.external))
        config.set_virtual_chunk_container(package.VirtualChunkContainer(f"file://{self.external}/", store))
        if threshold is not None:
            config.inline_chunk_threshold_bytes = threshold
        if split is not None:
            condition, dimension = package.ManifestSplitCondition.AnyArray(), package.ManifestSplitDimCondition.Any()
            splitting = package.ManifestSplittingConfig.from_dict({condition: {dimension: split}})
            config.manifest = package.ManifestConfig(splitting=splitting)
        if page is not None and not self.is_old:
            config.num_updates_per_repo_info_file = page
        return config

    def access(self) -> dict[str, Any]:
        given = getattr(self.package.credentials, "LocalFileSystemAccess", None)  # 1.x has None for it
        return {f"file://{self.external}/": given}

    def create(self, place: Path, spec: int, config: Any) -> Any:
        version = {} if self.is_old else {"spec_version": spec}
        storage = self.package.local_filesystem_storage(str(place))
        return self.package.Repository.create(storage, config, self.access(), **version)

    def open(self, place: Path, config: Any = None) -> Any:
        storage = self.package.local_filesystem_storage(str(place))
        return self.package.Repository.open(storage, config, self.access())


# ---- what it sees ----------------------------------------------------------------------------------------------------


def view(actor: Actor, place: Path, known: dict[str, Any], *, detailed: bool) -> dict[str, Any]:
    """Everything that a package tells of a repository; snapshots that are ``known`` are not read again.

    Not ``detailed`` is what 1.x can tell too.
    """
    repo = actor.open(place)
    branches = {name: repo.lookup_branch(name) for name in repo.list_branches()}
    tags = {name: repo.lookup_tag(name) for name in repo.list_tags()}
    histories = {
        tip: [entry(info) for info in repo.ancestry(snapshot_id=tip)] for tip in {*branches.values(), *tags.values()}
    }
    found: dict[str, Any] = {"branches": branches, "tags": tags, "histories": histories}
    links = {(info["id"], info["parent"]) for chain in histories.values() for info in chain}
    found["diffs"] = {
        (parent, child): difference(repo, parent, child, detailed=detailed)
        for child, parent in links
        if parent is not None
    }
    for commit_id, _ in links:
        if commit_id not in known:
            known[commit_id] = snapshot(repo.readonly_session(snapshot_id=commit_id), detailed=detailed)
    found["snapshots"] = {commit_id: known[commit_id] for commit_id, _ in links}
    config = repo.config
    found["config"] = (config.inline_chunk_threshold_bytes, sorted(config.virtual_chunk_containers or ()))
    found["split"] = splitting(config)
    if detailed and int(repo.spec_version) > 1:
        found["operations"] = [
            (operation(update.kind), update.updated_at, update.backup_path) for update in repo.ops_log()
        ]
        found["metadata"] = repo.metadata
        found["flags"] = {flag.name: (flag.id, flag.enabled, flag.setting) for flag in repo.feature_flags()}
        found["status"] = state(repo.status)
    return found


def operation(kind: Any) -> Any:
    """What an entry of the operations log says; the packages show a status inside it in different ways."""
    name = repr(kind).partition("UpdateType.")[2]
    return (name.partition("(")[0], state(kind.status)) if hasattr(kind, "status") else name


def state(status: Any) -> tuple[Any, ...]:
    return str(status.availability), status.set_at, status.limited_availability_reason


def entry(info: Any) -> dict[str, Any]:
    return {
        "id": info.id,
        "parent": info.parent_id,
        "message": info.message,
        "metadata": info.metadata,
        "written at": info.written_at.astimezone(UTC),
    }


def splitting(config: Any) -> Any:
    sizes = config.manifest.splitting if config.manifest is not None else None
    return None if sizes is None else [[int(size) for _, size in dims] for _, dims in sizes.split_sizes or ()]


def difference(repo: Any, parent: str, child: str, *, detailed: bool) -> dict[str, Any]:
    """The diff of two commits.

    If two nodes had the same path, we tell the changed chunks of both, and the official package those of either.
    """
    found = shown(repo.diff(from_snapshot_id=parent, to_snapshot_id=child))
    for path in found["deleted_arrays"] & (found["new_arrays"] | found["new_groups"]):
        found["updated_chunks"].pop(path, None)
    if not detailed:
        found.pop("moved_nodes", None)
    return found


def snapshot(session: Any, *, detailed: bool) -> dict[str, Any]:
    """All data, all references."""
    keys = contents(session)
    arrays = ["/" + key.removesuffix("zarr.json").rstrip("/") for key, data in keys.items() if is_array(key, data)]
    locations = session.all_virtual_chunk_locations()
    return {
        "keys": keys,
        "read by zarr": seen(session) if "zarr.json" in keys else {},
        "chunks": {path: sync(references(session, path, detailed=detailed)) for path in arrays},
        # 1.x may leave a reference in two manifests when the splitting changes, and tells its location twice.
        "locations": sorted(locations if detailed else set(locations)),
        "node ids": {path: session.get_node_id(path) for path in arrays} if detailed else {},
    }


def is_array(key: str, data: bytes) -> bool:
    return key.endswith("zarr.json") and b'"array"' in data


async def references(session: Any, path: str, *, detailed: bool) -> dict[tuple[int, ...], Any]:
    """How each chunk is stored; detailed also where, and the bytes of inline ones."""
    found: dict[tuple[int, ...], Any] = {}
    if not detailed:
        async for coords in session.chunk_coordinates(path):
            found[tuple(coords)] = int(await session.chunk_type_async(path, coords))
        return found
    async for coordinates, kinds, places, offsets, lengths, inlined in session.store.array_chunk_iterator(path):
        for row, coords in enumerate(np.asarray(coordinates).tolist()):
            place = (places[row], int(offsets[row]), int(lengths[row]), bytes(inlined.get(row, b"")))
            found[tuple(coords)] = (int(kinds[row]), *place)
    return found
