//! Metadata values, as JSON text and as objects of Python.

use frazil_core::format::values;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};
use serde_json::Value;

use crate::buffer::bytes_of;
use crate::error::to_py;

/// What `json.loads` makes of the value's text.  The core bounds how deep values are nested.
pub fn to_python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    match value {
        Value::Null => Ok(py.None().into_bound(py)),
        Value::Bool(value) => value.into_bound_py_any(py),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => value.into_bound_py_any(py),
            (None, Some(value)) => value.into_bound_py_any(py),
            (None, None) => number.as_f64().into_bound_py_any(py),
        },
        Value::String(text) => text.into_bound_py_any(py),
        Value::Array(items) => {
            let items = items.iter().map(|item| to_python(py, item)).collect::<PyResult<Vec<_>>>()?;
            Ok(PyList::new(py, items)?.into_any())
        }
        Value::Object(items) => {
            let dictionary = PyDict::new(py);
            for (name, item) in items {
                dictionary.set_item(name, to_python(py, item)?)?;
            }
            Ok(dictionary.into_any())
        }
    }
}

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
