//! A store that answers late, for tests and demonstrations.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{
    ByteRange, Listing, ObjectMeta, ObjectStore, PutMode, PutOptions, ReadCondition, ReadRequest, Version, Versioned,
};
use crate::error::Result;
use crate::interrupt;

/// Milliseconds to sleep before each request; may be changed at any time.
#[derive(Debug, Default)]
pub struct Latency {
    /// Before reads and listings.
    pub read_ms: AtomicU64,
    /// Before writes and deletions.
    pub write_ms: AtomicU64,
}

/// `inner`, each request later.
///
/// A batch sleeps once: its requests would be in flight together.
pub struct LatencyStore {
    inner: Arc<dyn ObjectStore>,
    latency: Arc<Latency>,
}

impl LatencyStore {
    /// `inner` with the given latency.
    #[must_use]
    pub fn new(inner: Arc<dyn ObjectStore>, latency: Arc<Latency>) -> Self {
        Self { inner, latency }
    }

    fn read(&self) -> Result<&dyn ObjectStore> {
        sleep(&self.latency.read_ms).map(|()| self.inner.as_ref())
    }

    fn write(&self) -> Result<&dyn ObjectStore> {
        sleep(&self.latency.write_ms).map(|()| self.inner.as_ref())
    }
}

fn sleep(milliseconds: &AtomicU64) -> Result<()> {
    let total = Duration::from_millis(milliseconds.load(Ordering::Relaxed));
    let begin = Instant::now();
    while let Some(left) = total.checked_sub(begin.elapsed()).filter(|left| !left.is_zero()) {
        thread::sleep(left.min(interrupt::INTERVAL));
        interrupt::check()?;
    }
    Ok(())
}

impl fmt::Display for LatencyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, delayed", self.inner)
    }
}

impl ObjectStore for LatencyStore {
    fn is_local(&self) -> bool {
        self.inner.is_local() && self.latency.read_ms.load(Ordering::Relaxed) == 0
    }

    fn is_read_only(&self) -> bool {
        self.inner.is_read_only()
    }

    fn always_compares(&self) -> bool {
        self.inner.always_compares()
    }

    fn clock_ahead(&self) -> Option<i64> {
        self.inner.clock_ahead()
    }

    fn get(&self, key: &str, range: ByteRange) -> Result<Option<Bytes>> {
        self.read()?.get(key, range)
    }

    fn get_versioned(&self, key: &str, known: Option<&Version>) -> Result<Option<Versioned>> {
        self.read()?.get_versioned(key, known)
    }

    fn get_conditional(&self, key: &str, range: ByteRange, condition: &ReadCondition) -> Result<Option<Bytes>> {
        self.read()?.get_conditional(key, range, condition)
    }

    fn get_many(&self, requests: &[ReadRequest], concurrency: usize) -> Result<Vec<Option<Bytes>>> {
        self.read()?.get_many(requests, concurrency)
    }

    fn head(&self, key: &str) -> Result<Option<ObjectMeta>> {
        self.read()?.head(key)
    }

    fn head_many(&self, keys: &[&str]) -> Result<Vec<Option<ObjectMeta>>> {
        self.read()?.head_many(keys)
    }

    fn put(&self, key: &str, data: Bytes, mode: &PutMode, options: &PutOptions) -> Result<Version> {
        self.write()?.put(key, data, mode, options)
    }

    fn put_parts(&self, key: &str, parts: &[&[u8]], options: &PutOptions) -> Result<()> {
        self.write()?.put_parts(key, parts, options)
    }

    fn put_many(&self, objects: &[(String, Bytes)], options: &PutOptions, concurrency: usize) -> Result<()> {
        self.write()?.put_many(objects, options, concurrency)
    }

    fn sync(&self) -> Result<()> {
        self.inner.sync()
    }

    fn ensure_stored(&self, keys: &[String]) -> Result<()> {
        self.inner.ensure_stored(keys)
    }

    fn keeps_time(&self) -> bool {
        self.inner.keeps_time()
    }

    fn time_lag(&self) -> i64 {
        self.inner.time_lag()
    }

    fn copy(&self, source: &str, target: &str, version: Option<&Version>) -> Result<()> {
        self.write()?.copy(source, target, version)
    }

    fn list(&self, prefix: &str) -> Result<Listing> {
        self.read()?.list(prefix)
    }

    fn delete_many(&self, keys: &[String]) -> Result<Vec<(String, String)>> {
        self.write()?.delete_many(keys)
    }

    fn remove_leftovers(&self, older_than: i64) -> Result<u64> {
        self.write()?.remove_leftovers(older_than)
    }

    fn with_prefix(self: Arc<Self>, prefix: &str) -> Result<Arc<dyn ObjectStore>> {
        let inner = Arc::clone(&self.inner).with_prefix(prefix)?;
        Ok(Arc::new(Self { inner, latency: Arc::clone(&self.latency) }))
    }
}
