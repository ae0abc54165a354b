"""User metadata of stored objects, for people and tools that look at a bucket (format section 1.5)."""

from __future__ import annotations

from typing import Literal, Protocol

from frazil.config import RepositoryConfig

FileType = Literal["snapshot", "manifest", "transaction-log", "repo-info"]


class Writer(Protocol):
    """What of a repository's context says how its files are written."""

    @property
    def config(self) -> RepositoryConfig: ...
    @property
    def spec_version(self) -> int: ...
    @property
    def writer(self) -> str: ...
    @property
    def use_object_metadata(self) -> bool: ...


def attributes(context: Writer, file_type: FileType) -> dict[str, str] | None:
    """The attributes of a metadata file; None where the storage settings turn them off.  Readers never need them."""
    if not context.use_object_metadata:
        return None
    return {
        "icspecver": str(context.spec_version),
        "icclient": context.writer,
        "icfiletype": file_type,
        "iccompalg": "zstd",
    }


def content_type(context: Writer, mime_type: str) -> str | None:
    """``mime_type``, or None where the storage settings turn object metadata off."""
    return mime_type if context.use_object_metadata else None


def metadata_storage_class(context: Writer) -> str | None:
    """The storage class of metadata files; None is the store's default."""
    settings = context.config.effective_storage()
    return settings.metadata_storage_class or settings.storage_class
