"""User metadata of stored objects, for people and tools that look at a bucket (format section 1.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from frazil.context import RepositoryContext

FileType = Literal["snapshot", "manifest", "transaction-log", "repo-info"]


def attributes(context: RepositoryContext, file_type: FileType) -> dict[str, str] | None:
    """The attributes of a metadata file; None where the storage settings turn them off.  Readers never need them."""
    if not context.use_object_metadata:
        return None
    return {
        "icspecver": str(context.spec_version),
        "icclient": context.writer,
        "icfiletype": file_type,
        "iccompalg": "zstd",
    }


def content_type(context: RepositoryContext, mime_type: str) -> str | None:
    """``mime_type``, or None where the storage settings turn object metadata off."""
    return mime_type if context.use_object_metadata else None


def metadata_storage_class(context: RepositoryContext) -> str | None:
    """The storage class of metadata files; None is the store's default."""
    settings = context.config.effective_storage()
    return settings.metadata_storage_class or settings.storage_class
