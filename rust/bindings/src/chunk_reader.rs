//! Coordinates in, bytes out.

use std::collections::BTreeMap;
use std::sync::Arc;

use frazil_core::ChunkReader as Core;
use frazil_core::chunk_reader::{CachedLookup, Chunk, ManifestEntry, Peek, ReadRange};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyOverflowError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::assets::Assets;
use crate::buffer::Buffer;
use crate::chunk_ref::ChunkRef;
use crate::chunk_table::ChunkTable;
use crate::coord_set::CoordSet;
use crate::error::{blocking, to_py};
use crate::ids::{Id8, Id12};
use crate::storage::SHORT_READ;

/// A manifest as Python names it: id, file size, extents.
type ManifestTuple = (Id12, u64, Vec<(u32, u32)>);

/// Columns as Python takes them.
type ColumnTuple<'py> = (
    Bound<'py, PyBytes>,
    Bound<'py, PyBytes>,
    Vec<String>,
    Bound<'py, PyBytes>,
    Bound<'py, PyBytes>,
    BTreeMap<usize, Buffer>,
);

/// Chunk coordinates; none if one of them is outside every possible grid.
pub struct Coords(Option<Vec<u32>>);

impl<'a, 'py> FromPyObject<'a, 'py> for Coords {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        match object.extract::<Vec<u32>>() {
            Ok(coords) => Ok(Self(Some(coords))),
            Err(error) if error.is_instance_of::<PyOverflowError>(object.py()) => Ok(Self(None)),
            Err(error) => Err(error),
        }
    }
}

/// A chunk as Python takes it.
pub fn chunk_to_py(py: Python<'_>, chunk: Chunk) -> PyResult<Option<Py<PyAny>>> {
    match chunk {
        Chunk::Missing => Ok(None),
        Chunk::Bytes(data) => Buffer::from(data).into_py_any(py).map(Some),
        Chunk::Virtual(reference) => ChunkRef::from(reference).into_py_any(py).map(Some),
    }
}

/// Coordinates in, bytes out, for one array as one session sees it.
///
/// `manifests` are (id, file size, extents) in node order; `changes` is the session's own table, looked up first.
#[pyclass(module = "frazil._core", frozen)]
pub struct ChunkReader {
    pub inner: Arc<Core>,
}

#[pymethods]
impl ChunkReader {
    #[new]
    #[pyo3(signature = (assets, node_id, num_chunks, manifests, changes))]
    fn new(
        assets: &Assets,
        node_id: Id8,
        num_chunks: Vec<u64>,
        manifests: Vec<ManifestTuple>,
        changes: Option<&ChunkTable>,
    ) -> Self {
        let manifests = manifests.into_iter().map(|(id, size, extents)| ManifestEntry { id: id.0, size, extents });
        let changes = changes.map(|changes| Arc::clone(&changes.inner));
        let assets = Arc::clone(&assets.inner);
        Self { inner: Arc::new(Core::new(assets, node_id.0, num_chunks, manifests.collect(), changes)) }
    }

    /// The reference of a chunk; None if it was never written, is outside the grid or has another rank.
    fn lookup(&self, py: Python<'_>, coords: Coords) -> PyResult<Option<ChunkRef>> {
        let Coords(Some(coords)) = coords else { return Ok(None) };
        let reference = match self.inner.lookup_cached(&coords).map_err(to_py)? {
            CachedLookup::Known(reference) => reference,
            CachedLookup::Unread => blocking(py, || self.inner.lookup(&coords))?,
        };
        Ok(reference.map(ChunkRef::from))
    }

    /// The bytes, or the reference itself, cut to the range, if it is virtual.  Ranges out of bounds: `invalid-byte-range`.
    #[pyo3(signature = (coords, start=None, end=None, suffix=None))]
    fn read(
        &self,
        py: Python<'_>,
        coords: Coords,
        start: Option<u64>,
        end: Option<u64>,
        suffix: Option<u64>,
    ) -> PyResult<Option<Py<PyAny>>> {
        let range = ReadRange::new(start, end, suffix).map_err(to_py)?;
        let Coords(Some(coords)) = coords else { return Ok(None) };
        let known = self.inner.peek(&coords, range).map_err(to_py)?;
        let quick =
            matches!(known, Peek::Ready(_)) || (known.is_short(SHORT_READ) && self.inner.assets().store().is_local());
        let finish = || self.inner.finish(known, &coords, range);
        let chunk = if quick { finish().map_err(to_py)? } else { blocking(py, finish)? };
        chunk_to_py(py, chunk)
    }

    /// Several whole chunks at once; ranges that touch in one object are fetched together.
    fn read_many(&self, py: Python<'_>, coords: Vec<Coords>) -> PyResult<Vec<Option<Py<PyAny>>>> {
        let inside: Vec<&[u32]> = coords.iter().filter_map(|coords| coords.0.as_deref()).collect();
        let mut chunks = blocking(py, || self.inner.read_many(&inside))?.into_iter();
        let chunk = |coords: &Coords| coords.0.as_ref().and_then(|_| chunks.next()).unwrap_or(Chunk::Missing);
        coords.iter().map(chunk).map(|chunk| chunk_to_py(py, chunk)).collect()
    }

    /// Every chunk that exists inside the grid, changes included.
    fn coords(&self, py: Python<'_>) -> PyResult<CoordSet> {
        blocking(py, || self.inner.coords()).map(CoordSet::from)
    }

    /// Rows `start` to `stop` of `coords` as (uint32 coordinates, uint8 kinds, paths, uint64 offsets, uint64 lengths,
    /// inline payloads by row).
    fn columns<'py>(&self, py: Python<'py>, start: usize, stop: usize) -> PyResult<ColumnTuple<'py>> {
        let columns = blocking(py, || self.inner.columns(start, stop))?;
        let numbers =
            |column: &[u64]| PyBytes::new(py, &column.iter().flat_map(|n| n.to_ne_bytes()).collect::<Vec<_>>());
        let coords: Vec<u8> = columns.coords.iter().flat_map(|n| n.to_ne_bytes()).collect();
        Ok((
            PyBytes::new(py, &coords),
            PyBytes::new(py, &columns.kinds),
            columns.paths,
            numbers(&columns.offsets),
            numbers(&columns.lengths),
            columns.inline.into_iter().map(|(row, data)| (row, Buffer::from(data))).collect(),
        ))
    }
}
