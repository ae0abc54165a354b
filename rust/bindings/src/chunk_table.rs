//! The chunk references that one session has set or deleted in one array.

use std::sync::Arc;

use frazil_core::chunk_rows::{LocationColumn, RowView, VirtualColumns};
use frazil_core::{Change, ChunkTable as Core};
use pyo3::IntoPyObjectExt;
use pyo3::buffer::{Element, PyBuffer};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple};

use crate::buffer::bytes_of;
use crate::chunk_ref::{ChunkRef, checksum};
use crate::coord_set::CoordSet;
use crate::error::to_py;

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
        let coords: Vec<u32> = numbers(coords)?;
        let offsets: Vec<u64> = numbers(offsets)?;
        let lengths: Vec<u64> = numbers(lengths)?;
        let mut column = LocationColumn::default();
        let mut last: Option<Bound<'_, PyAny>> = None;
        for location in locations.try_iter()? {
            let location = location?;
            match &last {
                Some(last) if last.is(&location) => column.repeat(),
                _ => column.push(location.cast::<PyString>()?.to_str()?),
            }
            last = Some(location);
        }
        let checksum = checksum(etag, last_modified);
        py.detach(|| {
            self.inner.set_virtual(VirtualColumns {
                coords: &coords,
                locations: &column,
                offsets: &offsets,
                lengths: &lengths,
                checksum: checksum.as_ref(),
            })
        })
        .map_err(to_py)
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
        py.detach(|| self.inner.coords(|_| true)).into()
    }

    fn set_coords(&self, py: Python<'_>) -> CoordSet {
        py.detach(|| self.inner.coords(|row| !matches!(row, RowView::Deleted))).into()
    }

    fn deleted_coords(&self, py: Python<'_>) -> CoordSet {
        py.detach(|| self.inner.coords(|row| matches!(row, RowView::Deleted))).into()
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

/// The numbers in a buffer of that type.
fn numbers<T: Element>(object: &Bound<'_, PyAny>) -> PyResult<Vec<T>> {
    PyBuffer::<T>::get(object)?.to_vec(object.py())
}
