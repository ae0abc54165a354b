//! The regions that split edges cut an array into.

use frazil_core::RegionGrid as Core;
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::chunk_table::ChunkTable;
use crate::error::to_py;

/// The regions cut by split edges, numbered row-major (last axis fastest).
#[pyclass(module = "frazil._core", frozen)]
pub struct RegionGrid {
    inner: Core,
}

#[pymethods]
impl RegionGrid {
    #[new]
    fn new(edges: Vec<Vec<u32>>) -> PyResult<Self> {
        Core::new(edges).map(|inner| Self { inner }).map_err(to_py)
    }

    fn __len__(&self) -> usize {
        self.inner.len()
    }

    fn region<'py>(&self, py: Python<'py>, number: usize) -> PyResult<Bound<'py, PyTuple>> {
        let extents = self
            .inner
            .region(number)
            .ok_or_else(|| PyIndexError::new_err(format!("there is no region {number}, only {}", self.inner.len())))?;
        PyTuple::new(py, extents)
    }

    fn of(&self, coords: Vec<u32>) -> Option<usize> {
        self.inner.of(&coords)
    }

    fn touched(&self, py: Python<'_>, changes: &ChunkTable) -> Vec<usize> {
        py.detach(|| self.inner.touched(&changes.inner))
    }

    fn holders(&self, py: Python<'_>, boxes: Vec<Vec<(u32, u32)>>) -> Vec<Option<usize>> {
        py.detach(|| boxes.iter().map(|extents| self.inner.holder(extents)).collect())
    }

    fn overlapping(&self, py: Python<'_>, extents: Vec<(u32, u32)>) -> Vec<usize> {
        py.detach(|| self.inner.overlapping(&extents))
    }
}
