"""Steps that change what a session sees."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.stateful import views
from tests.stateful.repository.base import Base, Open
from tests.stateful.trees import (
    Node,
    all_coords,
    array_document,
    chunk_data,
    group_document,
    is_below,
    parent_of,
)

PATHS = ["/a", "/b", "/g", "/g/a", "/g/x", "/g/h", "/g/h/a", "/g-a", "/h"]
GRIDS = st.sampled_from([(), (1,), (3,), (6,), (2, 2), (1, 3)])
SMALL = st.integers(0, 3)


class Editing(Base):
    """Nodes and chunks, and moves in rearrange sessions."""

    def editor(self, data: st.DataObject) -> Open:
        return self.drawn(data, "writable") or self.open_session("main", "writable")

    @rule(data=st.data(), path=st.sampled_from(PATHS), version=SMALL)
    def create_group(self, data: st.DataObject, path: str, version: int) -> None:
        opened = self.editor(data)
        node = opened.draft.tree.get(path)
        if node is None:
            self.make_group(opened, path, version)
        elif node.is_array:
            document = group_document(version)
            self.expect("node-already-exists", lambda: views.put(opened.session, views.key_of(path), document))
        else:
            views.put(opened.session, views.key_of(path), group_document(version))
            opened.draft.update(path, group_document(version))

    @rule(data=st.data(), path=st.sampled_from(PATHS), version=SMALL, grid=GRIDS, fill=st.booleans())
    def create_array(self, data: st.DataObject, path: str, version: int, grid: tuple[int, ...], fill: bool) -> None:
        opened = self.editor(data)
        if path in opened.draft.tree:
            views.delete(opened.session, views.key_of(path))
            opened.draft.delete(path)
        document = array_document(version, grid)
        views.put(opened.session, views.key_of(path), document)
        opened.draft.create(path, Node(next(self.numbers), document, grid))
        for coords in all_coords(grid) if fill else []:
            self.write_chunk(opened, path, coords, next(self.numbers))

    def an_array(self, data: st.DataObject) -> tuple[Open, str, tuple[int, ...]] | None:
        opened = self.editor(data)
        arrays = sorted(path for path, node in opened.draft.tree.items() if node.is_array)
        if not arrays:
            return None
        path = data.draw(st.sampled_from(arrays))
        grid = opened.draft.tree[path].grid
        assert grid is not None
        return opened, path, grid

    def write_chunk(self, opened: Open, path: str, coords: tuple[int, ...], value: int) -> None:
        payload = chunk_data(value, coords)
        views.put(opened.session, views.key_of(path, coords), payload)
        opened.draft.write(path, coords, payload)

    @rule(data=st.data(), again=st.booleans())
    def write(self, data: st.DataObject, again: bool) -> None:
        """Bytes that were never there; where chunks are named by their bytes, sometimes some that were."""
        found = self.an_array(data)
        if found is not None:
            opened, path, grid = found
            coords = data.draw(st.sampled_from(all_coords(grid)))
            value = next(self.numbers)
            if again and self.content_ids:
                value = data.draw(st.integers(max(1, value - 20), value))
            self.write_chunk(opened, path, coords, value)

    @rule(data=st.data())
    def erase(self, data: st.DataObject) -> None:
        found = self.an_array(data)
        if found is not None:
            opened, path, grid = found
            coords = data.draw(st.sampled_from(all_coords(grid)))
            views.delete(opened.session, views.key_of(path, coords))
            opened.draft.write(path, coords, None)

    @rule(
        data=st.data(), version=SMALL, grids=st.sampled_from([{0: (), 1: (2,), 2: (2, 1)}, {0: (), 1: (5,), 2: (2, 3)}])
    )
    def resize(self, data: st.DataObject, version: int, grids: dict[int, tuple[int, ...]]) -> None:
        found = self.an_array(data)
        if found is not None:
            opened, path, old = found
            grid = grids[len(old)]
            document = array_document(version, grid)
            for coords in opened.draft.resize(path, document, grid):
                views.delete(opened.session, views.key_of(path, coords))
            views.put(opened.session, views.key_of(path), document)

    @rule(data=st.data(), by=st.integers(-2, 2), whole=st.booleans())
    def shift(self, data: st.DataObject, by: int, whole: bool) -> None:
        found = self.an_array(data)
        if found is not None:
            opened, path, grid = found
            offset = tuple(by if whole or axis == 0 else 0 for axis in range(len(grid)))
            opened.session.shift_array(path, offset)
            opened.draft.shift(path, offset)

    @rule(data=st.data(), clear=st.booleans(), keep=st.integers(1, 3))
    def reindex(self, data: st.DataObject, clear: bool, keep: int) -> None:
        """Turn the array round; chunks whose indices sum up to a multiple of ``keep`` only."""
        found = self.an_array(data)
        if found is not None:
            opened, path, grid = found

            def forward(coords: Any) -> tuple[int, ...] | None:
                target = tuple(count - 1 - index for index, count in zip(coords, grid, strict=True))
                return target if sum(coords) % keep == 0 else None

            def backward(coords: Any) -> tuple[int, ...] | None:
                source = tuple(count - 1 - index for index, count in zip(coords, grid, strict=True))
                return source if sum(source) % keep == 0 else None

            opened.session.reindex_array(path, forward, backward if clear else None)
            opened.draft.reindex(path, forward, clear=clear)

    @rule(data=st.data(), path=st.sampled_from(PATHS))
    def delete_node(self, data: st.DataObject, path: str) -> None:
        opened = self.editor(data)
        views.delete(opened.session, views.key_of(path))
        if path in opened.draft.tree:
            opened.draft.delete(path)

    @precondition(lambda self: any(o.mode == "rearrange" for o in self.open))
    @rule(data=st.data(), to=st.sampled_from(PATHS))
    def move(self, data: st.DataObject, to: str) -> None:
        opened = self.drawn(data, "rearrange")
        assert opened is not None
        tree = opened.draft.tree
        source = data.draw(st.sampled_from([*sorted(tree), "/absent"]))
        parent = tree.get(parent_of(to))
        refusal = None
        if source not in tree:
            refusal = "node-not-found"
        elif source == "/" or to == source or is_below(to, source):
            refusal = "move-into-self-or-descendant"
        elif to in tree:
            refusal = "move-wont-overwrite"
        elif parent is None:
            refusal = "move-destination-parent-missing"
        elif parent.is_array:
            refusal = "move-destination-parent-not-group"
        self.expect(refusal, lambda: opened.session.move(source, to))
        if refusal is None:
            opened.draft.move(source, to)
        self.expect("rearrange-session-only", lambda: views.put(opened.session, "n/zarr.json", group_document(0)))
