"""The small closed sets of choices that the API names."""

from __future__ import annotations

from enum import Enum, EnumType, IntEnum
from operator import index
from typing import Any

from frazil.names import public


class _Code(IntEnum):
    """Compares and converts as the integer that files and other libraries use for it."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}.{self.name}"

    def __str__(self) -> str:
        return repr(self)


@public
class SpecVersion(_Code):
    """Versions of the on-disk format."""

    v1 = 1
    v2 = 2

    @staticmethod
    def current() -> SpecVersion:
        """The version that new repositories get."""
        return SpecVersion.v2

    def __repr__(self) -> str:
        suffix = " (current)" if self is SpecVersion.current() else ""
        return f"{type(self).__name__}.{self.name}{suffix}"


@public
def spec_version() -> SpecVersion:
    """The version of the format that new repositories get."""
    return SpecVersion.current()


@public
def supported_spec_versions() -> list[SpecVersion]:
    """Every version of the format that can be read and written, newest first."""
    return [SpecVersion.v2, SpecVersion.v1]


def parse_spec_version(value: SpecVersion | int | None) -> SpecVersion:
    """The version that a caller asked for; the current one for None.

    Raises ``ValueError`` for a version that is not supported.
    """
    if value is None:
        return SpecVersion.current()
    try:
        number = index(value)
    except TypeError:
        number = -1
    if not 0 <= number < 256:
        raise ValueError("Couldn't parse a valid version")
    try:
        return SpecVersion(number)
    except ValueError:
        raise ValueError(f"Unsupported version {number}") from None


@public
class ChunkType(_Code):
    """Where the bytes of a chunk are: nowhere, in an object of its own, in somebody else's object, in the manifest."""

    uninitialized = 0
    native = 1
    virtual = 2
    inline = 3


class _CallableWithoutArguments(EnumType):
    def __call__(cls, value: Any = 0, *args: Any, **kwargs: Any) -> Any:
        return super().__call__(value, *args, **kwargs)


@public
class CompressionAlgorithm(_Code, metaclass=_CallableWithoutArguments):
    """How metadata files are compressed."""

    Zstd = 0

    @staticmethod
    def default() -> CompressionAlgorithm:
        """The algorithm used when none is chosen."""
        return CompressionAlgorithm.Zstd


@public
class ChecksumAlgorithm(_Code):
    """Checksums that an S3 server can verify on upload."""

    Crc32 = 0
    Crc32c = 1
    Crc64Nvme = 2
    Sha1 = 3
    Sha256 = 4


@public
class RepoAvailability(_Code):
    """Whether a repository may be written to."""

    online = 0
    read_only = 1


@public
class SessionMode(Enum):
    """Read only, write data, or only move nodes."""

    readonly = "readonly"
    writable = "writable"
    rearrange = "rearrange"

    def __repr__(self) -> str:
        return f"SessionMode.{self.name}"
