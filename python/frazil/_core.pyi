"""Typed contract of the compiled extension.

Ids are raw bytes (12 for objects, 8 for nodes); times are microseconds since 1970-01-01 UTC; coordinates are
sequences of unsigned 32-bit chunk indices, one per dimension.  A missing object is ``None``.  Errors are raised through
``frazil.errors.core_error(kind, message, context)``, so every exception is a class of ``frazil.errors``.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from os import PathLike
from typing import Any, ClassVar, Final, TypeAlias, TypeVar, final

from typing_extensions import Buffer as ReadableBuffer  # PEP 688; only for type checkers

from frazil.display import Parts

_T = TypeVar("_T")

__all__ = [
    "Assets",
    "Buffer",
    "ChunkChanges",
    "ChunkReader",
    "ChunkRef",
    "ChunkSelection",
    "ChunkTable",
    "CodecChain",
    "Commits",
    "Completions",
    "CoordSet",
    "Fetch",
    "KeyListing",
    "KeyReader",
    "Latency",
    "LocationColumn",
    "Manifest",
    "ManifestBuilder",
    "MergedRefs",
    "ObjectMeta",
    "ObjectStore",
    "Pattern",
    "PutMode",
    "RegionGrid",
    "RepoInfo",
    "Snapshot",
    "SnapshotInfo",
    "StopSwitch",
    "TransactionLog",
    "Version",
    "address_without_secrets",
    "after_fork",
    "before_fork",
    "chunk_label",
    "content_id",
    "decode_id",
    "encode_id",
    "encode_snapshot",
    "encode_transaction_log",
    "flexbuffer_to_json",
    "is_named_host",
    "is_public_address",
    "is_secret",
    "json_to_flexbuffer",
    "json_to_msgpack",
    "may_be_reached",
    "msgpack_to_json",
    "normalise_url",
    "random_id",
    "read_header",
    "same_origin",
    "short_cuts_taken",
    "without_secrets",
]

# --------------------------------------------------------------------------------------------------------------------
# ids

def encode_id(raw: ReadableBuffer) -> str:
    """Crockford base32, upper case, no padding."""

def decode_id(text: str, length: int) -> bytes:
    """The ``length`` bytes of an id; lower case and the aliases I, L, O are accepted.  ``ValueError`` otherwise."""

def random_id(length: int) -> bytes:
    """``length`` random bytes of the operating system's generator."""

def content_id(data: ReadableBuffer) -> bytes:
    """The first 12 bytes of the BLAKE3 hash of ``data``."""

# --------------------------------------------------------------------------------------------------------------------
# bytes

@final
class Buffer:
    """Read-only shared bytes with the buffer protocol; slicing shares, nothing is copied."""

    def __new__(cls, data: ReadableBuffer) -> Buffer: ...
    def __len__(self) -> int: ...
    def __getitem__(self, key: slice, /) -> Buffer: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __bytes__(self) -> bytes: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...

# --------------------------------------------------------------------------------------------------------------------
# URLs

def normalise_url(text: str) -> str:
    """The WHATWG normal form of an absolute URL; ``ValueError`` says why a text is none."""

def without_secrets(text: str) -> str:
    """A text in whose addresses passwords, and parameters that may be signatures, are replaced by ``****``."""

def address_without_secrets(address: str) -> str:
    """The same of a text that is an address as a whole, whatever is in it: blanks and quotes too."""

def is_secret(name: str) -> bool:
    """Whether what has this name, a header or an option, may not be shown."""

def same_origin(one: str, other: str) -> bool:
    """Whether two URLs are of the same scheme, host and port."""

def is_public_address(text: str) -> bool:
    """Whether an IP address is one of the public internet: not this machine's, its link's, a private or reserved one."""

def is_named_host(url: str, named: list[str]) -> bool:
    """Whether the host of a URL is one of those that are named, as hosts or by addresses."""

def may_be_reached(url: str, named: list[str]) -> bool:
    """Whether a redirect may lead to a URL: a public one, as far as that shows without asking, or one that is named."""

# --------------------------------------------------------------------------------------------------------------------
# regular expressions

@final
class Pattern:
    """A regular expression in the syntax that configurations are written in; matching takes linear time."""

    @staticmethod
    def compile(text: str) -> Pattern | None:
        """None if ``text`` is no regular expression."""

    def is_match(self, text: str) -> bool:
        """Whether it matches anywhere in ``text``."""

# --------------------------------------------------------------------------------------------------------------------
# values: JSON text on the Python side, so that ``json`` builds the objects

def flexbuffer_to_json(data: ReadableBuffer) -> str: ...
def json_to_flexbuffer(text: str) -> bytes: ...
def msgpack_to_json(data: ReadableBuffer) -> str: ...
def json_to_msgpack(text: str) -> bytes: ...

# --------------------------------------------------------------------------------------------------------------------
# envelope

def before_fork() -> None:
    """Wait until no other thread holds a lock of the extension, and keep them from taking one until ``after_fork``."""

def after_fork(child: bool) -> None: ...
def read_header(data: ReadableBuffer) -> tuple[str, int, int, int]:
    """``(writer, spec version, file type, compression)`` of a metadata file, without decoding the body."""

# --------------------------------------------------------------------------------------------------------------------
# chunk references

@final
class ChunkRef:
    """Where the bytes of one chunk are.

    ``kind`` is 1 native, 2 virtual, 3 inline (the integers of ``ChunkType``).
    """

    @staticmethod
    def inline(data: ReadableBuffer) -> ChunkRef: ...
    @staticmethod
    def native(chunk_id: bytes, offset: int, length: int) -> ChunkRef: ...
    @staticmethod
    def virtual(
        location: str, offset: int, length: int, etag: str | None = None, last_modified: int | None = None
    ) -> ChunkRef: ...
    @property
    def kind(self) -> int: ...
    @property
    def data(self) -> Buffer | None: ...
    @property
    def chunk_id(self) -> bytes | None: ...
    @property
    def location(self) -> str | None: ...
    @property
    def offset(self) -> int: ...
    @property
    def length(self) -> int: ...
    @property
    def etag(self) -> str | None: ...
    @property
    def last_modified(self) -> int | None:
        """Seconds since 1970, None when unset."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class CoordSet:
    """A sorted set of chunk coordinates (rows may differ in length: old logs hold what old writers accepted)."""

    def __new__(cls, rows: Iterable[Sequence[int]] | None = None) -> CoordSet: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[tuple[int, ...]]: ...
    def __contains__(self, coords: Sequence[int], /) -> bool: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def union(self, other: CoordSet) -> CoordSet: ...
    def intersection(self, other: CoordSet) -> CoordSet: ...

@final
class ChunkTable:
    """The chunk references one session has set or deleted in one array: columnar, kept sorted on demand.

    Safe to share between threads.  The last change of a coordinate wins.
    """

    def __new__(cls, ndim: int) -> ChunkTable: ...
    def set(self, coords: Sequence[int], ref: ChunkRef) -> None: ...
    def delete(self, coords: Sequence[int]) -> None:
        """Record that the chunk is deleted (also when the base has none)."""

    def forget(self, coords: CoordSet) -> None:
        """Drop the changes of these coordinates, as if they had never been made."""

    def set_virtual_columns(
        self,
        coords: ReadableBuffer,
        locations: LocationColumn | Sequence[str],
        offsets: ReadableBuffer,
        lengths: ReadableBuffer,
        etag: str | None = None,
        last_modified: int | None = None,
    ) -> None:
        """Set many virtual references: ``coords`` is C-order uint32 (n, ndim), the others uint64 (n,).

        Columns of different lengths are a ``ValueError``, of other types a ``BufferError`` or ``TypeError``.
        """

    def get(self, coords: Sequence[int]) -> ChunkRef | bool | None:
        """The reference set, ``False`` if deleted, ``None`` if this table says nothing of it."""

    def merge(self, newer: ChunkTable) -> None:
        """Apply every change of ``newer`` on top."""

    def coords(self) -> CoordSet:
        """Every coordinate set or deleted."""

    def set_coords(self) -> CoordSet:
        """The coordinates that are set (not deleted)."""

    def deleted_coords(self) -> CoordSet: ...
    def spread(
        self, grid: Sequence[tuple[int, int]], boxes: Sequence[Sequence[tuple[int, int]]]
    ) -> tuple[list[int], list[tuple[_Extents, int]]]:
        """Where the changes in ``grid`` fall among ``boxes``, which do not overlap.

        Returns the numbers of the boxes that hold a change, and groups (bounding box, number) of what is set outside of
        all.  Groups do not overlap each other; they meet a box only where cutting between two values of the first axis
        cannot prevent it.
        """

    def items(self) -> list[tuple[tuple[int, ...], ChunkRef | None]]:
        """Every change in coordinate order; None is a deletion."""

    def ensure_stored(self, objects: ObjectStore) -> None:
        """Fail unless the objects of the repository that are referred to are there and can be relied on.

        Over a network nobody asks: it would cost a request each.
        """

    def __len__(self) -> int: ...
    def copy(self) -> ChunkTable: ...
    @property
    def ndim(self) -> int: ...
    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""

    def to_bytes(self) -> bytes: ...
    @staticmethod
    def from_bytes(data: ReadableBuffer) -> ChunkTable: ...

# --------------------------------------------------------------------------------------------------------------------
# metadata files.  A node is a tuple of its id, path, user data and array: None for a group, else another tuple of
# - the shape, with the length and the number of chunks of each dimension,
# - the dimension names, None if there are none, else one str or None for each,
# - the manifests, each with its id and, for each dimension, the first chunk and the one after the last.

_Extents: TypeAlias = tuple[tuple[int, int], ...]
_ArrayTuple: TypeAlias = tuple[
    tuple[tuple[int, int], ...], tuple[str | None, ...] | None, tuple[tuple[bytes, _Extents], ...]
]
_NodeTuple: TypeAlias = tuple[bytes, str, bytes, _ArrayTuple | None]
_MetadataItems: TypeAlias = list[tuple[str, bytes]]
_SnapshotEntry: TypeAlias = tuple[bytes, bytes | None, int, str, _MetadataItems, list[bytes]]
"""(id, parent id, flushed_at, message, metadata, pruned ancestor transaction logs)"""
_UpdateTuple: TypeAlias = tuple[int, tuple[Any, ...], int, str | None]
"""(union tag, fields in slot order, updated_at, backup_path)"""

@final
class Snapshot:
    """A frozen view of a snapshot file; look-ups are binary searches in its own buffer."""

    @staticmethod
    def decode(data: ReadableBuffer, expected: bytes) -> Snapshot:
        """The file that is stored as ``expected``; a format error that names both ids if it says it is another one."""

    @property
    def id(self) -> bytes: ...
    @property
    def parent_id(self) -> bytes | None: ...
    @property
    def flushed_at(self) -> int: ...
    @property
    def message(self) -> str: ...
    @property
    def metadata(self) -> _MetadataItems:
        """Encoded values: MessagePack if ``file_spec_version`` is 1, else FlexBuffers."""

    @property
    def file_spec_version(self) -> int: ...
    @property
    def writer(self) -> str: ...
    @property
    def num_nodes(self) -> int: ...
    def node(self, path: str) -> _NodeTuple | None: ...
    def node_kind(self, path: str) -> str | None:
        """``"array"``, ``"group"`` or None."""

    def nodes(self, prefix: str = "/") -> list[_NodeTuple]:
        """The node at ``prefix`` and all below it, in path order."""

    def paths(self, prefix: str = "/") -> list[tuple[str, str, bytes]]:
        """(path, "array" | "group", node id) of the node at ``prefix`` and all below it, in path order."""

    def children(self, path: str) -> list[str]:
        """Names of the nodes one level below ``path``."""

    def manifest_files(self) -> list[tuple[bytes, int, int]]:
        """(id, size_bytes, num_chunk_refs), sorted by id."""

    def manifest_file(self, manifest_id: bytes) -> tuple[bytes, int, int] | None: ...

def encode_snapshot(
    *,
    base: Snapshot | None,
    removed: Sequence[str],
    nodes: Sequence[_NodeTuple],
    manifest_files: Sequence[tuple[bytes, int, int]],
    id: bytes,
    parent_id: bytes | None,
    flushed_at: int,
    message: str,
    metadata: _MetadataItems,
    spec_version: int,
    chunk_lengths: Mapping[str, Sequence[int]],
    writer: str,
    level: int,
) -> bytes:
    """A snapshot file: the nodes of ``base`` without ``removed`` paths and with ``nodes`` put over them.

    The manifest list is every manifest that a node of the result refers to, taken from ``manifest_files`` or from the
    base.  ``parent_id`` is written only for spec 1.  ``chunk_lengths`` gives, for spec 1, the chunk length of each
    dimension by array path (nodes that are not named keep what the base says, or the smallest length that yields
    their number of chunks).  Unchanged nodes are copied inside the extension.
    """

@final
class Manifest:
    """A frozen view of a manifest file; look-ups are binary searches in its own buffer."""

    @staticmethod
    def decode(data: ReadableBuffer, expected: bytes) -> Manifest:
        """As ``Snapshot.decode``."""

    @property
    def id(self) -> bytes: ...
    @property
    def nbytes(self) -> int:
        """Decoded size in bytes."""

    @property
    def num_refs(self) -> int: ...
    @property
    def file_spec_version(self) -> int: ...
    @property
    def writer(self) -> str: ...
    def arrays(self) -> list[tuple[bytes, int]]:
        """(node id, number of references)."""

    def statistics(self) -> list[tuple[bytes, int, int, int, int]]:
        """(node id, references, inline, native, virtual) per array."""

    def compression(self) -> tuple[bool, int, int]:
        """(uses location compression, dictionary bytes, compressed references)."""

    def get(self, node_id: bytes, coords: Sequence[int]) -> ChunkRef | None: ...
    def refs(self, node_id: bytes, start: int = 0, stop: int | None = None) -> list[tuple[tuple[int, ...], ChunkRef]]:
        """References ``start`` to ``stop`` of one array, in coordinate order."""

    def coords(self, node_id: bytes) -> CoordSet: ...
    def storage(self) -> tuple[bytes, bytes, bytes, bytes, int]:
        """Where the chunks are, in packed columns with an entry for each reference.

        Hashes of object, offset and length of native chunks (uint64) and their lengths (uint64), hashes of location,
        offset and length of virtual ones and their lengths, and the bytes of all inline chunks together.
        """

    def chunk_ids(self) -> bytes:
        """The ids of all native chunks, 12 bytes each, sorted, each once."""

    def virtual_locations(self) -> list[str]: ...

@final
class MergedRefs:
    """References of one array for new manifests, in coordinate order.

    They are (the references of ``old`` in ``region``, less those changed) and what ``changes`` sets in ``region``.  Of a
    coordinate that several manifests have, the first counts, as in a look-up.
    """

    def __new__(
        cls,
        node_id: bytes,
        region: Sequence[tuple[int, int]],
        old: Sequence[Manifest],
        changes: ChunkTable | None,
    ) -> MergedRefs: ...
    def __len__(self) -> int: ...
    @property
    def changes_state(self) -> int | None:
        """Names what ``changes`` held: no other content of any table in this process has this number."""

    def runs(self, *, most: int, target: int, nbytes: int) -> list[tuple[int, int, _Extents]]:
        """Cut into runs (first, after the last, bounding box) whose bounding boxes do not meet; none if there are no
        references.

        A run has up to ``most`` references, and what is cut has about ``target`` each.  ``nbytes`` bounds the
        decompressed file, about, with whatever is shared counted as often as it is pointed to.
        """

@final
class ManifestBuilder:
    """Collects the references of one new manifest file and encodes it."""

    def __new__(cls, like: ManifestBuilder | None = None) -> ManifestBuilder:
        """``like`` is another builder of the same commit: its dictionary for locations is used again where it serves."""

    def add_array(
        self,
        node_id: bytes,
        region: Sequence[tuple[int, int]],
        old: Sequence[Manifest],
        changes: ChunkTable | None,
    ) -> tuple[int, _Extents] | None:
        """Add what ``MergedRefs`` of these arguments has; its number and bounding box, None (adding nothing) if nothing."""

    def add(self, refs: MergedRefs, start: int, stop: int) -> None:
        """Add the references ``start`` to ``stop`` of an array that this manifest has none of yet."""

    def finish(
        self,
        *,
        id: bytes,
        spec_version: int,
        writer: str,
        level: int,
        min_virtual_refs: int,
        dictionary_samples: int,
        dictionary_bytes: int,
        location_level: int,
    ) -> tuple[bytes, Manifest]:
        """The file, and what decoding it would give."""

@final
class LocationColumn:
    """The locations of many references, row by row, those that are repeated stored once."""

    def __new__(cls, locations: LocationColumn | Sequence[str]) -> LocationColumn:
        """Anything but texts is a ``TypeError``."""

    def __len__(self) -> int: ...
    @property
    def num_blocks(self) -> int:
        """A block is 65,536 rows."""

    def distinct(self, block: int) -> list[str]:
        """The locations of a block, each once, but for equal ones that are far apart."""

    def rows_of(self, locations: set[str]) -> list[int]:
        """The rows that have one of these."""

    def replaced(self, new: Mapping[str, str]) -> LocationColumn: ...
    def filtered(self, keep: ReadableBuffer) -> LocationColumn:
        """The rows whose byte in ``keep`` is not 0."""

    def tolist(self) -> list[str]: ...

@final
class RegionGrid:
    """The regions cut by split edges, numbered row-major (last axis fastest)."""

    def __new__(cls, edges: Sequence[Sequence[int]]) -> RegionGrid: ...
    def __len__(self) -> int: ...
    def region(self, number: int) -> tuple[tuple[int, int], ...]: ...
    def of(self, coords: Sequence[int]) -> int | None:
        """The region that holds ``coords``, None outside the grid."""

    def touched(self, changes: ChunkTable) -> list[int]:
        """The regions that hold at least one change, ascending; one pass over the table."""

    def holders(self, boxes: Sequence[Sequence[tuple[int, int]]]) -> list[int | None]:
        """For each box the region that holds all of it, if one does."""

    def overlapping(self, extents: Sequence[tuple[int, int]]) -> list[int]:
        """The regions that intersect ``extents``."""

@final
class TransactionLog:
    """A decoded transaction log."""

    @staticmethod
    def decode(data: ReadableBuffer, expected: bytes) -> TransactionLog:
        """As ``Snapshot.decode``; ``expected`` is the snapshot whose log it is."""

    @property
    def id(self) -> bytes: ...
    @property
    def writer(self) -> str: ...
    @property
    def file_spec_version(self) -> int: ...
    @property
    def new_groups(self) -> list[bytes]: ...
    @property
    def new_arrays(self) -> list[bytes]: ...
    @property
    def deleted_groups(self) -> list[bytes]: ...
    @property
    def deleted_arrays(self) -> list[bytes]: ...
    @property
    def updated_groups(self) -> list[bytes]: ...
    @property
    def updated_arrays(self) -> list[bytes]: ...
    @property
    def updated_chunks(self) -> list[tuple[bytes, CoordSet]]: ...
    @property
    def moves(self) -> list[tuple[str, str, bytes, int]]:
        """(from, to, node id, 0 group | 1 array)."""

def encode_transaction_log(
    *,
    id: bytes,
    new_groups: Sequence[bytes],
    new_arrays: Sequence[bytes],
    deleted_groups: Sequence[bytes],
    deleted_arrays: Sequence[bytes],
    updated_groups: Sequence[bytes],
    updated_arrays: Sequence[bytes],
    updated_chunks: Sequence[tuple[bytes, CoordSet]],
    moves: Sequence[tuple[str, str, bytes, int]],
    spec_version: int,
    writer: str,
    level: int,
) -> bytes:
    """A transaction log file.  Id lists are sorted here; moves keep their order."""

@final
class RepoInfo:
    """A decoded ``repo`` object (spec 2), frozen; ``edit`` gives a changed copy."""

    @staticmethod
    def decode(data: ReadableBuffer) -> RepoInfo: ...
    @staticmethod
    def build(
        *,
        snapshots: Sequence[_SnapshotEntry],
        branches: Sequence[tuple[str, bytes]],
        tags: Sequence[tuple[str, bytes]],
        deleted_tags: Sequence[str],
        status: tuple[int, int, str | None],
        metadata: _MetadataItems,
        config: bytes | None,
        updates: Sequence[_UpdateTuple],
    ) -> RepoInfo: ...
    @property
    def spec_version(self) -> int: ...
    @property
    def writer(self) -> str: ...
    @property
    def status(self) -> tuple[int, int, str | None]:
        """(availability, set_at, reason)."""

    @property
    def metadata(self) -> _MetadataItems: ...
    @property
    def config(self) -> bytes | None: ...
    @property
    def enabled_flags(self) -> list[int] | None: ...
    @property
    def disabled_flags(self) -> list[int] | None: ...
    @property
    def repo_before_updates(self) -> str | None: ...
    @property
    def num_snapshots(self) -> int: ...
    def branches(self) -> list[tuple[str, bytes]]: ...
    def tags(self) -> list[tuple[str, bytes]]: ...
    def deleted_tags(self) -> list[str]: ...
    def branch(self, name: str) -> bytes | None: ...
    def tag(self, name: str) -> bytes | None: ...
    def snapshot(self, snapshot_id: bytes) -> _SnapshotEntry | None: ...
    def snapshots(self) -> list[_SnapshotEntry]:
        """Every entry, sorted by id."""

    def snapshot_ids(self) -> list[bytes]: ...
    def ancestry(self, snapshot_id: bytes, limit: int | None = None) -> list[_SnapshotEntry]:
        """The snapshot and its ancestors, newest first; a broken or circular chain is a format error."""

    def commits(self, snapshot_id: bytes) -> Commits:
        """As ``ancestry``, one after the other, each decoded as far as it is looked at."""

    def updates(self) -> list[_UpdateTuple]:
        """The operations log of this file, newest first."""

    @property
    def updated_at(self) -> int | None:
        """When the newest entry of the log was made, in microseconds since 1970."""

    @property
    def has_unknown_updates(self) -> bool:
        """An update of a kind this library does not know: reading works, rewriting would corrupt it."""

    def edit(
        self,
        *,
        insert: Sequence[_SnapshotEntry] = ...,
        replace: Sequence[_SnapshotEntry] = ...,
        drop: Sequence[bytes] = ...,
        branches: Mapping[str, bytes | None] | None = None,
        tags: Mapping[str, bytes | None] | None = None,
        deleted_tags: Sequence[str] | None = None,
        status: tuple[int, int, str | None] | None = None,
        metadata: _MetadataItems | None = None,
        config: bytes | None = None,
        flags: tuple[list[int], list[int]] | None = None,
        updates: Sequence[_UpdateTuple] | None = None,
        repo_before_updates: str | None = None,
        log: tuple[_UpdateTuple, str, int] | None = None,
    ) -> RepoInfo:
        """A copy with these parts changed.

        ``branches`` and ``tags`` map a name to its new snapshot, or to None to remove it; every other argument left at
        its default keeps what is there.

        ``log`` is (entry, backup, limit): the entry goes on top of the operations log, and the one below it gets the
        name of the backup, which holds the state before.  Beyond ``limit`` entries the first one that has a backup is
        dropped with all older ones, because its backup holds them (format section 9.4).
        """

    def encode(self, *, writer: str, level: int) -> bytes: ...

@final
class SnapshotInfo:
    """A commit.

    Parameters
    ----------
    id
        20 characters.
    parent_id
        The snapshot that it was made on; None for the first one.
    written_at
        When it was written, in UTC.
    message
        What the writer said.
    metadata
        JSON values that the writer gave with it.
    """

    __match_args__: ClassVar[tuple[str, str, str, str, str]]
    def __new__(
        cls,
        id: str,
        parent_id: str | None,
        written_at: datetime,
        message: str,
        metadata: dict[str, Any] | None = None,
    ) -> SnapshotInfo: ...
    @property
    def id(self) -> str: ...
    @property
    def parent_id(self) -> str | None: ...
    @property
    def written_at(self) -> datetime: ...
    @property
    def message(self) -> str: ...
    @property
    def metadata(self) -> dict[str, Any]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __display__(self) -> Parts:
        """The fields, in order."""

    def _repr_html_(self) -> str: ...

@final
class Commits:
    """A snapshot and its ancestors, newest first; safe to step from several threads."""

    def __iter__(self) -> Commits: ...
    def __next__(self) -> SnapshotInfo: ...
    def close(self) -> None:
        """Let go of the history: nothing more comes."""

# --------------------------------------------------------------------------------------------------------------------
# object stores

@final
class Version:
    """What a conditional write compares: an etag, a generation, or both."""

    def __new__(cls, etag: str | None = None, generation: str | None = None) -> Version: ...
    @property
    def etag(self) -> str | None: ...
    @property
    def generation(self) -> str | None: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class PutMode:
    """Overwrite, create only, or update one version."""

    OVERWRITE: Final[PutMode]
    CREATE: Final[PutMode]
    @staticmethod
    def update(version: Version) -> PutMode: ...

@final
class ObjectMeta:
    @property
    def key(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def last_modified(self) -> int:
        """Microseconds since 1970."""

    @property
    def version(self) -> Version: ...
    @property
    def attributes(self) -> dict[str, str]:
        """User metadata (only from ``head`` and ``get_versioned``)."""

@final
class ObjectStore:
    """Keys to bytes under one root.  Blocking calls that let the GIL go; safe to share between threads.

    Failed preconditions raise ``StorageConflict``; everything else a ``StorageError``.
    """

    @staticmethod
    def memory() -> ObjectStore: ...
    @staticmethod
    def local(path: str | PathLike[str], *, durable: bool = True, verbatim: bool = False) -> ObjectStore:
        """A directory, made on the first write.  ``durable`` syncs files and directories (see ``sync``).

        ``verbatim`` takes keys as file names as they stand, for reading other programs' files; else special characters
        are percent-encoded on disk (format section 10.1).
        """

    @staticmethod
    def remote(kind: str, options: Mapping[str, str], settings: Mapping[str, Any]) -> ObjectStore:
        """A store that is reached over a network; no request is made here.

        ``kind`` is ``s3``, ``gcs``, ``azure`` or ``http``.  ``options`` are the ``object_store`` crate's names for what
        identifies and authenticates (``aws_bucket_name``, ``google_bucket``, ...), and ``url`` for ``http``.  ``settings``
        are ours, all always given unless said otherwise:

        * ``prefix``: what every key is below, ``""`` for the root;
        * ``from_env``: take credentials from the environment, as the crate's builders do;
        * ``credentials``: None, or a function that gives credentials as options, called before each call by the thread
          that makes it; what it raises is raised by the call;
        * ``read_headers``, ``write_headers``: headers for requests that read and that write;
        * ``user_agent``, ``user_agent_comment``: products of that header, and the start of its comment (may be empty);
        * ``conditional_create``, ``conditional_update``: whether to rely on preconditions;
        * ``metadata``: whether to send user metadata and content types; conditional writes then carry a mark by which
          one whose answer was lost is recognised (format section 9.6); may be left out, which is true;
        * ``max_requests``: requests in flight of the whole store; may be left out, which is 256;
        * ``max_concurrent_requests_for_object``, ``ideal_concurrent_request_size``: how reads of big objects are divided;
        * ``minimum_size_for_multipart_upload``;
        * ``max_tries``, ``initial_backoff_ms``, ``max_backoff_ms``;
        * ``read_only``: every write is refused before anything is sent; may be left out, which is false.  ``http`` is
          always read-only;
        * ``verbatim``: keys are taken as they stand, for reading other programs' objects, as by ``local``; may be left
          out, which is false;
        * ``connect_timeout_ms``, ``read_timeout_ms``, ``operation_timeout_ms``, ``operation_attempt_timeout_ms``: None is
          no limit;
        * ``s3`` only: ``network_stream_timeout_seconds`` (None or 0 is no limit), ``checksum_algorithm`` (None,
          ``CRC64NVME`` or ``SHA256``; the others that S3 knows are refused), ``legacy_rooted_keys`` (None or False; True
          is refused).
        """

    @property
    def is_local(self) -> bool:
        """Reads are quick enough to be made without suspending (memory, local disk)."""

    @property
    def is_read_only(self) -> bool:
        """Every write raises ``ReadOnlyError`` (``read-only-storage``) before anything happens."""

    def as_read_only(self) -> ObjectStore:
        """The same store for reading only."""

    def ensure_writable(self) -> None:
        """Raise ``ReadOnlyError`` (``read-only-storage``) if the store is read-only."""

    @property
    def always_compares(self) -> bool:
        """Conditional writes need no setting that allows them (memory, local disk); a slow disk compares too."""

    @property
    def clock_ahead(self) -> int | None:
        """How far the store's clock is ahead of this machine's, in microseconds, as its last answer to a write has told.

        None where nothing is known of it yet, and where it is the same clock.
        """

    def with_latency(self, latency: Latency) -> ObjectStore: ...
    def with_prefix(self, prefix: str) -> ObjectStore: ...
    def get(
        self, key: str, start: int | None = None, end: int | None = None, *, label: str | None = None
    ) -> Buffer | None:
        """The bytes ``[start, end)``, or as many of them as there are.

        ``label`` is added to the comment of the User-Agent header (see ``chunk_label``).
        """

    def get_versioned(self, key: str, known: Version | None = None) -> tuple[Buffer | None, ObjectMeta] | None:
        """The object and its version; the buffer is None if it still is at version ``known``, and then the rest of the
        ``ObjectMeta`` may say nothing.

        Conditional writes take this version, or that of a conditional put.  On a local disk ``head`` and ``list`` give
        another one, which does not change with every write.
        """

    def get_conditional(
        self,
        key: str,
        start: int,
        end: int,
        *,
        etag: str | None = None,
        unmodified_since: int | None = None,
        label: str | None = None,
    ) -> Buffer | None:
        """A range, only if the etag is this one or it was not modified after (seconds); else ``StorageConflict``."""

    def get_many(
        self, requests: Sequence[tuple[str, int | None, int | None]], *, concurrency: int = 0
    ) -> list[Buffer | None]:
        """Several (key, start, end) at once; ``concurrency`` 0 uses the store's own limit."""

    def head(self, key: str) -> ObjectMeta | None: ...
    def put(
        self,
        key: str,
        data: ReadableBuffer,
        mode: PutMode = ...,
        *,
        attributes: Mapping[str, str] | None = None,
        content_type: str | None = None,
        storage_class: str | None = None,
        fresh: bool = False,
        label: str | None = None,
    ) -> Version:
        """Store an object; ``label`` is told in the User-Agent of the requests."""

    def put_many(
        self,
        objects: Sequence[tuple[str, ReadableBuffer]],
        *,
        attributes: Mapping[str, str] | None = None,
        storage_class: str | None = None,
        concurrency: int = 0,
        fresh: bool = False,
    ) -> None: ...
    def sync(self) -> None:
        """Local disk with ``durable``: everything put so far, and its directories, is on stable storage on return."""

    def ensure_stored(self, keys: Sequence[str]) -> None:
        """Fail unless all these objects, written before, are there and can be relied on.

        Over a network nobody asks: it would cost a request each.
        """

    @property
    def keeps_time(self) -> bool:
        """Objects are dated by a clock of their own, and can be asked for their times at no cost (local disk)."""

    @property
    def time_lag(self) -> int:
        """How long after its time of modification an object may have been written, in microseconds."""

    def copy(self, source: str, target: str, version: Version | None = None) -> None:
        """Copy an object, if ``version`` is given only while the source still is at it."""

    def list_ids(self, prefix: str) -> Iterator[tuple[bytes, bytes, bytes]]:
        """The objects directly below ``prefix`` that are named by a 12-byte id, a page at a time, in no order.

        A page is (ids, uint64 sizes, int64 last modified in microseconds since 1970), packed one after the other, and
        holds at most 1,000 objects.  Objects with other names are left out.
        """

    def delete_unchanged(self, seen: Sequence[tuple[str, int]]) -> tuple[list[tuple[str, str]], list[str]]:
        """Delete objects, each only if it still was last modified at the time given, looked up right before.

        Returns (key, reason) for those that failed, and the keys of those that were written anew meanwhile.
        """

    def remove_leftovers(self, older_than: int) -> int:
        """Remove incomplete files of killed writers from a local disk; returns how many.

        ``older_than`` is in microseconds since 1970.
        """

    def delete_many(self, keys: Sequence[str]) -> list[tuple[str, str]]:
        """Delete; a missing object is no error.  Returns (key, reason) for those that failed."""

    def list(self, prefix: str = "") -> Iterator[ObjectMeta]:
        """Every object below ``prefix`` (whole path components), streamed, in no order."""

def chunk_label(path: str, coords: Sequence[int]) -> str:
    """What the User-Agent of requests for a chunk says: ``array=<path>; chunk=<i/j>``, each part cut to what is usual."""

@final
class Latency:
    """Milliseconds to sleep before each request, changeable at any time."""

    def __new__(cls, read_ms: int = 0, write_ms: int = 0) -> Latency: ...
    read_ms: int
    write_ms: int

# --------------------------------------------------------------------------------------------------------------------
# cached reads

@final
class Assets:
    """Cached, typed reads of the immutable files of one repository: one flight per key, bounded by weight."""

    def __new__(
        cls,
        store: ObjectStore,
        *,
        snapshot_nodes: int,
        chunk_refs: int,
        transaction_changes: int,
        chunk_bytes: int,
        max_requests: int,
    ) -> Assets: ...
    @property
    def store(self) -> ObjectStore: ...
    def snapshot(self, snapshot_id: bytes) -> Snapshot:
        """``StorageError(object-not-found)`` if it is missing, here and in the next two."""

    def manifest(self, manifest_id: bytes, size: int) -> Manifest: ...
    def manifests(self, files: Sequence[tuple[bytes, int]], *, concurrency: int = 0) -> list[Manifest]: ...
    def transaction_log(self, snapshot_id: bytes) -> TransactionLog | None:
        """None if there is none (the initial snapshot of spec 1)."""

    def put_snapshot(self, snapshot: Snapshot) -> bool:
        """Keep one that was just written; False if the cache is too small for it.  So with ``put_manifest``."""

    def put_manifest(self, manifest: Manifest) -> bool: ...
    def chunk(self, chunk_id: bytes, offset: int, length: int) -> Buffer | None:
        """Bytes of a chunk object, through the chunk cache if it is on; a shorter object is ``invalid-object-size``."""

    def clear(self) -> None: ...

@final
class ChunkReader:
    """Coordinates in, bytes out, for one array as one session sees it.

    ``manifests`` are (id, file size, extents) in node order; ``changes`` is the session's own table, looked up first.
    """

    def __new__(
        cls,
        assets: Assets,
        node_id: bytes,
        num_chunks: Sequence[int],
        manifests: Sequence[tuple[bytes, int, _Extents]],
        changes: ChunkTable | None,
    ) -> ChunkReader: ...
    def lookup(self, coords: Sequence[int]) -> ChunkRef | None:
        """The reference of a chunk; None if it was never written, is outside the grid or has another rank."""

    def read(
        self, coords: Sequence[int], start: int | None = None, end: int | None = None, suffix: int | None = None
    ) -> Buffer | ChunkRef | None:
        """The bytes, or the reference if it is virtual, cut to the range.  Ranges out of bounds: ``invalid-byte-range``.

        A chunk that does not exist is None whatever the range.
        """

    def read_many(self, coords: Sequence[Sequence[int]]) -> list[Buffer | ChunkRef | None]:
        """Several whole chunks at once; ranges that touch in one object are fetched together."""

    def coords(self) -> CoordSet:
        """Every chunk that exists inside the grid, changes included."""

    def columns(self, start: int, stop: int) -> tuple[bytes, bytes, list[str], bytes, bytes, dict[int, Buffer]]:
        """Rows ``start`` to ``stop`` of ``coords`` as (uint32 coordinates, uint8 kinds, paths, uint64 offsets, uint64 lengths, inline payloads by row).

        A path is the id of a native chunk, the location of a virtual one, and empty for an inline one.
        """

@final
class KeyListing:
    """Every key of the nodes of a snapshot at or below ``prefix``, as far as they have not been changed since.

    Iterates over pages of (keys, paths of nodes of which no key is listed): those of ``changed``, and arrays whose chunk
    keys are not of the default encoding with slashes.
    """

    def __new__(cls, snapshot: Snapshot, assets: Assets, prefix: str, changed: Sequence[bytes]) -> KeyListing: ...
    def __iter__(self) -> KeyListing: ...
    def __next__(self) -> tuple[list[str], list[str]]: ...

@final
class KeyReader:
    """One look-up from a Zarr key to its bytes for the nodes that Python has registered.

    Grammar: ``<path>/zarr.json`` and ``<path>/c/<i>/<j>`` (``<path>/c`` for rank 0), at most one leading slash.
    """

    UNKNOWN: Final[object]
    """Returned for a key that is not of this grammar, or of a node that is not registered: ask Python."""

    def __new__(cls) -> KeyReader: ...
    def register(self, path: str, metadata: bytes | None, reader: ChunkReader | None) -> None:
        """``path`` is absolute; ``reader`` is None for a group."""

    def forget(self, path: str | None = None) -> None:
        """Drop one node, or all."""

    def read(
        self, key: str, start: int | None = None, end: int | None = None, suffix: int | None = None
    ) -> Buffer | ChunkRef | object | None: ...
    def exists(self, key: str) -> bool | object: ...
    def size(self, key: str) -> int | object:
        """Stored bytes: 0 for a chunk that does not exist."""

@final
class Completions:
    """Starts reads for one event loop, and collects what came of them."""

    MUST_WAIT: Final[object]
    """Stands for a key that can only be read by waiting for it."""

    def __new__(cls) -> Completions: ...
    def fileno(self) -> int:
        """Becomes readable when there is something to take."""

    def read(
        self, keys: KeyReader, key: str, start: int | None = None, end: int | None = None, suffix: int | None = None
    ) -> Buffer | ChunkRef | Fetch | object | None:
        """As ``KeyReader.read``, without waiting: what has to be fetched is a ``Fetch``, whose result ``take`` will give.

        ``KeyReader.UNKNOWN`` also stands for a key whose manifest has to be read first.
        """

    def take(self) -> list[tuple[int, Buffer | BaseException]]:
        """The results that have come in since the last time: ticket, and bytes or the exception to raise."""

@final
class Fetch:
    """A read that is under way."""

    @property
    def ticket(self) -> int:
        """The number under which its result will be found."""

    def cancel(self) -> None:
        """Nobody waits for it any more."""

@final
class StopSwitch:
    """Lets another thread end the waiting of one call."""

    def __new__(cls) -> StopSwitch: ...
    def call(self, function: Callable[[], _T]) -> _T:
        """Call a function; once ``stop`` was called, whatever it waits for in here ends with ``KeyboardInterrupt``."""

    def stop(self) -> None: ...
    @property
    def is_stopped(self) -> bool: ...

# --------------------------------------------------------------------------------------------------------------------
# whole batches of chunks

@final
class ChunkSelection:
    """Which elements of which chunks, and where they are in an array in memory."""

    @staticmethod
    def read(
        batch: Sequence[tuple[Any, Any, Any, Any, bool]],
        getter: type[Any],
        store: object,
        prefix: str,
        separator: str,
        chunk_shape: Sequence[int],
        shape: Sequence[int],
        strides: Sequence[int],
    ) -> ChunkSelection | None:
        """Read a batch of (``StorePath``, ``ArraySpec``, chunk selection, outer selection, is complete).

        ``getter`` is the class ``StorePath``; keys are ``prefix`` and indices with ``separator`` between them.  ``shape``
        and ``strides`` (in bytes) are those of the array in memory.  None if there is anything but slices that go forward
        and integers, or another byte getter, store or shape of chunks.
        """

    def __len__(self) -> int: ...
    def is_inside(self, num_chunks: Sequence[int]) -> bool:
        """Whether all chunks lie in a grid of ``num_chunks`` along each dimension."""

def short_cuts_taken() -> dict[str, int]:
    """How often this process has taken each short cut of the codec pipeline, by name: for tests that must take one."""

@final
class CodecChain:
    """The codecs of an array, for chunks of one shape and elements of one kind.

    ``codecs`` is a JSON list as array metadata has it; ``FormatError(unsupported-operation-for-version)`` if one of them is
    not known.  ``unit`` is the number of bytes that a change of byte order reverses (1 for none), ``fill`` the bytes of one
    element, ``equality`` how elements compare with it: ``bits``, ``nan`` (any NaN) or ``complex``.
    """

    def __new__(
        cls,
        codecs: str,
        shape: Sequence[int],
        *,
        item_size: int,
        unit: int,
        big_endian: bool,
        fill: bytes,
        equality: str,
    ) -> CodecChain: ...
    @property
    def nbytes(self) -> int:
        """Bytes of a whole chunk in memory."""

    @property
    def is_plain(self) -> bool:
        """Stored bytes are the elements as they are in memory."""

    def read(
        self,
        path: str,
        reader: ChunkReader,
        selection: ChunkSelection,
        memory: Any,
        shape: Sequence[int],
        fetch_virtual: Callable[[list[ChunkRef], list[str]], Sequence[ReadableBuffer]],
    ) -> list[int]:
        """Put the selected elements of the array at ``path`` into ``memory``; the numbers of the chunks that were never written.

        ``memory`` is a one-dimensional NumPy array of uint8, holding an array of ``shape`` in C order.  Damaged chunks:
        ``FormatError(deserialization)``.
        """

    def write(
        self,
        path: str,
        reader: ChunkReader,
        selection: ChunkSelection,
        memory: Any,
        fetch_virtual: Callable[[list[ChunkRef], list[str]], Sequence[ReadableBuffer]],
        *,
        keep_empty: bool,
        inline_limit: int,
        ids: bytes | None,
        packs: bool,
        storage_class: str | None = None,
    ) -> ChunkChanges:
        """Encode and store the selected elements of ``memory``; what has to be recorded of each chunk.

        ``ids`` are 12 bytes for each chunk, or None to name chunks by their content.  With ``packs`` many small chunks
        share objects, each under the id of the first of its chunks.
        """

@final
class ChunkChanges:
    """What a write changed, to be recorded."""

    def __len__(self) -> int: ...
    def record_in(self, table: ChunkTable) -> None: ...
    @property
    def chunk_ids(self) -> list[bytes]:
        """The ids of the objects that were uploaded."""
