//! The chunk references that one session has set or deleted in one array.

use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

use frazil_core::assets::ChunkRange;
use frazil_core::chunk_table::{RowView, VirtualColumns};
use frazil_core::{Change, ChunkTable as Core, Spread};
use pyo3::IntoPyObjectExt;
use pyo3::buffer::{Element, PyBuffer};
use pyo3::exceptions::{PyBufferError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMemoryView, PySlice, PyTuple};

use crate::buffer::bytes_of;
use crate::chunk_ref::{ChunkRef, checksum};
use crate::coord_set::CoordSet;
use crate::error::{blocking, to_py};
use crate::extents::extents_to_py;
use crate::location_column::LocationColumn;
use crate::storage::ObjectStore;

/// How many changes lie within a box of the grid, given by its extents.
type ChangesWithin<'py> = (Bound<'py, PyTuple>, usize);

/// The chunk references that one session has set or deleted in one array.
#[pyclass(module = "frazil._core", frozen)]
pub struct ChunkTable {
    pub inner: Arc<Core>,
}

#[pymethods]
impl ChunkTable {
    #[new]
    fn new(ndim: usize) -> Self {
        Self { inner: Arc::new(Core::new(ndim)) }
    }

    fn set(&self, coords: Vec<u32>, r#ref: &ChunkRef) -> PyResult<()> {
        self.inner.set(&coords, Change::Set(r#ref.inner.clone())).map_err(to_py)
    }

    fn delete(&self, coords: Vec<u32>) -> PyResult<()> {
        self.inner.set(&coords, Change::Deleted).map_err(to_py)
    }

    fn forget(&self, py: Python<'_>, coords: &CoordSet) {
        py.detach(|| self.inner.forget(&coords.inner));
    }

    #[pyo3(signature = (coords, locations, offsets, lengths, etag=None, last_modified=None))]
    #[expect(clippy::too_many_arguments, reason = "one per column")]
    fn set_virtual_columns(
        &self,
        py: Python<'_>,
        coords: &Bound<'_, PyAny>,
        locations: &Bound<'_, PyAny>,
        offsets: &Bound<'_, PyAny>,
        lengths: &Bound<'_, PyAny>,
        etag: Option<&str>,
        last_modified: Option<u32>,
    ) -> PyResult<()> {
        let coords = Numbers::<u32>::of(coords)?;
        let offsets = Numbers::<u64>::of(offsets)?;
        let lengths = Numbers::<u64>::of(lengths)?;
        let locations = LocationColumn::of(locations)?;
        let (count, ndim) = (locations.len(), self.inner.ndim());
        if [offsets.len(), lengths.len()] != [count; 2] || Some(coords.len()) != count.checked_mul(ndim) {
            return Err(PyValueError::new_err(format!(
                "the columns must have one length: {} coordinates of {ndim} dimensions, {count} locations, {} offsets, {} \
                 lengths",
                coords.len(),
                offsets.len(),
                lengths.len()
            )));
        }
        let checksum = checksum(etag, last_modified);
        // Block by block: the copies stay small, and other threads get their turn.
        let mut start = 0;
        for block in locations.blocks() {
            let rows = start..start + block.len();
            start = rows.end;
            let coords = coords.get(rows.start * ndim..rows.end * ndim)?;
            let (offsets, lengths) = (offsets.get(rows.clone())?, lengths.get(rows)?);
            let columns = VirtualColumns {
                coords: &coords,
                locations: block,
                offsets: &offsets,
                lengths: &lengths,
                checksum: checksum.as_ref(),
            };
            py.detach(|| self.inner.set_virtual(columns)).map_err(to_py)?;
        }
        Ok(())
    }

    fn get(&self, py: Python<'_>, coords: Vec<u32>) -> PyResult<Option<Py<PyAny>>> {
        match self.inner.get(&coords) {
            None => Ok(None),
            Some(Change::Deleted) => false.into_py_any(py).map(Some),
            Some(Change::Set(chunk)) => ChunkRef::from(chunk).into_py_any(py).map(Some),
        }
    }

    fn merge(&self, py: Python<'_>, newer: &Self) -> PyResult<()> {
        py.detach(|| self.inner.merge(&newer.inner)).map_err(to_py)
    }

    fn coords(&self, py: Python<'_>) -> CoordSet {
        py.detach(|| self.inner.all_coords()).into()
    }

    fn set_coords(&self, py: Python<'_>) -> CoordSet {
        py.detach(|| self.inner.coords(|row| !matches!(row, RowView::Deleted))).into()
    }

    fn deleted_coords(&self, py: Python<'_>) -> CoordSet {
        py.detach(|| self.inner.coords(|row| matches!(row, RowView::Deleted))).into()
    }

    fn spread<'py>(
        &self,
        py: Python<'py>,
        grid: Vec<(u32, u32)>,
        boxes: Vec<Vec<(u32, u32)>>,
    ) -> PyResult<(Vec<usize>, Vec<ChangesWithin<'py>>)> {
        let spread = py.detach(|| Spread::of(&self.inner, &grid, boxes));
        let outside = spread.outside.iter().map(|group| Ok((extents_to_py(py, &group.extents)?, group.count)));
        Ok((spread.touched, outside.collect::<PyResult<_>>()?))
    }

    fn items<'py>(&self, py: Python<'py>) -> PyResult<Vec<(Bound<'py, PyTuple>, Option<ChunkRef>)>> {
        let rows = py.detach(|| self.inner.rows());
        (0..rows.len())
            .map(|row| {
                let coords = PyTuple::new(py, rows.coords(row))?;
                Ok(match rows.change(row) {
                    Change::Deleted => (coords, None),
                    Change::Set(chunk) => (coords, Some(chunk.into())),
                })
            })
            .collect()
    }

    /// Fail unless the objects of the repository that are referred to are in the store and can be relied on.
    fn ensure_stored(&self, py: Python<'_>, objects: &ObjectStore) -> PyResult<()> {
        blocking(py, || {
            let key = |id| ChunkRange { id, offset: 0, length: 0 }.key();
            objects.inner.ensure_stored(&self.inner.rows().native_ids().into_iter().map(key).collect::<Vec<_>>())
        })
    }

    fn __len__(&self) -> usize {
        self.inner.len()
    }

    fn __repr__(&self) -> String {
        format!("<frazil table of {} chunk changes>", self.inner.len())
    }

    fn copy(&self) -> Self {
        Self { inner: Arc::new(Core::clone(&self.inner)) }
    }

    #[getter]
    fn ndim(&self) -> usize {
        self.inner.ndim()
    }

    #[getter]
    fn nbytes(&self) -> usize {
        self.inner.nbytes()
    }

    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &py.detach(|| self.inner.to_bytes()))
    }

    #[staticmethod]
    fn from_bytes(py: Python<'_>, data: &Bound<'_, PyAny>) -> PyResult<Self> {
        let data = bytes_of(data)?;
        py.detach(|| Core::from_bytes(&data)).map(|inner| Self { inner: Arc::new(inner) }).map_err(to_py)
    }
}

/// The numbers in a buffer of that type, without a copy of all of them.
struct Numbers<'py, T: Element> {
    flat: Bound<'py, PyAny>,
    length: usize,
    kind: PhantomData<T>,
}

impl<'py, T: Element> Numbers<'py, T> {
    fn of(object: &Bound<'py, PyAny>) -> PyResult<Self> {
        let buffer = PyBuffer::<T>::get(object)?;
        // The check of the type looks at the size only.
        if cfg!(target_endian = "little") && matches!(buffer.format().to_bytes(), [b'>' | b'!', ..]) {
            return Err(PyBufferError::new_err("the numbers must be in the byte order of this machine"));
        }
        let length = buffer.item_count();
        let view = PyMemoryView::from(object)?.into_any();
        let view = match buffer.is_c_contiguous() {
            true => view,
            false => PyMemoryView::from(&view.call_method0("tobytes")?)?.into_any(),
        };
        // A memoryview can be cut only if it has one dimension, and cannot be cast if it is empty.
        let format = if size_of::<T>() == size_of::<u32>() { "I" } else { "Q" };
        let flat = match length {
            0 => view,
            _ => view.call_method1("cast", ("B",))?.call_method1("cast", (format,))?,
        };
        Ok(Self { flat, length, kind: PhantomData })
    }

    fn len(&self) -> usize {
        self.length
    }

    fn get(&self, range: Range<usize>) -> PyResult<Vec<T>> {
        let py = self.flat.py();
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let part = self.flat.get_item(PySlice::new(py, index(range.start)?, index(range.end)?, 1))?;
        PyBuffer::<T>::get(&part)?.to_vec(py)
    }
}

fn index(number: usize) -> PyResult<isize> {
    isize::try_from(number).map_err(|_| PyValueError::new_err("the columns are too long"))
}
