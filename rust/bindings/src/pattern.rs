//! Regular expressions of configurations (format section 7.1): matched in linear time, whoever wrote them.

use pyo3::prelude::*;
use regex::bytes::Regex;

/// A compiled regular expression.
#[pyclass(frozen, module = "frazil._core")]
pub struct Pattern(Regex);

#[pymethods]
impl Pattern {
    /// None if `text` is no regular expression, or one of absurd size.
    #[staticmethod]
    fn compile(text: &str) -> Option<Self> {
        Regex::new(text).ok().map(Self)
    }

    /// Whether it matches anywhere in `text`.
    fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text.as_bytes())
    }
}
