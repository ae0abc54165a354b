//! `frazil._core`: types in, types out.

mod buffer;
mod error;
mod storage;
mod url;

use pyo3::prelude::*;

/// The compiled core of Frazil.
#[pymodule]
fn _core(m: &Bound<'_, PyModule>) -> PyResult<()> {
    error::install_interrupt();
    m.add_class::<buffer::Buffer>()?;
    m.add_class::<storage::Version>()?;
    m.add_class::<storage::PutMode>()?;
    m.add_class::<storage::ObjectMeta>()?;
    m.add_class::<storage::ObjectStore>()?;
    m.add_class::<storage::Latency>()?;
    m.add_function(wrap_pyfunction!(url::normalise_url, m)?)?;
    Ok(())
}
