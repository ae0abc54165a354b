//! The first bytes of a metadata file.

use frazil_core::format::{Header, SpecVersion, envelope};
use pyo3::prelude::*;

use crate::buffer::bytes_of;
use crate::error::to_py;

/// A version of the format, as the number that Python uses.
pub struct Version(pub SpecVersion);

impl<'a, 'py> FromPyObject<'a, 'py> for Version {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        SpecVersion::from_number(object.extract()?).map(Self).map_err(to_py)
    }
}

/// `(writer, spec version, file type, compression)` of a metadata file.
#[pyfunction]
pub fn read_header(data: &Bound<'_, PyAny>) -> PyResult<(String, u8, u8, u8)> {
    let header = Header::read(&bytes_of(data)?).map_err(to_py)?;
    Ok((header.writer, header.spec_version as u8, header.file_type as u8, envelope::COMPRESSION_ZSTD))
}
