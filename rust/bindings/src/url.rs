//! URLs: by the WHATWG rules, as the format stores them (format section 5.3), and as they may be shown.

use frazil_core::storage::remote::shown;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use url::Url;

/// The normal form of an absolute URL; `ValueError` says why a text is none.
#[pyfunction]
pub fn normalise_url(text: &str) -> PyResult<String> {
    Url::parse(text).map(String::from).map_err(|problem| PyValueError::new_err(problem.to_string()))
}

/// A text without the passwords and signatures of the addresses in it.
#[pyfunction]
pub fn without_secrets(text: &str) -> String {
    shown::without_secrets(text)
}
