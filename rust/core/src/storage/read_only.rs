//! A store that may only be read.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::{
    ByteRange, Deletion, Done, Listing, ObjectMeta, ObjectStore, PutMode, PutOptions, ReadCondition, ReadRequest,
    Started, Version, Versioned,
};
use crate::error::{Error, ErrorKind, Result};

/// `inner`, without the way to change anything: writes end here, and nobody below is asked.
pub struct ReadOnlyStore {
    inner: Arc<dyn ObjectStore>,
}

impl ReadOnlyStore {
    /// `inner` for reading; the same store if it is that already.
    #[must_use]
    pub fn over(inner: Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> {
        if inner.is_read_only() { inner } else { Arc::new(Self { inner }) }
    }

    fn refusal(&self) -> Error {
        refusal(&self.inner)
    }
}

/// The error of a write to a store that may only be read.
fn refusal(store: &dyn fmt::Display) -> Error {
    Error::new(ErrorKind::ReadOnlyStorage, format!("cannot write: the storage can only be read ({store})"))
}

/// Refuse before anything is prepared, where writing is impossible.
///
/// # Errors
/// [`ErrorKind::ReadOnlyStorage`].
pub fn ensure_writable(store: &dyn ObjectStore) -> Result<()> {
    if store.is_read_only() { Err(refusal(&store)) } else { Ok(()) }
}

impl fmt::Display for ReadOnlyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl ObjectStore for ReadOnlyStore {
    fn is_local(&self) -> bool {
        self.inner.is_local()
    }

    fn is_read_only(&self) -> bool {
        true
    }

    fn always_compares(&self) -> bool {
        self.inner.always_compares()
    }

    fn clock_ahead(&self) -> Option<i64> {
        self.inner.clock_ahead()
    }

    fn keeps_time(&self) -> bool {
        self.inner.keeps_time()
    }

    fn time_lag(&self) -> i64 {
        self.inner.time_lag()
    }

    fn get(&self, key: &str, range: ByteRange) -> Result<Option<Bytes>> {
        self.inner.get(key, range)
    }

    fn start_get(&self, key: &str, range: ByteRange, done: Done) -> Result<Option<Started>> {
        self.inner.start_get(key, range, done)
    }

    fn get_into(&self, key: &str, start: u64, target: &mut [u8]) -> Result<Option<usize>> {
        self.inner.get_into(key, start, target)
    }

    fn get_versioned(&self, key: &str, known: Option<&Version>) -> Result<Option<Versioned>> {
        self.inner.get_versioned(key, known)
    }

    fn get_conditional(&self, key: &str, range: ByteRange, condition: &ReadCondition) -> Result<Option<Bytes>> {
        self.inner.get_conditional(key, range, condition)
    }

    fn get_many(&self, requests: &[ReadRequest], concurrency: usize) -> Result<Vec<Option<Bytes>>> {
        self.inner.get_many(requests, concurrency)
    }

    fn head(&self, key: &str) -> Result<Option<ObjectMeta>> {
        self.inner.head(key)
    }

    fn head_many(&self, keys: &[&str]) -> Result<Vec<Option<ObjectMeta>>> {
        self.inner.head_many(keys)
    }

    fn put(&self, _key: &str, _data: Bytes, _mode: &PutMode, _options: &PutOptions) -> Result<Version> {
        Err(self.refusal())
    }

    fn put_parts(&self, _key: &str, _parts: &[&[u8]], _options: &PutOptions) -> Result<()> {
        Err(self.refusal())
    }

    fn put_many(&self, _objects: &[(String, Bytes)], _options: &PutOptions, _concurrency: usize) -> Result<()> {
        Err(self.refusal())
    }

    fn copy(&self, _source: &str, _target: &str, _version: Option<&Version>) -> Result<()> {
        Err(self.refusal())
    }

    fn list(&self, prefix: &str) -> Result<Listing> {
        self.inner.list(prefix)
    }

    fn delete_many(&self, _keys: &[String]) -> Result<Vec<(String, String)>> {
        Err(self.refusal())
    }

    fn delete_unchanged(&self, _seen: &[(String, i64)]) -> Result<Deletion> {
        Err(self.refusal())
    }

    fn remove_leftovers(&self, _older_than: i64) -> Result<u64> {
        Err(self.refusal())
    }

    fn with_prefix(self: Arc<Self>, prefix: &str) -> Result<Arc<dyn ObjectStore>> {
        Ok(Self::over(Arc::clone(&self.inner).with_prefix(prefix)?))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::storage::{Latency, LatencyStore, MemoryStore, PrefixStore};

    fn filled() -> Arc<dyn ObjectStore> {
        let store = MemoryStore::new();
        store.put("a/b", Bytes::from_static(b"x"), &PutMode::Overwrite, &PutOptions::default()).unwrap();
        Arc::new(store)
    }

    fn keys(store: &dyn ObjectStore) -> Vec<String> {
        store.list("").unwrap().map(|object| object.unwrap().key).collect()
    }

    #[test]
    fn every_write_is_refused_and_reads_are_not() {
        let writable = filled();
        let root = ReadOnlyStore::over(Arc::clone(&writable));
        let below: Arc<dyn ObjectStore> = Arc::new(PrefixStore::new(Arc::clone(&root), "a").unwrap());
        let late: Arc<dyn ObjectStore> = Arc::new(LatencyStore::new(Arc::clone(&root), Arc::new(Latency::default())));
        for store in [&root, &below, &late, &Arc::clone(&root).with_prefix("a").unwrap()] {
            let (one, options) = (Bytes::from_static(b"y"), PutOptions::default());
            let refused = [
                store.put("c", one.clone(), &PutMode::Create, &options).map(drop),
                store.put_parts("c", &[b"y"], &options),
                store.put_many(&[("c".to_owned(), one)], &options, 0),
                store.copy("b", "c", None),
                store.delete_many(&["b".to_owned()]).map(drop),
                store.delete_unchanged(&[("b".to_owned(), 0)]).map(drop),
                ensure_writable(store.as_ref()),
            ];
            for result in refused {
                assert_eq!(result.unwrap_err().kind, ErrorKind::ReadOnlyStorage);
            }
            store.sync().unwrap();
        }
        assert!(root.remove_leftovers(i64::MAX).is_err());
        assert_eq!(keys(writable.as_ref()), ["a/b"]);
        assert_eq!(root.get("a/b", ByteRange::ALL).unwrap().unwrap(), "x");
        assert!(ensure_writable(writable.as_ref()).is_ok());
    }

    #[test]
    fn what_is_read_only_stays_as_it_is() {
        let once = ReadOnlyStore::over(filled());
        assert!(Arc::ptr_eq(&once, &ReadOnlyStore::over(Arc::clone(&once))));
    }
}
