//! Core errors become the Python package's exceptions.

use frazil_core::Error;
use pyo3::prelude::*;

/// The exception for `error`, made by `frazil.errors.core_error(kind, message, context)`.
pub fn to_py(error: Error) -> PyErr {
    Python::attach(|py| {
        let made = py
            .import("frazil.errors")
            .and_then(|module| module.call_method1("core_error", (error.kind.as_str(), error.message, error.context)));
        match made {
            Ok(exception) => PyErr::from_value(exception),
            Err(failure) => failure,
        }
    })
}
