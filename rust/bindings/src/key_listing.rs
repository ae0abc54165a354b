//! The keys of a store, a page at a time.

use std::sync::{Arc, PoisonError};

use frazil_core::KeyListing as Core;
use frazil_core::sync::Mutex;
use pyo3::prelude::*;

use crate::assets::Assets;
use crate::error::{blocking, to_py};
use crate::ids::Id8;
use crate::snapshot::Snapshot;

/// Every key of the nodes of a snapshot, as far as they have not been changed since.
///
/// Iterates over pages of (keys, paths of nodes of which no key is listed): those of `changed`, and arrays whose chunk
/// keys are not of the default encoding with slashes.
#[pyclass(module = "frazil._core", frozen)]
pub struct KeyListing {
    inner: Mutex<Core>,
}

#[pymethods]
impl KeyListing {
    #[new]
    fn new(snapshot: &Snapshot, assets: &Assets, prefix: &str, changed: Vec<Id8>) -> PyResult<Self> {
        let changed = changed.into_iter().map(|id| id.0).collect();
        let inner = Core::new(snapshot.inner.clone(), Arc::clone(&assets.inner), prefix, changed).map_err(to_py)?;
        Ok(Self { inner: Mutex::new(inner) })
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<(Vec<String>, Vec<String>)>> {
        let page = blocking(py, || self.inner.lock().unwrap_or_else(PoisonError::into_inner).next_page())?;
        Ok(page.map(|page| (page.keys, page.left)))
    }
}
