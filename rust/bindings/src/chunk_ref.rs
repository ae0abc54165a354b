//! Where the bytes of one chunk are.

use std::hash::{DefaultHasher, Hash, Hasher};

use frazil_core::storage::remote::shown::address_without_secrets;
use frazil_core::{Checksum, ChunkRef as Core};
use pyo3::prelude::*;

use crate::buffer::{Buffer, bytes_of};
use crate::ids::{Id, Id12};

/// Where the bytes of one chunk are.
#[pyclass(module = "frazil._core", frozen, eq)]
#[derive(Clone, PartialEq)]
pub struct ChunkRef {
    pub inner: Core,
}

impl From<Core> for ChunkRef {
    fn from(inner: Core) -> Self {
        Self { inner }
    }
}

#[pymethods]
impl ChunkRef {
    #[staticmethod]
    fn inline(data: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Core::Inline(bytes_of(data)?).into())
    }

    #[staticmethod]
    fn native(chunk_id: Id12, offset: u64, length: u64) -> Self {
        Core::Native { id: chunk_id.0, offset, length }.into()
    }

    #[staticmethod]
    #[pyo3(signature = (location, offset, length, etag=None, last_modified=None))]
    fn r#virtual(location: &str, offset: u64, length: u64, etag: Option<&str>, last_modified: Option<u32>) -> Self {
        Core::Virtual { location: location.into(), offset, length, checksum: checksum(etag, last_modified) }.into()
    }

    #[getter]
    fn kind(&self) -> u8 {
        match self.inner {
            Core::Native { .. } => 1,
            Core::Virtual { .. } => 2,
            Core::Inline(_) => 3,
        }
    }

    #[getter]
    fn data(&self) -> Option<Buffer> {
        match &self.inner {
            Core::Inline(data) => Some(data.clone().into()),
            _ => None,
        }
    }

    #[getter]
    fn chunk_id(&self) -> Option<Id12> {
        match &self.inner {
            Core::Native { id, .. } => Some(Id(*id)),
            _ => None,
        }
    }

    #[getter]
    fn location(&self) -> Option<&str> {
        match &self.inner {
            Core::Virtual { location, .. } => Some(location),
            _ => None,
        }
    }

    #[getter]
    fn offset(&self) -> u64 {
        match &self.inner {
            Core::Native { offset, .. } | Core::Virtual { offset, .. } => *offset,
            Core::Inline(_) => 0,
        }
    }

    #[getter]
    fn length(&self) -> u64 {
        self.inner.length()
    }

    #[getter]
    fn etag(&self) -> Option<&str> {
        match &self.inner {
            Core::Virtual { checksum: Some(Checksum::Etag(etag)), .. } => Some(etag),
            _ => None,
        }
    }

    #[getter]
    fn last_modified(&self) -> Option<u32> {
        match &self.inner {
            Core::Virtual { checksum: Some(Checksum::LastModified(seconds)), .. } => Some(*seconds),
            _ => None,
        }
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.inner.hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self) -> String {
        match &self.inner {
            Core::Inline(data) => format!("<frazil inline chunk of {} bytes>", data.len()),
            Core::Native { id, offset, length } => format!("<frazil chunk {id} [{offset}, +{length}]>"),
            Core::Virtual { location, offset, length, .. } => {
                let shown = address_without_secrets(location);
                format!("<frazil chunk {shown} [{offset}, +{length}]>")
            }
        }
    }
}

/// The etag if both are given (format section 5.2).
pub fn checksum(etag: Option<&str>, last_modified: Option<u32>) -> Option<Checksum> {
    match (etag, last_modified) {
        (Some(etag), _) => Some(Checksum::Etag(etag.into())),
        (None, Some(seconds)) if seconds != 0 => Some(Checksum::LastModified(seconds)),
        _ => None,
    }
}
