"""What sessions of either package do to data, as values that Hypothesis draws and both packages can repeat."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from hypothesis import strategies as st
from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec

PATHS = ["a", "b", "g", "g/a", "g/x", "g-x", "h/deep/er"]
KINDS = ["group", "array", "array", "write", "write", "write", "empty", "resize", "delete", "attributes", "virtual"]
TYPES = [
    *("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128", ">i4", ">f8", "string"),
]
SHAPES: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
    ((), ()),
    ((7,), (2,)),
    ((12,), (1,)),
    ((5, 4), (2, 3)),
    ((3, 4, 5), (1, 2, 5)),
    ((2, 3, 2, 3), (2, 1, 1, 3)),
    ((0,), (3,)),
    ((6, 0), (2, 2)),
]
"""Shapes with their chunks."""
CODECS = ["none", "default", "gzip", "blosc", "zstd", "sharded"]
VIRTUAL_FILE = "part one.bin"


@dataclass(frozen=True)
class Edit:
    """One change; where it does not apply it does nothing."""

    kind: str
    path: str
    seed: int = 0
    dtype: str = "int32"
    layout: int = 1
    codec: str = "default"


def edits(kinds: list[str] = KINDS, paths: list[str] = PATHS) -> st.SearchStrategy[Edit]:
    return st.builds(
        Edit,
        st.sampled_from(kinds),
        st.sampled_from(paths),
        st.integers(0, 9),
        st.sampled_from(TYPES),
        st.integers(0, len(SHAPES) - 1),
        st.sampled_from(CODECS),
    )


def make_external(folder: Path) -> None:
    """The file that virtual references lead to."""
    folder.mkdir(exist_ok=True)
    (folder / VIRTUAL_FILE).write_bytes(np.arange(100, dtype="<i4").tobytes())


def make(edit: Edit, session: Any, external: Path) -> None:
    """Make the edit in a session of either package."""
    root = zarr.open_group(session.store, mode="a", zarr_format=3)
    there = root.get(edit.path)
    if edit.kind == "group":
        if there is None and make_room(edit, root):
            root.require_group(edit.path)
    elif edit.kind == "array":
        create_array(edit, root)
    elif edit.kind == "virtual":
        refer(edit, session, root, external)
    elif there is None:
        return
    elif edit.kind == "delete":
        del root[edit.path]
    elif edit.kind == "attributes":
        there.attrs["number"] = edit.seed
    elif isinstance(there, zarr.Array):
        change_array(edit, there)


def make_room(edit: Edit, root: zarr.Group) -> bool:
    """Delete what is at the path; False if something above it is an array."""
    above = edit.path.rpartition("/")[0]
    while above:
        if isinstance(root.get(above), zarr.Array):
            return False
        above = above.rpartition("/")[0]
    if edit.path in root:
        del root[edit.path]
    return True


def create_array(edit: Edit, root: zarr.Group) -> None:
    if not make_room(edit, root):
        return
    shape, chunks = SHAPES[edit.layout]
    more: dict[str, Any] = {}
    if edit.codec == "sharded" and shape and 0 not in shape:
        more = {"shards": tuple(2 * size for size in chunks)}
    compressors: Any = {
        "none": None,
        "gzip": GzipCodec(),
        "blosc": BloscCodec(cname="lz4"),
        "zstd": ZstdCodec(level=3),
    }.get(edit.codec, "auto")
    if edit.seed % 2 and shape:
        more["dimension_names"] = [f"d{number}" for number in range(len(shape))]
    array = root.create_array(
        edit.path,
        shape=shape,
        chunks=chunks,
        dtype=str if edit.dtype == "string" else edit.dtype,
        compressors=compressors,
        attributes={"seed": edit.seed},
        **more,
    )
    if edit.seed > 1:
        array[...] = values(edit.seed, array)


def change_array(edit: Edit, array: zarr.Array[Any]) -> None:
    if edit.kind == "resize" and array.shape:
        array.resize(tuple(max(0, size - 3 + edit.seed % 7) for size in array.shape))
    elif edit.kind == "empty":
        array[...] = array.fill_value
    elif edit.kind == "write":
        half = tuple(slice(None if edit.seed % 2 else size // 2, None) for size in array.shape)
        array[half] = values(edit.seed, array)[half]


def values(seed: int, array: zarr.Array[Any]) -> Any:
    """Data of the array's type and shape."""
    drawn = np.random.default_rng(seed).integers(0, 100, array.shape)
    if array.dtype.kind in "OTU":
        return np.asarray(drawn.astype("U3"), dtype=array.dtype)
    return (drawn % 2 if array.dtype.kind == "b" else drawn).astype(array.dtype)


def refer(edit: Edit, session: Any, root: zarr.Group, external: Path) -> None:
    """An array of virtual chunks, with a hole and one of its own."""
    if not make_room(edit, root):
        return
    array = root.create_array(
        edit.path, shape=(8,), chunks=(2,), dtype="<i4", compressors=None, filters=None, fill_value=-1
    )
    for chunk in (0, 2):
        offset = 8 * (edit.seed + chunk)
        session.store.set_virtual_ref(
            f"{edit.path}/c/{chunk}", f"file://{external}/{VIRTUAL_FILE}", offset=offset, length=8
        )
    array[6:] = edit.seed


# ---- what is there ---------------------------------------------------------------------------------------------------


def seen(session: Any) -> dict[str, Any]:
    """Every array and group as zarr gives it, and how each chunk is stored."""
    root = zarr.open_group(session.store, mode="r")
    found: dict[str, Any] = {"/": dict(root.attrs)}
    for path, node in root.members(max_depth=None):
        found[path] = {"attributes": dict(node.attrs)}
        if isinstance(node, zarr.Array):
            data = np.asarray(node[...])
            found[path] |= {
                "metadata": node.metadata.to_dict(),
                "data": data.tolist() if data.dtype.kind in "OTU" else data.tobytes(),
            }
    return found
