"""From planned steps to manifest files: merges references, cuts them to size, packs small ones together."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from frazil._core import Manifest, ManifestBuilder, MergedRefs
from frazil.changes.change_set import with_manifests
from frazil.commit import layout
from frazil.commit.split import Keep, Step, Write, manifests_to_read, plan_array, split_edges
from frazil.errors import FormatError
from frazil.format import keys
from frazil.format.ids import ManifestId, NodeId
from frazil.format.node_path import NodePath
from frazil.format.records import Extents, ManifestFile, ManifestRef, NodeRecord
from frazil.working_tree import WorkingTree, array_of

if TYPE_CHECKING:
    from frazil.config import ManifestSplittingConfig

_MAX_BYTES: Final = 7 << 28
"""Of a decompressed manifest; readers refuse 2 GiB (format section 3.7), and this is held against an estimate."""

_ANY_NUMBER: Final = 1 << 32
_MOST_REFS: Final = 50_000
_TARGET_REFS: Final = 32_768
"""A manifest of a large array: reading one takes some ten milliseconds, and a hundred million references need 3,000."""

_SHARES_BELOW: Final = 1_000
"""References of an array that go into a file with those of other arrays, if a commit changes many."""

_SHARED_REFS: Final = 10_000
_SHARED_INLINE_BYTES: Final = 8 << 20
"""What a shared file holds at most: whoever reads one array reads all of it."""

_KEPT_REFS: Final = 1 << 21
"""References of one commit whose manifests stay in memory for the next."""

_ENCODERS: Final = min(4, os.cpu_count() or 1)


ManifestContent: TypeAlias = Hashable
"""Names what a manifest was made of: equal names, equal references."""


@dataclass(frozen=True, slots=True)
class NewManifest:
    """A manifest file that the base does not list.

    ``data`` is None if an attempt before has stored it.  ``manifest`` is it as read, or None if the caches have it or
    there are too many to keep.
    """

    file: ManifestFile
    data: bytes | None
    manifest: Manifest | None
    content: ManifestContent


@dataclass(frozen=True, slots=True)
class _Part:
    """Consecutive references of one array, and where their manifest goes in its list."""

    refs: MergedRefs
    start: int
    stop: int
    extents: Extents
    place: tuple[NodeId, int]
    source: tuple[Hashable, ...]
    """Names everything that ``refs`` were merged from."""

    @property
    def content(self) -> Hashable:
        return self.source, self.start, self.stop

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(slots=True)
class _Lists:
    """The manifests of each array under construction."""

    refs: dict[NodeId, list[ManifestRef | None]] = field(default_factory=dict)

    def keep(self, node_id: NodeId, ref: ManifestRef) -> None:
        self.refs[node_id].append(ref)

    def reserve(self, node_id: NodeId) -> tuple[NodeId, int]:
        found = self.refs[node_id]
        found.append(None)
        return node_id, len(found) - 1

    def fill(self, parts: Sequence[_Part], manifest_id: ManifestId) -> None:
        for part in parts:
            node_id, at = part.place
            self.refs[node_id][at] = ManifestRef(manifest_id, part.extents)

    def of(self, node_id: NodeId) -> tuple[ManifestRef, ...]:
        return tuple(ref for ref in self.refs[node_id] if ref is not None)


def build(
    tree: WorkingTree, arrays: Sequence[NodeRecord], *, rewrite: bool
) -> tuple[list[NodeRecord], list[NewManifest]]:
    """The arrays with the manifests that they have after the commit, and those of them that are new."""
    splitting = tree.context.config.effective_manifest().splitting
    configured = _is_configured(splitting)
    changed = sum(1 for node in arrays if tree.changes.chunks.get(node.id))
    many = changed > layout.MANY_ARRAYS and not rewrite and not configured
    plans: dict[NodePath, list[Step]] = {}
    large: set[NodePath] = set()
    for node in arrays:
        changes, array = tree.changes.chunks.get(node.id), array_of(node)
        sizes = {} if configured else _num_refs(tree, node)
        if configured or not (many or layout.is_large(array, sizes, changes)):
            plans[node.path] = plan_array(array, split_edges(node.path, array, splitting), changes, rewrite=rewrite)
            continue
        large.add(node.path)
        plans[node.path] = layout.plan_anew(array, changes) if rewrite else layout.plan_layout(array, sizes, changes)
    old = _load(tree, plans)
    writer = _Writer(tree)
    for node in arrays:
        writer.add(node, plans[node.path], old, cut=node.path in large, share=many)
    made = writer.finish()
    return [with_manifests(node, writer.lists.of(node.id)) for node in arrays], made


def _content(parts: Sequence[_Part]) -> ManifestContent:
    return tuple(part.content for part in parts)


def _is_configured(splitting: ManifestSplittingConfig | None) -> bool:
    return splitting is not None and splitting.split_sizes is not None


def _num_refs(tree: WorkingTree, node: NodeRecord) -> dict[ManifestId, int]:
    """How many references the files have that an array's manifests are in."""
    found = {}
    for ref in array_of(node).manifests:
        listed = tree.base.manifest_file(ref.id)
        found[ref.id] = listed[2] if listed is not None else 0
    return found


def _load(tree: WorkingTree, plans: Mapping[NodePath, Sequence[Step]]) -> dict[ManifestId, Manifest]:
    """Every old manifest that a plan reads."""
    wanted = manifests_to_read(plans)
    sizes = {ref.id: tree.base.manifest_file(ref.id) for ref in wanted}
    missing = next((manifest_id for manifest_id, listed in sizes.items() if listed is None), None)
    if missing is not None:
        raise FormatError(
            f"manifest information cannot be found for `{keys.manifest(missing)}`: the snapshot "
            f"`{keys.snapshot(tree.base_id)}` refers to it but does not list it",
            kind="manifest-info-not-found",
        )
    files = [(manifest_id, listed[1]) for manifest_id, listed in sizes.items() if listed is not None]
    concurrency = tree.context.config.effective_manifest().max_concurrent_manifest_fetches_during_commit or 0
    return dict(zip(sizes, tree.context.assets.manifests(files, concurrency=concurrency), strict=True))


class _Writer:
    """Builds manifest files array by array."""

    def __init__(self, tree: WorkingTree) -> None:
        self.lists = _Lists()
        self._tree = tree
        self._made: list[NewManifest] = []
        self._kept = 0
        self._shared: list[_Part] = []
        threshold = tree.context.config.effective_inline_threshold()
        self._most_shared = min(_SHARED_REFS, _SHARED_INLINE_BYTES // max(1, threshold))
        # Stays empty; builders made like it share one dictionary for locations, which takes as long to train as 1,000
        # references to encode.
        self._pattern = ManifestBuilder()

    def add(
        self, node: NodeRecord, steps: Sequence[Step], old: Mapping[ManifestId, Manifest], *, cut: bool, share: bool
    ) -> None:
        """Do the steps of one array; ``cut`` what is too many references, ``share`` files with other arrays."""
        self.lists.refs[node.id] = []
        for step in steps:
            if isinstance(step, Keep):
                self.lists.keep(node.id, step.manifest)
                continue
            parts = self._parts(node, step, old, cut=cut)
            if share and len(parts) == 1 and len(parts[0]) < _SHARES_BELOW:
                self._put_together(parts[0])
            else:
                self._write([[part] for part in parts])

    def finish(self) -> list[NewManifest]:
        """Every file, the shared ones last."""
        self._write_shared()
        return self._made

    def _parts(self, node: NodeRecord, step: Write, old: Mapping[ManifestId, Manifest], *, cut: bool) -> list[_Part]:
        changes = self._tree.changes.chunks.get(node.id) if step.touched else None
        merged = MergedRefs(node.id, step.region, [old[ref.id] for ref in step.old], changes)
        most, target = (_MOST_REFS, _TARGET_REFS) if cut else (_ANY_NUMBER, _ANY_NUMBER)
        source = (node.id, step.region, tuple(ref.id for ref in step.old), merged.changes_state)
        return [
            _Part(merged, start, stop, extents, self.lists.reserve(node.id), source)
            for start, stop, extents in merged.runs(most=most, target=target, nbytes=_MAX_BYTES)
        ]

    def _put_together(self, part: _Part) -> None:
        full = sum(len(other) for other in self._shared) + len(part) > self._most_shared
        # A file holds the references of an array in one list.
        if full or any(other.place[0] == part.place[0] for other in self._shared):
            self._write_shared()
        self._shared.append(part)

    def _write_shared(self) -> None:
        if self._shared:
            self._write([self._shared])
            self._shared = []

    def _write(self, files: Sequence[Sequence[_Part]]) -> None:
        """Make a file of each group of parts, several at once, but for those that an attempt before has stored."""
        named = [(self._tree.context.ids.manifest_id(), parts) for parts in files if not self._reuse(parts)]
        if not named:
            return
        # The first trains the dictionary that the others then share, whichever of them is encoded first.
        for manifest_id, parts in named[:1]:
            self._took(manifest_id, parts, self._encode(manifest_id, parts))
        if len(named) == 1:
            return
        with ThreadPoolExecutor(_ENCODERS, thread_name_prefix="frazil-encode") as pool:
            encoded = pool.map(lambda file: self._encode(*file), named[1:])
            for (manifest_id, parts), result in zip(named[1:], encoded, strict=True):
                self._took(manifest_id, parts, result)

    def _reuse(self, parts: Sequence[_Part]) -> bool:
        content = _content(parts)
        stored = self._tree.stored_manifests.get(content)
        if stored is None:
            return False
        self._made.append(NewManifest(stored, None, None, content))
        self.lists.fill(parts, stored.id)
        return True

    def _took(self, manifest_id: ManifestId, parts: Sequence[_Part], encoded: tuple[bytes, Manifest]) -> None:
        data, manifest = encoded
        count = sum(len(part) for part in parts)
        self._kept += count
        kept = manifest if self._kept <= _KEPT_REFS or not self._made else None
        self._made.append(NewManifest(ManifestFile(manifest_id, len(data), count), data, kept, _content(parts)))
        self.lists.fill(parts, manifest_id)

    def _encode(self, manifest_id: ManifestId, parts: Sequence[_Part]) -> tuple[bytes, Manifest]:
        """A file as this repository is configured to write it."""
        builder = ManifestBuilder(like=self._pattern)
        for part in parts:
            builder.add(part.refs, part.start, part.stop)
        context = self._tree.context
        locations = context.config.effective_manifest().effective_location_compression()
        return builder.finish(
            id=manifest_id,
            spec_version=context.spec_version,
            writer=context.writer,
            level=context.config.effective_compression_level(),
            min_virtual_refs=locations.min_num_chunks,
            dictionary_samples=locations.dictionary_max_training_samples,
            dictionary_bytes=locations.dictionary_max_size_bytes,
            location_level=locations.compression_level,
        )
