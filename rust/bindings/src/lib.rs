//! `frazil._core`: types in, types out.

mod error;

use pyo3::prelude::*;

/// The compiled core of Frazil.
#[pymodule]
fn _core(_m: &Bound<'_, PyModule>) -> PyResult<()> {
    Ok(())
}
