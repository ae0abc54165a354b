"""Bytes in and out of a working tree by Zarr key: the store without Zarr's types."""

from __future__ import annotations

from collections.abc import Iterator

from frazil._core import Buffer, ChunkRef, Completions, CoordSet, Fetch, KeyReader, chunk_label
from frazil.concurrency.completions import of_running_loop
from frazil.concurrency.offload import run_in_thread
from frazil.errors import (
    InvalidInputError,
    NodeNotFoundError,
    ReadOnlyError,
    SessionStateError,
    operation,
)
from frazil.format import keys as object_keys
from frazil.format import zarr_metadata
from frazil.format.ids import ChunkId, content_chunk_id
from frazil.format.node_path import NodePath
from frazil.format.records import NodeRecord
from frazil.pickling import PicklesSlots
from frazil.store import listing, zarr_keys
from frazil.store.zarr_keys import ChunkKey, MetadataKey, StrayChunkKey, V2Key, ensure_unicode, invalid_key
from frazil.virtual.reading import read_virtual
from frazil.working_tree import WorkingTree

ReadableBytes = bytes | bytearray | memoryview | Buffer

_UNKNOWN = KeyReader.UNKNOWN
_MUST_WAIT = Completions.MUST_WAIT


class RawStore(PicklesSlots):
    """A Zarr store that speaks bytes.

    Blocking throughout; ``get`` and ``set`` have coroutine forms for callers that expect the compiled store of the
    official package here.
    """

    __slots__ = ("tree",)

    def __init__(self, tree: WorkingTree) -> None:
        self.tree = tree

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RawStore) and other.tree is self.tree

    def __hash__(self) -> int:
        return hash(id(self.tree))

    # ---- reading ---------------------------------------------------------------------------------------------------

    def read(
        self, key: str, start: int | None = None, end: int | None = None, suffix: int | None = None
    ) -> Buffer | None:
        """The bytes of a key, or [start, end) of them, or the last ``suffix``; None if it does not exist."""
        found = self.find(key, start, end, suffix)
        return self.fetch(key, found) if isinstance(found, ChunkRef) else found

    def find(
        self, key: str, start: int | None = None, end: int | None = None, suffix: int | None = None
    ) -> Buffer | ChunkRef | None:
        """As ``read``, but of a virtual chunk the reference, cut to the range, which ``fetch`` takes."""
        try:
            found = self.tree.keys.read(key, start, end, suffix)
        except UnicodeEncodeError:
            raise invalid_key(key) from None
        if found is _UNKNOWN:
            with operation("get", key=key):
                found = self._resolve(key, start, end, suffix)
        assert found is None or isinstance(found, Buffer | ChunkRef)
        return found

    async def get_from_afar(
        self, key: str, start: int | None = None, end: int | None = None, suffix: int | None = None
    ) -> Buffer | None:
        """As ``read``, for a store on a network: other coroutines run while it waits."""
        ensure_unicode(key)
        reads = of_running_loop()
        found: object = _MUST_WAIT
        if reads is not None:
            found = reads.completions.read(self.tree.keys, key, start, end, suffix)
            if found is _UNKNOWN:
                if self._is_in_memory(key):
                    return self.read(key, start, end, suffix)
                await run_in_thread(self._prepare, key)
                found = reads.completions.read(self.tree.keys, key, start, end, suffix)
            if isinstance(found, Fetch):
                return await reads.result(found)
        if found is _UNKNOWN or found is _MUST_WAIT:
            return await run_in_thread(self.read, key, start, end, suffix)
        if isinstance(found, ChunkRef):
            return await run_in_thread(self.fetch, key, found)
        assert found is None or isinstance(found, Buffer)
        return found

    def _is_in_memory(self, key: str) -> bool:
        """Whether the snapshot is there, and answers all that can be asked of the key."""
        with operation("get", key=key):
            return self.tree.is_loaded and not isinstance(self.parse(key), ChunkKey)

    def _prepare(self, key: str) -> None:
        """Read what has to be known before the key can be looked up at once: the snapshot, the manifest."""
        with operation("get", key=key):
            parsed = self.parse(key)
            if isinstance(parsed, ChunkKey) and parsed.coords is not None:
                self.tree.register(parsed.node)
                self.tree.chunk_reader(parsed.node).lookup(parsed.coords)

    def fetch(self, key: str, ref: ChunkRef) -> Buffer:
        """The bytes of a virtual chunk."""
        with operation("get", key=key):
            return read_virtual(self.tree.context, ref, lambda: self._label(key))

    def _label(self, key: str) -> str | None:
        """What requests for a chunk say of it."""
        parsed = self.parse(key)
        if isinstance(parsed, ChunkKey) and parsed.coords is not None:
            return chunk_label(parsed.node.path, parsed.coords)
        return None

    def is_quick(self, ref: ChunkRef) -> bool:
        """Whether the source of a virtual chunk answers without a network; also if it cannot be found, which is quick."""
        context = self.tree.context
        return ref.location is None or context.virtual.is_local(ref.location, context.attribution)

    def _resolve(self, key: str, start: int | None, end: int | None, suffix: int | None) -> Buffer | ChunkRef | None:
        """Find the node in Python, and let the extension answer for it from now on."""
        found = self.parse(key)
        if isinstance(found, V2Key):
            return None
        if isinstance(found, StrayChunkKey):
            self._refuse_group(found)
            return None
        node = found.node if isinstance(found, ChunkKey) else self.tree.node(found.path)
        if node is None:
            return None
        self.tree.register(node)
        if isinstance(found, MetadataKey):
            return Buffer(node.user_data)[_clamped(len(node.user_data), start, end, suffix)]
        if found.coords is None:
            return None
        return self.tree.chunk_reader(node).read(found.coords, start, end, suffix)

    def parse(self, key: str) -> zarr_keys.Key:
        return zarr_keys.parse(key, self.tree.node)

    def _refuse_group(self, key: StrayChunkKey) -> None:
        if self.tree.node(key.path) is not None:
            raise InvalidInputError(f"not an array: `{key.path}` is a group and has no chunks", kind="not-an-array")

    def exists(self, key: str) -> bool:
        ensure_unicode(key)
        found = self.tree.keys.exists(key)
        if isinstance(found, bool):
            return found
        with operation("exists", key=key):
            parsed = self._parse_and_register(key)
            if isinstance(parsed, V2Key):
                return False
            if isinstance(parsed, MetadataKey):
                return self.tree.node(parsed.path) is not None
            return self._chunk_ref(parsed) is not None

    def _parse_and_register(self, key: str) -> zarr_keys.Key:
        """What a key names; from now on the extension answers for its node."""
        parsed = self.parse(key)
        node = parsed.node if isinstance(parsed, ChunkKey) else None
        if isinstance(parsed, MetadataKey):
            node = self.tree.node(parsed.path)
        if node is not None:
            self.tree.register(node)
        return parsed

    def _chunk_ref(self, key: ChunkKey | StrayChunkKey) -> ChunkRef | None:
        if isinstance(key, StrayChunkKey):
            self._refuse_group(key)
            return None
        return self.tree.chunk_reader(key.node).lookup(key.coords) if key.coords is not None else None

    def size(self, key: str) -> int:
        """Stored bytes of a key: 0 for a chunk that does not exist, an error for metadata that does not."""
        ensure_unicode(key)
        found = self.tree.keys.size(key)
        if isinstance(found, int):
            return found
        with operation("getsize", key=key):
            parsed = self._parse_and_register(key)
            if isinstance(parsed, MetadataKey):
                return len(self.tree.existing_node(parsed.path).user_data)
            if isinstance(parsed, V2Key):
                raise NodeNotFoundError(f"key not found: `{key}` is a Zarr format 2 key", kind="key-not-found")
            ref = self._chunk_ref(parsed)
            return ref.length if ref is not None else 0

    # ---- writing ---------------------------------------------------------------------------------------------------

    def write(self, key: str, value: ReadableBytes) -> None:
        """Store a metadata document or a chunk; chunks larger than the inline threshold are uploaded at once."""
        with operation("set", key=key):
            self.ensure_writable()
            parsed = self.parse(key)
            if isinstance(parsed, MetadataKey):
                self.tree.set_metadata(parsed.path, bytes(value))
            elif isinstance(parsed, ChunkKey):
                self._write_chunk(key, parsed, value)
            elif isinstance(parsed, StrayChunkKey):
                self._refuse_group(parsed)
                raise NodeNotFoundError(
                    f"node not found at `{parsed.path}`; create the array before its chunks", kind="node-not-found"
                )
            else:
                raise _v2_not_supported(key)

    def ensure_writable(self) -> None:
        if self.tree.read_only:
            raise ReadOnlyError(
                "cannot write to read-only store: the store was opened in read-only mode and does not support writing; "
                "open a writable session to write",
                kind="read-only-store",
            )

    def _write_chunk(self, key: str, parsed: ChunkKey, value: ReadableBytes) -> None:
        length = memoryview(value).nbytes
        if length == 0:
            raise InvalidInputError(
                f"chunks of length zero cannot be stored (key `{key}`); delete the key to leave the chunk out",
                kind="zero-length-chunk",
            )
        if parsed.coords is None:
            counts = list(parsed.node.array.num_chunks) if parsed.node.array else []
            raise InvalidInputError(
                f"invalid chunk index in key `{key}`: the chunk grid is {counts}", kind="invalid-chunk-index"
            )
        self.tree.ensure_editable()
        self.tree.check_coords(parsed.node, parsed.coords)
        self.tree.set_chunk(parsed.node, parsed.coords, self._stored(value, length, parsed.node, parsed.coords))

    def _stored(self, value: ReadableBytes, length: int, node: NodeRecord, coords: tuple[int, ...]) -> ChunkRef:
        """Put the bytes where they belong by their size, and say where that is."""
        context = self.tree.context
        if length <= context.config.effective_inline_threshold():
            return ChunkRef.inline(value)
        if context.content_ids:
            chunk_id = content_chunk_id(value)
            if not self.tree.has_uploaded(chunk_id):
                self._upload(chunk_id, value, node, coords)
                self.tree.note_upload(chunk_id)
        else:
            chunk_id = context.ids.chunk_id()
            self._upload(chunk_id, value, node, coords)
        return ChunkRef.native(chunk_id, 0, length)

    def _upload(self, chunk_id: ChunkId, value: ReadableBytes, node: NodeRecord, coords: tuple[int, ...]) -> None:
        context = self.tree.context
        settings = context.config.effective_storage()
        storage_class = settings.chunks_storage_class or settings.storage_class
        context.objects.put(
            object_keys.chunk(chunk_id),
            value,
            storage_class=storage_class,
            fresh=not context.content_ids,
            label=None if context.objects.is_local else chunk_label(node.path, coords),
        )

    def write_new(self, key: str, value: ReadableBytes) -> None:
        """Store a value unless there already is one."""
        with self.tree.lock:
            if not self.exists(key):
                self.write(key, value)

    def delete(self, key: str) -> None:
        """Delete a node (a group with all below it) or a chunk; what does not exist is no error."""
        with operation("delete", key=key):
            parsed = self.parse(key)
            if isinstance(parsed, MetadataKey):
                if self.tree.node(parsed.path) is not None:
                    self.ensure_writable()
                    self.tree.delete_node(parsed.path)
            elif (
                isinstance(parsed, ChunkKey)
                and parsed.coords is not None
                and self.tree.in_grid(parsed.node, parsed.coords)
            ):
                self.ensure_writable()
                self.tree.delete_chunk(parsed.node, parsed.coords)

    def delete_dir(self, prefix: str) -> None:
        """Delete the node at a prefix with all below it, or the chunks whose keys lie below it."""
        with operation("delete_dir", prefix=prefix):
            self.ensure_writable()
            path = zarr_keys.path_of(prefix)
            if path == "/":
                self.tree.clear()
            elif self.tree.node(path) is not None:
                self.tree.delete_node(path)
            else:
                self._delete_chunks_below(path)

    def _delete_chunks_below(self, path: NodePath) -> None:
        array = listing.nearest_array(self.tree, path)
        if array is None:
            return
        encode = zarr_metadata.parse(array.user_data).key_encoding.encode
        before, inside = zarr_keys.chunk_key_prefix(array.path), path[1:]
        chosen = []
        for coords in self.tree.chunk_reader(array).coords():
            key = before + encode(coords)
            if key == inside or key.startswith(f"{inside}/"):
                chosen.append(coords)
        if chosen:
            self.tree.delete_chunks(array, CoordSet(chosen))

    def clear(self) -> None:
        """Delete every node."""
        self.ensure_writable()
        self.tree.clear()

    # ---- listing ---------------------------------------------------------------------------------------------------

    def keys(self, prefix: str = "") -> Iterator[str]:
        return listing.keys_below(self.tree, prefix)

    def names(self, prefix: str) -> Iterator[str]:
        return listing.names_in(self.tree, prefix)

    # ---- coroutine forms -------------------------------------------------------------------------------------------

    async def get(self, key: str) -> bytes:
        """The bytes of a key; ``KeyError`` if it does not exist."""
        found = self.read(key)
        if found is None:
            raise KeyError(key)
        return bytes(found)

    async def set(self, key: str, value: ReadableBytes) -> None:
        self.write(key, value)


def _clamped(length: int, start: int | None, end: int | None, suffix: int | None) -> slice:
    """A range of a metadata document: out of bounds is clamped, a suffix is the last bytes (format section 14.2)."""
    if suffix is not None:
        return slice(max(length - suffix, 0), length)
    return slice(start or 0, length if end is None else end)


def _v2_not_supported(key: str) -> SessionStateError:
    return SessionStateError(
        f"unimplemented: `{key}` is metadata of Zarr format 2, and only format 3 is stored here; "
        "pass zarr_format=3, and consolidated=False to xarray",
        kind="unimplemented",
    )
