"""What can be measured: packages with Icechunk's API, and plain zarr stores.

A subject may carry the codec pipeline its arrays are opened with: ``frazil:fused`` or ``frazil:some.module.Pipeline``.
Without one it is Frazil's own for Frazil and zarr's default for all others, set explicitly: the automatic choice is one
for the whole process, and is measured in a process of its own.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PIPELINES = {
    "batched": "zarr.core.codec_pipeline.BatchedCodecPipeline",
    "fused": "zarr.core.codec_pipeline.FusedCodecPipeline",
}
OWN = {"frazil": "frazil.codec_pipeline.FrazilCodecPipeline"}
AUTOMATIC = "automatic"
"""A pipeline that is left to whoever sets one."""
PLAIN = ("memory", "local", "obstore")


@dataclass(frozen=True)
class Subject:
    """One thing to measure; ``spec`` is ``name`` or ``name:pipeline``."""

    spec: str

    @property
    def name(self) -> str:
        return self.spec.partition(":")[0]

    @property
    def versioned(self) -> bool:
        return self.name not in PLAIN

    @functools.cached_property
    def module(self) -> Any:
        return importlib.import_module(self.name)

    @contextlib.contextmanager
    def pipeline(self) -> Iterator[None]:
        """The codec pipeline that this subject's arrays are opened with."""
        import zarr

        wanted = self.spec.partition(":")[2] or OWN.get(self.name, "batched")
        if wanted == AUTOMATIC:
            yield
            return
        path = PIPELINES.get(wanted, wanted)
        if "." in path and not path.startswith("zarr."):
            importlib.import_module(path.rpartition(".")[0])
        with zarr.config.set({"codec_pipeline.path": path}):
            yield

    def available(self) -> bool:
        """Whether its package (and pipeline) can be imported here."""
        try:
            if self.versioned:
                _ = self.module
            elif self.name == "obstore":
                importlib.import_module("obstore")
            with self.pipeline():
                from zarr.registry import get_pipeline_class

                get_pipeline_class()
        except Exception:  # noqa: BLE001 - any failure means: not to be had here
            return False
        return True

    def create(self, root: Path, **kwargs: Any) -> Handle:
        """A new repository (or plain store) at ``root``."""
        return Handle(self, root, create=True, **kwargs)

    def open(self, root: Path, **kwargs: Any) -> Handle:
        return Handle(self, root, create=False, **kwargs)


class Handle:
    """An open repository or plain store of a subject.

    ``config`` is called with the package and returns its RepositoryConfig.
    """

    def __init__(
        self,
        subject: Subject,
        root: Path | str,
        create: bool,
        storage: Any = None,
        config: Callable[[Any], Any] | None = None,
    ) -> None:
        self.subject, self.root = subject, Path(root)
        self.session: Any = None
        self.plain: Any = None
        if subject.versioned:
            package = subject.module
            if storage is None:
                storage = package.local_filesystem_storage(str(self.root))
            kwargs = {"config": config(package)} if config else {}
            opener = package.Repository.create if create else package.Repository.open
            self.repo = opener(storage, **kwargs)
        else:
            self.root.mkdir(parents=True, exist_ok=True)
            self.plain = self._plain_store()

    def _plain_store(self) -> Any:
        from zarr import storage

        if self.subject.name == "memory":
            return storage.MemoryStore()
        if self.subject.name == "local":
            return storage.LocalStore(self.root)
        obstore = importlib.import_module("obstore.store")
        return storage.ObjectStore(obstore.LocalStore(str(self.root)))

    def writable(self) -> Any:
        """A store that takes writes; for a package, of a new session."""
        if self.plain is not None:
            return self.plain
        self.session = self.repo.writable_session("main")
        return self.session.store

    def commit(self, message: str = "perf") -> None:
        if self.session is not None:
            self.session.commit(message)
            self.session = None

    def readable(self) -> Any:
        if self.plain is not None:
            return self.plain
        return self.repo.readonly_session("main").store
