//! A sorted set of chunk coordinates.

use std::hash::{DefaultHasher, Hash, Hasher};

use frazil_core::CoordSet as Core;
use frazil_core::coord_set::CoordSetBuilder;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// A sorted set of chunk coordinates.
#[pyclass(module = "frazil._core", frozen, eq)]
#[derive(Clone, PartialEq)]
pub struct CoordSet {
    pub inner: Core,
}

impl From<Core> for CoordSet {
    fn from(inner: Core) -> Self {
        Self { inner }
    }
}

#[pymethods]
impl CoordSet {
    #[new]
    #[pyo3(signature = (rows=None))]
    fn new(rows: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let mut builder = CoordSetBuilder::new();
        if let Some(rows) = rows {
            for row in rows.try_iter()? {
                builder.push(&row?.extract::<Vec<u32>>()?);
            }
        }
        Ok(builder.finish().into())
    }

    fn __len__(&self) -> usize {
        self.inner.len()
    }

    fn __iter__(&self) -> CoordIterator {
        CoordIterator { rows: self.inner.clone(), next: std::sync::atomic::AtomicUsize::new(0) }
    }

    fn __contains__(&self, coords: &Bound<'_, PyAny>) -> bool {
        coords.extract::<Vec<u32>>().is_ok_and(|coords| self.inner.contains(&coords))
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.inner.hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self) -> String {
        format!("<frazil set of {} chunk coordinates>", self.inner.len())
    }

    fn union(&self, other: &Self) -> Self {
        self.inner.union(&other.inner).into()
    }

    fn intersection(&self, other: &Self) -> Self {
        self.inner.intersection(&other.inner).into()
    }
}

/// Gives the coordinates one by one.
#[pyclass(module = "frazil._core", frozen)]
pub struct CoordIterator {
    rows: Core,
    next: std::sync::atomic::AtomicUsize,
}

#[pymethods]
impl CoordIterator {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let next = self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if next >= self.rows.len() {
            return Ok(None);
        }
        PyTuple::new(py, self.rows.row(next)).map(Some)
    }
}
