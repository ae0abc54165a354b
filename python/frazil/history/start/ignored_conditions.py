"""Finding out whether an object store heeds the conditions that commits rely on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from frazil._core import PutMode, Version
from frazil.errors import StorageConflict, StorageError
from frazil.format.object_attributes import FileType, attributes, metadata_storage_class

if TYPE_CHECKING:
    from frazil.open_repository.context import RepositoryContext

_log = logging.getLogger(__name__)

_NO_VERSION: Final = Version(etag='"00000000000000000000000000000000"', generation="1")
"""What no object is at."""


def warn_if_ignored(context: RepositoryContext, key: str, data: bytes, kind: FileType) -> None:
    """Write an immutable file again, with its own content, under a condition that does not hold; warn if that works.

    What else may go wrong is left to the writes that matter.
    """
    if context.objects.always_compares or not context.config.effective_storage().unsafe_use_conditional_update:
        return
    try:
        context.objects.put(
            key,
            data,
            PutMode.update(_NO_VERSION),
            attributes=attributes(context, kind),
            storage_class=metadata_storage_class(context),
        )
    except (StorageConflict, StorageError):
        return
    _log.warning(
        "The object store ignores conditional writes (If-Match): of commits that race, all but the last are lost "
        "without an error. Let only one process write to this repository at a time, or keep it in a store that heeds them"
    )
