//! Ids cross the boundary as `bytes`.

use std::convert::Infallible;

use frazil_core::{ObjectId, ObjectId12, object_id};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::buffer::bytes_of;
use crate::error::to_py;

/// An id of `N` bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id<const N: usize>(pub ObjectId<N>);

/// Snapshots, manifests and chunks.
pub type Id12 = Id<12>;

/// Nodes.
pub type Id8 = Id<8>;

impl<'a, 'py, const N: usize> FromPyObject<'a, 'py> for Id<N> {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        ObjectId::from_slice(object.cast::<PyBytes>()?.as_bytes()).map(Self).map_err(to_py)
    }
}

impl<'py, const N: usize> IntoPyObject<'py> for Id<N> {
    type Target = PyBytes;
    type Output = Bound<'py, PyBytes>;
    type Error = Infallible;

    fn into_pyobject(self, py: Python<'py>) -> Result<Self::Output, Infallible> {
        Ok(PyBytes::new(py, self.0.as_bytes()))
    }
}

/// Ids for Python.
pub fn ids_to_py<const N: usize>(ids: &[ObjectId<N>]) -> Vec<Id<N>> {
    ids.iter().map(|id| Id(*id)).collect()
}

/// Ids of Python.
pub fn ids_from_py<const N: usize>(ids: Vec<Id<N>>) -> Vec<ObjectId<N>> {
    ids.into_iter().map(|id| id.0).collect()
}

/// Crockford base32, upper case, no padding.
#[pyfunction]
pub fn encode_id(raw: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(object_id::encode(&bytes_of(raw)?))
}

/// The `length` bytes of an id; lower case and the aliases I, L, O are accepted.
#[pyfunction]
pub fn decode_id<'py>(py: Python<'py>, text: &str, length: usize) -> PyResult<Bound<'py, PyBytes>> {
    object_id::decode(text, length)
        .map(|raw| PyBytes::new(py, &raw))
        .ok_or_else(|| PyValueError::new_err(format!("{text:?} is not an id of {length} bytes")))
}

/// `length` random bytes of the operating system's generator.
#[pyfunction]
pub fn random_id(py: Python<'_>, length: usize) -> PyResult<Bound<'_, PyBytes>> {
    PyBytes::new_with(py, length, |raw| object_id::random_bytes(raw).map_err(to_py))
}

/// The first 12 bytes of the BLAKE3 hash of `data`.
#[pyfunction]
pub fn content_id(py: Python<'_>, data: &Bound<'_, PyAny>) -> PyResult<Id12> {
    let data = bytes_of(data)?;
    Ok(Id(py.detach(|| ObjectId12::of_content(&data))))
}
