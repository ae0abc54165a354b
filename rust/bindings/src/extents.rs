//! Boxes of chunk indices as Python sees them.

use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// First index and the one after the last, for each axis.
pub fn extents_to_py<'py>(py: Python<'py>, extents: &[(u32, u32)]) -> PyResult<Bound<'py, PyTuple>> {
    PyTuple::new(py, extents.iter().copied())
}
