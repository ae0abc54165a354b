//! Metadata values as JSON text.

use frazil_core::format::values;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::buffer::bytes_of;
use crate::error::to_py;

/// JSON text of a FlexBuffer.
#[pyfunction]
pub fn flexbuffer_to_json(data: &Bound<'_, PyAny>) -> PyResult<String> {
    values::flexbuffer_to_json(&bytes_of(data)?).map_err(to_py)
}

/// The FlexBuffer of JSON text.
#[pyfunction]
pub fn json_to_flexbuffer<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyBytes>> {
    values::json_to_flexbuffer(text).map(|data| PyBytes::new(py, &data)).map_err(to_py)
}

/// JSON text of MessagePack.
#[pyfunction]
pub fn msgpack_to_json(data: &Bound<'_, PyAny>) -> PyResult<String> {
    values::msgpack_to_json(&bytes_of(data)?).map_err(to_py)
}

/// The MessagePack of JSON text.
#[pyfunction]
pub fn json_to_msgpack<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyBytes>> {
    values::json_to_msgpack(text).map(|data| PyBytes::new(py, &data)).map_err(to_py)
}
