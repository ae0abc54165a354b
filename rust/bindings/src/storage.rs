//! Object stores.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use frazil_core::storage::read_only::ensure_writable;
use frazil_core::storage::remote::label;
use frazil_core::storage::{
    self, ByteRange, Listing, LocalOptions, LocalStore, MemoryStore, PutOptions, ReadCondition, ReadOnlyStore,
};
use frazil_core::sync::Mutex;
use frazil_core::{Error, Result};
use pyo3::prelude::*;
use pyo3::types::PyMapping;

use crate::buffer::{Buffer, bytes_of};
use crate::error::{blocking, to_py};
use crate::id_listing::IdListing;
use crate::remote;

/// Reads of at most this many bytes from memory or a local disk keep the GIL: giving it up costs more than they take.
pub const SHORT_READ: u64 = 16 << 10;

/// How many objects of a listing are fetched with the GIL released.
const LISTING_BATCH: usize = 1000;

/// (key, reason) of what was not deleted.
type Failures = Vec<(String, String)>;

/// What a conditional write compares: an etag, a generation, or both.
#[pyclass(module = "frazil._core", frozen, eq, hash, from_py_object)]
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Version(storage::Version);

#[pymethods]
impl Version {
    #[new]
    #[pyo3(signature = (etag=None, generation=None))]
    fn new(etag: Option<String>, generation: Option<String>) -> Self {
        Self(storage::Version { etag, generation })
    }

    #[getter]
    fn etag(&self) -> Option<&str> {
        self.0.etag.as_deref()
    }

    #[getter]
    fn generation(&self) -> Option<&str> {
        self.0.generation.as_deref()
    }

    fn __repr__(&self) -> String {
        let shown = |value: &Option<String>| value.as_ref().map_or_else(|| "None".to_owned(), |v| format!("'{v}'"));
        format!("Version(etag={}, generation={})", shown(&self.0.etag), shown(&self.0.generation))
    }
}

/// Overwrite, create only, or update one version.
#[pyclass(module = "frazil._core", frozen, eq, hash, from_py_object)]
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PutMode(storage::PutMode);

#[pymethods]
impl PutMode {
    #[classattr]
    const OVERWRITE: Self = Self(storage::PutMode::Overwrite);

    #[classattr]
    const CREATE: Self = Self(storage::PutMode::Create);

    #[staticmethod]
    fn update(version: Version) -> Self {
        Self(storage::PutMode::Update(version.0))
    }

    fn __repr__(&self) -> String {
        match &self.0 {
            storage::PutMode::Overwrite => "PutMode.OVERWRITE".to_owned(),
            storage::PutMode::Create => "PutMode.CREATE".to_owned(),
            storage::PutMode::Update(version) => format!("PutMode.update({})", Version(version.clone()).__repr__()),
        }
    }
}

/// An object without its bytes.
#[pyclass(module = "frazil._core", frozen)]
pub struct ObjectMeta(storage::ObjectMeta);

#[pymethods]
impl ObjectMeta {
    #[getter]
    fn key(&self) -> &str {
        &self.0.key
    }

    #[getter]
    fn size(&self) -> u64 {
        self.0.size
    }

    /// Microseconds since 1970.
    #[getter]
    fn last_modified(&self) -> i64 {
        self.0.last_modified
    }

    #[getter]
    fn version(&self) -> Version {
        Version(self.0.version.clone())
    }

    /// User metadata (only from `head` and `get_versioned`).
    #[getter]
    fn attributes(&self) -> BTreeMap<String, String> {
        self.0.attributes.clone()
    }

    fn __repr__(&self) -> String {
        format!("<ObjectMeta {:?}, {} bytes>", self.0.key, self.0.size)
    }
}

/// Milliseconds to sleep before each request, changeable at any time.
#[pyclass(module = "frazil._core", frozen)]
pub struct Latency(Arc<storage::Latency>);

#[pymethods]
impl Latency {
    #[new]
    #[pyo3(signature = (read_ms=0, write_ms=0))]
    fn new(read_ms: u64, write_ms: u64) -> Self {
        Self(Arc::new(storage::Latency { read_ms: read_ms.into(), write_ms: write_ms.into() }))
    }

    #[getter]
    fn read_ms(&self) -> u64 {
        self.0.read_ms.load(Ordering::Relaxed)
    }

    #[setter]
    fn set_read_ms(&self, value: u64) {
        self.0.read_ms.store(value, Ordering::Relaxed);
    }

    #[getter]
    fn write_ms(&self) -> u64 {
        self.0.write_ms.load(Ordering::Relaxed)
    }

    #[setter]
    fn set_write_ms(&self, value: u64) {
        self.0.write_ms.store(value, Ordering::Relaxed);
    }
}

/// The objects of a listing, fetched in batches.
#[pyclass(module = "frazil._core", frozen)]
pub struct ObjectListing {
    state: Mutex<ListingState>,
}

struct ListingState {
    fetched: VecDeque<storage::ObjectMeta>,
    rest: Option<Listing>,
    /// Raised once the objects before it are used up.
    failure: Option<Error>,
}

impl ListingState {
    fn next(&mut self) -> Result<Option<storage::ObjectMeta>> {
        if self.fetched.is_empty() && self.failure.is_none() {
            self.fetch();
        }
        match self.fetched.pop_front() {
            Some(object) => Ok(Some(object)),
            None => self.failure.take().map_or(Ok(None), Err),
        }
    }

    fn fetch(&mut self) {
        let Some(mut rest) = self.rest.take() else { return };
        for object in rest.by_ref().take(LISTING_BATCH) {
            match object {
                Ok(object) => self.fetched.push_back(object),
                Err(error) => {
                    self.failure = Some(error);
                    return;
                }
            }
        }
        if self.fetched.len() == LISTING_BATCH {
            self.rest = Some(rest);
        }
    }
}

#[pymethods]
impl ObjectListing {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<ObjectMeta>> {
        let next = || self.state.lock().unwrap_or_else(PoisonError::into_inner).next();
        let ready = self.state.try_lock().is_some_and(|state| !state.fetched.is_empty());
        let object = if ready { next().map_err(to_py)? } else { blocking(py, next)? };
        Ok(object.map(ObjectMeta))
    }
}

/// Keys to bytes under one root.  Blocking calls that let the GIL go; safe to share between threads.
///
/// Failed preconditions raise `StorageConflict`; everything else a `StorageError`.
#[pyclass(module = "frazil._core", frozen, from_py_object)]
#[derive(Clone)]
pub struct ObjectStore {
    pub inner: Arc<dyn storage::ObjectStore>,
}

impl ObjectStore {
    fn new(inner: impl storage::ObjectStore + 'static) -> Self {
        Self { inner: Arc::new(inner) }
    }
}

#[pymethods]
impl ObjectStore {
    #[staticmethod]
    fn memory() -> Self {
        Self::new(MemoryStore::new())
    }

    /// A directory, made on the first write.  `durable` syncs files and directories (see `sync`); `verbatim` takes keys
    /// as file names as they stand, without encoding special characters.
    #[staticmethod]
    #[pyo3(signature = (path, *, durable=true, verbatim=false))]
    fn local(path: std::path::PathBuf, durable: bool, verbatim: bool) -> PyResult<Self> {
        LocalStore::new(path, LocalOptions { durable, verbatim }).map(Self::new).map_err(to_py)
    }

    /// `kind` is `s3`, `gcs`, `azure` or `http`; `options` are the `object_store` crate's names.
    #[staticmethod]
    fn remote(kind: &str, options: &Bound<'_, PyMapping>, settings: &Bound<'_, PyMapping>) -> PyResult<Self> {
        remote::open(kind, options, settings).map(|inner| Self { inner })
    }

    /// Reads are quick enough to be made without suspending (memory, local disk).
    #[getter]
    fn is_local(&self) -> bool {
        self.inner.is_local()
    }

    /// Nothing can be written: every write is refused before anything happens.
    #[getter]
    fn is_read_only(&self) -> bool {
        self.inner.is_read_only()
    }

    /// The same store for reading only.
    fn as_read_only(&self) -> Self {
        Self { inner: ReadOnlyStore::over(Arc::clone(&self.inner)) }
    }

    /// Refuse here what `is_read_only` would refuse later.
    fn ensure_writable(&self) -> PyResult<()> {
        ensure_writable(self.inner.as_ref()).map_err(to_py)
    }

    /// Conditional writes need no setting that allows them (memory, local disk).
    #[getter]
    fn always_compares(&self) -> bool {
        self.inner.always_compares()
    }

    /// How far the store's clock is ahead of this machine's, in microseconds, if that is known.
    #[getter]
    fn clock_ahead(&self) -> Option<i64> {
        self.inner.clock_ahead()
    }

    fn with_latency(&self, latency: &Latency) -> Self {
        Self::new(storage::LatencyStore::new(Arc::clone(&self.inner), Arc::clone(&latency.0)))
    }

    fn with_prefix(&self, prefix: &str) -> PyResult<Self> {
        Arc::clone(&self.inner).with_prefix(prefix).map(|inner| Self { inner }).map_err(to_py)
    }

    /// The bytes `[start, end)`, or as many of them as there are; `label` is told in the User-Agent of the requests.
    #[pyo3(signature = (key, start=None, end=None, *, label=None))]
    fn get(
        &self,
        py: Python<'_>,
        key: &str,
        start: Option<u64>,
        end: Option<u64>,
        label: Option<String>,
    ) -> PyResult<Option<Buffer>> {
        let read = || labelled(label, || self.inner.get(key, ByteRange::new(start, end)?));
        let short = end.is_some_and(|end| end.saturating_sub(start.unwrap_or(0)) <= SHORT_READ);
        let data = if short && self.inner.is_local() { read().map_err(to_py)? } else { blocking(py, read)? };
        Ok(data.map(Buffer::from))
    }

    /// The object and its version; the buffer is None if it still is at version `known`.
    #[pyo3(signature = (key, known=None))]
    fn get_versioned(
        &self,
        py: Python<'_>,
        key: &str,
        known: Option<Version>,
    ) -> PyResult<Option<(Option<Buffer>, ObjectMeta)>> {
        let found = blocking(py, || self.inner.get_versioned(key, known.as_ref().map(|version| &version.0)))?;
        Ok(found.map(|(data, meta)| (data.map(Buffer::from), ObjectMeta(meta))))
    }

    /// A range, only if the etag is this one or it was not modified after (seconds); else `StorageConflict`.
    #[allow(clippy::too_many_arguments, reason = "the arguments of the Python method")]
    #[pyo3(signature = (key, start, end, *, etag=None, unmodified_since=None, label=None))]
    fn get_conditional(
        &self,
        py: Python<'_>,
        key: &str,
        start: u64,
        end: u64,
        etag: Option<String>,
        unmodified_since: Option<i64>,
        label: Option<String>,
    ) -> PyResult<Option<Buffer>> {
        let condition = ReadCondition { etag, unmodified_since };
        let get = || self.inner.get_conditional(key, ByteRange::new(Some(start), Some(end))?, &condition);
        let read = || labelled(label, get);
        Ok(blocking(py, read)?.map(Buffer::from))
    }

    /// Several (key, start, end) at once; `concurrency` 0 uses the store's own limit.
    #[pyo3(signature = (requests, *, concurrency=0))]
    fn get_many(
        &self,
        py: Python<'_>,
        requests: Vec<(String, Option<u64>, Option<u64>)>,
        concurrency: usize,
    ) -> PyResult<Vec<Option<Buffer>>> {
        let read = || {
            let requests = requests.into_iter().map(|(key, start, end)| Ok((key, ByteRange::new(start, end)?)));
            self.inner.get_many(&requests.collect::<Result<Vec<_>>>()?, concurrency)
        };
        Ok(blocking(py, read)?.into_iter().map(|data| data.map(Buffer::from)).collect())
    }

    fn head(&self, py: Python<'_>, key: &str) -> PyResult<Option<ObjectMeta>> {
        Ok(blocking(py, || self.inner.head(key))?.map(ObjectMeta))
    }

    /// `label` is told in the User-Agent of the requests.
    #[pyo3(signature = (
        key, data, mode=PutMode::OVERWRITE, *, attributes=None, content_type=None, storage_class=None, fresh=false,
        label=None
    ))]
    #[allow(clippy::too_many_arguments, reason = "the arguments of the Python method")]
    fn put(
        &self,
        py: Python<'_>,
        key: &str,
        data: &Bound<'_, PyAny>,
        mode: PutMode,
        attributes: Option<BTreeMap<String, String>>,
        content_type: Option<String>,
        storage_class: Option<String>,
        fresh: bool,
        label: Option<String>,
    ) -> PyResult<Version> {
        let data = bytes_of(data)?;
        let options = PutOptions { attributes: attributes.unwrap_or_default(), content_type, storage_class, fresh };
        blocking(py, || labelled(label, || self.inner.put(key, data, &mode.0, &options))).map(Version)
    }

    #[pyo3(signature = (objects, *, attributes=None, storage_class=None, concurrency=0, fresh=false))]
    fn put_many(
        &self,
        py: Python<'_>,
        objects: Vec<(String, Bound<'_, PyAny>)>,
        attributes: Option<BTreeMap<String, String>>,
        storage_class: Option<String>,
        concurrency: usize,
        fresh: bool,
    ) -> PyResult<()> {
        let objects = objects.into_iter().map(|(key, data)| Ok((key, bytes_of(&data)?)));
        let objects: Vec<(String, Bytes)> = objects.collect::<PyResult<_>>()?;
        let options =
            PutOptions { attributes: attributes.unwrap_or_default(), content_type: None, storage_class, fresh };
        blocking(py, || self.inner.put_many(&objects, &options, concurrency))
    }

    /// Local disk with `durable`: everything put so far, and its directories, is on stable storage on return.
    fn sync(&self, py: Python<'_>) -> PyResult<()> {
        blocking(py, || self.inner.sync())
    }

    /// Fail unless all these objects, written before, are there and can be relied on; over a network nobody asks.
    fn ensure_stored(&self, py: Python<'_>, keys: Vec<String>) -> PyResult<()> {
        blocking(py, || self.inner.ensure_stored(&keys))
    }

    /// Objects are dated by a clock of their own, and can be asked for their times at no cost (local disk).
    #[getter]
    fn keeps_time(&self) -> bool {
        self.inner.keeps_time()
    }

    /// How long after its time of modification an object may have been written, in microseconds.
    #[getter]
    fn time_lag(&self) -> i64 {
        self.inner.time_lag()
    }

    /// Copy an object, if `version` is given only while the source still is at it.
    #[pyo3(signature = (source, target, version=None))]
    fn copy(&self, py: Python<'_>, source: &str, target: &str, version: Option<Version>) -> PyResult<()> {
        blocking(py, || self.inner.copy(source, target, version.as_ref().map(|version| &version.0)))
    }

    /// Every object below `prefix` (whole path components), streamed, in no order.
    #[pyo3(signature = (prefix=""))]
    fn list(&self, py: Python<'_>, prefix: &str) -> PyResult<ObjectListing> {
        let rest = blocking(py, || self.inner.list(prefix))?;
        Ok(ObjectListing {
            state: Mutex::new(ListingState { fetched: VecDeque::new(), rest: Some(rest), failure: None }),
        })
    }

    /// The objects directly below `prefix` that are named by an id, as columns, a page at a time, in no order.
    fn list_ids(&self, py: Python<'_>, prefix: &str) -> PyResult<IdListing> {
        blocking(py, || self.inner.list(prefix)).map(|rest| IdListing::new(prefix, rest))
    }

    /// Delete objects, each only if it was last modified at the time given; (failures, keys of those written since).
    fn delete_unchanged(&self, py: Python<'_>, seen: Vec<(String, i64)>) -> PyResult<(Failures, Vec<String>)> {
        let deletion = blocking(py, || self.inner.delete_unchanged(&seen))?;
        Ok((deletion.failed, deletion.changed))
    }

    /// Remove what killed writers left on a local disk before `older_than` (microseconds since 1970).
    fn remove_leftovers(&self, py: Python<'_>, older_than: i64) -> PyResult<u64> {
        blocking(py, || self.inner.remove_leftovers(older_than))
    }

    /// Delete; a missing object is no error.  Returns (key, reason) for those that failed.
    fn delete_many(&self, py: Python<'_>, keys: Vec<String>) -> PyResult<Failures> {
        blocking(py, || self.inner.delete_many(&keys))
    }

    fn __repr__(&self) -> String {
        format!("<ObjectStore {}>", self.inner)
    }
}

fn labelled<T>(label: Option<String>, call: impl FnOnce() -> T) -> T {
    match label {
        Some(text) => label::with(text, call),
        None => call(),
    }
}

/// What the User-Agent of requests for a chunk tells: the array and the chunk, shortened, without special characters.
#[pyfunction]
pub fn chunk_label(path: &str, coords: Vec<u32>) -> String {
    label::of_chunk(path, &coords)
}
