//! One look-up from a Zarr key to its bytes.

use frazil_core::KeyReader as Core;
use frazil_core::chunk_reader::{Chunk, ReadRange};
use frazil_core::key_reader::{Found, Step};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::buffer::bytes_of;
use crate::chunk_reader::{ChunkReader, chunk_to_py};
use crate::error::{blocking, to_py};
use crate::storage::SHORT_READ;

/// The type of `KeyReader.UNKNOWN`.
#[pyclass(module = "frazil._core", frozen)]
struct UnknownKey;

#[pymethods]
impl UnknownKey {
    fn __repr__(&self) -> &'static str {
        "KeyReader.UNKNOWN"
    }
}

/// `KeyReader.UNKNOWN`.
pub fn unknown(py: Python<'_>) -> PyResult<Py<PyAny>> {
    static UNKNOWN: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    UNKNOWN.get_or_try_init(py, || UnknownKey.into_py_any(py)).map(|unknown| unknown.clone_ref(py))
}

/// One look-up from a Zarr key to its bytes for the nodes that Python has registered.
///
/// Grammar: `<path>/zarr.json` and `<path>/c/<i>/<j>` (`<path>/c` for rank 0), at most one leading slash.
#[pyclass(module = "frazil._core", frozen)]
pub struct KeyReader {
    pub inner: Core,
}

#[pymethods]
impl KeyReader {
    /// Returned for a key that is not of this grammar, or of a node that is not registered: ask Python.
    #[classattr]
    #[pyo3(name = "UNKNOWN")]
    fn unknown(py: Python<'_>) -> PyResult<Py<PyAny>> {
        unknown(py)
    }

    #[new]
    fn new() -> Self {
        Self { inner: Core::new() }
    }

    /// `path` is absolute; `reader` is None for a group.
    #[pyo3(signature = (path, metadata, reader))]
    fn register(&self, path: &str, metadata: Option<&Bound<'_, PyAny>>, reader: Option<&ChunkReader>) -> PyResult<()> {
        let metadata = metadata.map(bytes_of).transpose()?;
        self.inner.register(path, metadata, reader.map(|reader| reader.inner.clone()));
        Ok(())
    }

    /// Drop one node, or all.
    #[pyo3(signature = (path=None))]
    fn forget(&self, path: Option<&str>) {
        self.inner.forget(path);
    }

    #[pyo3(signature = (key, start=None, end=None, suffix=None))]
    fn read(
        &self,
        py: Python<'_>,
        key: &str,
        start: Option<u64>,
        end: Option<u64>,
        suffix: Option<u64>,
    ) -> PyResult<Option<Py<PyAny>>> {
        let range = ReadRange::new(start, end, suffix).map_err(to_py)?;
        match self.inner.peek(key, range).map_err(to_py)? {
            Found::Unknown => unknown(py).map(Some),
            Found::Known(Step::Done(chunk)) => chunk_to_py(py, chunk),
            Found::Known(Step::Left(pending)) if pending.is_quick(SHORT_READ) => {
                chunk_to_py(py, pending.read(key).map_err(to_py)?)
            }
            Found::Known(Step::Left(pending)) => chunk_to_py(py, blocking(py, || pending.read(key))?),
        }
    }

    fn exists(&self, py: Python<'_>, key: &str) -> PyResult<Py<PyAny>> {
        let known = match self.inner.peek(key, ReadRange::ALL).map_err(to_py)? {
            Found::Unknown => return unknown(py),
            Found::Known(Step::Done(chunk)) => Some(chunk != Chunk::Missing),
            Found::Known(Step::Left(pending)) => pending.exists(),
        };
        if let Some(exists) = known {
            return exists.into_py_any(py);
        }
        match blocking(py, || self.inner.exists(key))? {
            Found::Known(exists) => exists.into_py_any(py),
            Found::Unknown => unknown(py),
        }
    }
    /// Stored bytes: 0 for a chunk that does not exist.
    fn size(&self, py: Python<'_>, key: &str) -> PyResult<Py<PyAny>> {
        let found = match self.inner.cached_size(key).map_err(to_py)? {
            Some(found) => found,
            None => blocking(py, || self.inner.size(key))?,
        };
        match found {
            Found::Known(size) => size.into_py_any(py),
            Found::Unknown => unknown(py),
        }
    }
}
