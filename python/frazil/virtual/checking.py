"""Locations on their way in, pure: normalised, and refused where no container could serve them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from frazil._core import LocationColumn
from frazil.errors import InvalidInputError
from frazil.virtual import locations
from frazil.virtual.matching import Sources

_PLAIN: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~!$&'()*+,;=@:%-/\n"
_PLAIN_SCHEMES: Final = frozenset({"file", "s3", "gs", "gcs", "az", "azure", "abfs", "http", "https"})
_ENCODED: Final = re.compile(r"%(?:2[EeFf]|[89A-Fa-f])")
"""A dot, a slash or a character outside ASCII."""


class _Unserved(Exception):  # noqa: N818 - a finding that one caller collects and the other raises
    """A location in good form that no container serves."""

    def __init__(self, reason: InvalidInputError) -> None:
        self.reason = reason


@dataclass(frozen=True, slots=True)
class LocationCheck:
    """How locations are checked before they are stored.

    ``validate`` asks for a container that serves them; ``keep_names`` stores ``vcc://`` locations as they are, which
    readers of spec version 1 would not understand.
    """

    sources: Sources
    validate: bool
    keep_names: bool

    def one(self, location: str) -> str:
        """What is stored for ``location``.

        Raises
        ------
        InvalidInputError
            ``invalid-virtual-ref`` or ``no-container-for-virtual-chunk``.
        """
        try:
            return self._stored(location)
        except _Unserved as unserved:
            raise unserved.reason from None

    def many(self, given: LocationColumn) -> tuple[LocationColumn, list[int]]:
        """What is stored for each of ``given``, and the positions of those that no container serves.

        The cost is that of one pass over the distinct locations of each block.

        Raises
        ------
        InvalidInputError
            ``invalid-virtual-ref`` for a location that is no URL.
        """
        stored: dict[str, str] = {}
        unserved: set[str] = set()
        for distinct in _new_in_blocks(given):
            if self._all_plain(distinct):
                continue
            for location in distinct:
                try:
                    found = self._stored(location)
                except _Unserved:
                    unserved.add(location)
                    continue
                if found != location:
                    stored[location] = found
        failing = given.rows_of(unserved) if unserved else []
        return (given.replaced(stored) if stored else given), failing

    def _stored(self, location: str) -> str:
        normal = locations.normalise(location)
        is_relative = locations.is_relative(normal)
        if not (self.validate or (is_relative and not self.keep_names)):
            return normal
        try:
            url = self.sources.url(normal)
        except InvalidInputError as problem:
            if problem.kind == "no-container-for-virtual-chunk":
                raise _Unserved(problem) from None
            raise
        if self.validate:
            self._require_source(url)
        return url if is_relative and not self.keep_names else normal

    def _require_source(self, url: str) -> None:
        source = self.sources.find(url)
        if source is None:
            raise _Unserved(
                InvalidInputError(
                    f"invalid chunk location, no matching virtual chunk container: `{locations.shown(url)}`; add one with "
                    "RepositoryConfig.set_virtual_chunk_container()",
                    kind="no-container-for-virtual-chunk",
                )
            )
        problem = source.misses_key(url)
        if problem is not None:
            raise _Unserved(problem)

    def _all_plain(self, given: Sequence[str]) -> bool:
        """Whether every location surely is stored as it stands, told from all of them at once.

        No means only that they have to be looked at one by one.
        """
        text = "\n".join(given)
        if not text.isascii() or text.encode("ascii").translate(None, _PLAIN):
            return False
        count = len(given)
        # As many lines and double slashes as locations: the only double slash is the one after the scheme.
        if text.count("\n") != count - 1 or text.count("//") != count:
            return False
        text = f"\n{text}\n"
        if "/." in text or "/\n" in text or _ENCODED.search(text):
            return False
        if self.validate:
            prefixes = self.sources.plain_prefixes(with_names=self.keep_names)
            return all(location.startswith(prefixes) for location in given)
        scheme = locations.scheme_of(given[0])
        if scheme == "file":
            return text.count("\nfile:///") == count
        return scheme in _PLAIN_SCHEMES and text.count(f"\n{scheme}://") == count and "///" not in text


def _new_in_blocks(given: LocationColumn) -> Iterator[list[str]]:
    """The distinct locations of each block that the block before did not have."""
    known: set[str] = set()
    for block in range(given.num_blocks):
        distinct = given.distinct(block)
        new = [location for location in distinct if location not in known]
        if new:
            yield new
        known = set(distinct)
