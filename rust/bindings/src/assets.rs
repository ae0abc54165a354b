//! Cached reads of immutable files.

use std::sync::Arc;

use frazil_core::Assets as Core;
use frazil_core::assets::{AssetLimits, ChunkRange};
use pyo3::prelude::*;

use crate::buffer::Buffer;
use crate::error::blocking;
use crate::ids::Id12;
use crate::manifest::Manifest;
use crate::snapshot::Snapshot;
use crate::storage::ObjectStore;
use crate::transaction_log::TransactionLog;

/// Cached, typed reads of the immutable files of one repository: one flight per key, bounded by weight.
#[pyclass(module = "frazil._core", frozen)]
pub struct Assets {
    pub inner: Arc<Core>,
}

#[pymethods]
impl Assets {
    #[new]
    #[pyo3(signature = (store, *, snapshot_nodes, chunk_refs, transaction_changes, chunk_bytes, max_requests))]
    fn new(
        store: &ObjectStore,
        snapshot_nodes: u64,
        chunk_refs: u64,
        transaction_changes: u64,
        chunk_bytes: u64,
        max_requests: usize,
    ) -> Self {
        let limits = AssetLimits { snapshot_nodes, chunk_refs, transaction_changes, chunk_bytes, max_requests };
        Self { inner: Arc::new(Core::new(Arc::clone(&store.inner), limits)) }
    }

    #[getter]
    fn store(&self) -> ObjectStore {
        ObjectStore { inner: Arc::clone(self.inner.store()) }
    }

    /// `StorageError(object-not-found)` if it is missing, here and in the next two.
    fn snapshot(&self, py: Python<'_>, snapshot_id: Id12) -> PyResult<Snapshot> {
        blocking(py, || self.inner.snapshot(snapshot_id.0)).map(Snapshot::from)
    }

    fn manifest(&self, py: Python<'_>, manifest_id: Id12, size: u64) -> PyResult<Manifest> {
        blocking(py, || self.inner.manifest(manifest_id.0, size)).map(Manifest::from)
    }

    #[pyo3(signature = (files, *, concurrency=0))]
    fn manifests(&self, py: Python<'_>, files: Vec<(Id12, u64)>, concurrency: usize) -> PyResult<Vec<Manifest>> {
        let files: Vec<_> = files.into_iter().map(|(id, size)| (id.0, size)).collect();
        let manifests = blocking(py, || self.inner.manifests(&files, concurrency))?;
        Ok(manifests.into_iter().map(Manifest::from).collect())
    }

    /// None if there is none (the initial snapshot of spec 1).
    fn transaction_log(&self, py: Python<'_>, snapshot_id: Id12) -> PyResult<Option<TransactionLog>> {
        Ok(blocking(py, || self.inner.transaction_log(snapshot_id.0))?.map(TransactionLog::from))
    }

    /// Keep one that was just written; False if the cache is too small for it.  So with `put_manifest`.
    fn put_snapshot(&self, snapshot: &Snapshot) -> bool {
        self.inner.put_snapshot(snapshot.inner.clone())
    }

    fn put_manifest(&self, manifest: &Manifest) -> bool {
        self.inner.put_manifest(manifest.inner.clone())
    }

    /// Bytes of a chunk object, through the chunk cache if it is on.
    fn chunk(&self, py: Python<'_>, chunk_id: Id12, offset: u64, length: u64) -> PyResult<Option<Buffer>> {
        let range = ChunkRange { id: chunk_id.0, offset, length };
        Ok(blocking(py, || self.inner.chunk(range))?.map(Buffer::from))
    }

    fn clear(&self) {
        self.inner.clear();
    }

    fn __repr__(&self) -> String {
        format!("<frazil {:?}>", self.inner)
    }
}
