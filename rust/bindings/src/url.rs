//! URLs by the WHATWG rules, as the format stores them (format section 5.3).

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use url::Url;

/// The normal form of an absolute URL; `ValueError` says why a text is none.
#[pyfunction]
pub fn normalise_url(text: &str) -> PyResult<String> {
    Url::parse(text).map(String::from).map_err(|problem| PyValueError::new_err(problem.to_string()))
}
