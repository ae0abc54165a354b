"""From what names a place, a path or a URL, to the storage there."""

from __future__ import annotations

import re
from os import PathLike, fspath
from typing import Final, TypeAlias
from urllib.parse import unquote, urlsplit

from frazil import _core
from frazil.errors import ErrorKind, error
from frazil.storage.storage import Storage

Place: TypeAlias = Storage | str | PathLike[str]
"""What ``Repository.open`` and its like take."""

# Two letters at least: `C:/data` is a path.
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://|(file):(?=/)")
_FUNCTIONS: Final = {
    **dict.fromkeys(("s3", "s3a", "s3n"), "s3_storage(bucket=..., prefix=...)"),
    **dict.fromkeys(("gs", "gcs"), "gcs_storage(bucket=..., prefix=...)"),
    **dict.fromkeys(("az", "azure", "adl", "abfs", "abfss"), "azure_storage(account=..., container=..., prefix=...)"),
    **dict.fromkeys(("http", "https"), "http_storage(base_url)"),
    "https+icechunk": "redirect_storage(base_url)",
    "r2": "r2_storage(bucket=..., prefix=..., account_id=...)",
    "tigris": "tigris_storage(bucket=..., prefix=...)",
    "hf": "hf_storage(bucket=..., prefix=..., namespace=...)",
    "memory": "in_memory_storage()",
}


def storage_of(place: object) -> Storage:
    """The storage at a place.

    Raises
    ------
    TypeError
        For what is neither a storage nor a path nor a URL.
    InvalidInputError
        ``unsupported-url``, naming the function that makes a storage for it.
    """
    if isinstance(place, Storage):
        return place
    path = fspath(place) if isinstance(place, str | PathLike) else None
    if not isinstance(path, str):
        raise TypeError(
            "a repository is at a Storage (made by s3_storage(), local_filesystem_storage() and the like), a local path "
            f"(str or os.PathLike) or a file:// URL, not at a {type(place).__name__}"
        )
    return Storage.new_local_filesystem(_local_path(path))


def _local_path(text: str) -> str:
    if not text:
        raise error(
            ErrorKind.UNSUPPORTED_URL, "a repository cannot be at an empty path; name the current directory `.`"
        )
    found = _SCHEME.match(text)
    if found is None:
        return text
    scheme = (found[1] or found[2]).lower()
    if scheme != "file":
        function = _FUNCTIONS.get(scheme)
        instead = f"pass frazil.{function}" if function else "pass a Storage, a local path or a file:// URL"
        raise error(
            ErrorKind.UNSUPPORTED_URL,
            f"repositories are not opened by `{scheme}` URLs, here {_core.without_secrets(text)}; {instead}",
        )
    parts = urlsplit(text)
    if parts.netloc not in ("", "localhost") or parts.query or parts.fragment:
        raise error(
            ErrorKind.UNSUPPORTED_URL,
            f"{_core.without_secrets(text)} names no local path; file URLs are file:///absolute/path, with `%3F` and "
            "`%23` for `?` and `#`",
        )
    return unquote(parts.path)
