//! A part of another store.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::{
    ByteRange, Done, Listing, ObjectMeta, ObjectStore, PutMode, PutOptions, ReadCondition, ReadRequest, Started,
    Version, Versioned, key,
};
use crate::error::Result;

/// The objects of `inner` whose keys start with a prefix, which is taken off.
pub struct PrefixStore {
    inner: Arc<dyn ObjectStore>,
    prefix: String,
}

impl PrefixStore {
    /// The part of `inner` below `prefix`.
    ///
    /// # Errors
    /// The prefix is no key.
    pub fn new(inner: Arc<dyn ObjectStore>, prefix: &str) -> Result<Self> {
        Ok(Self { inner, prefix: key::prefix(prefix)?.to_owned() })
    }

    // Keys are checked before they are joined: `..` must not leave the prefix.
    fn full(&self, key: &str) -> Result<String> {
        key::validate(key)?;
        Ok(key::join(&self.prefix, key))
    }

    fn relative(&self, meta: ObjectMeta) -> ObjectMeta {
        ObjectMeta { key: relative(&self.prefix, meta.key), ..meta }
    }
}

fn relative(prefix: &str, key: String) -> String {
    match key.strip_prefix(prefix).map(|rest| rest.strip_prefix('/').unwrap_or(rest)) {
        Some(rest) => rest.to_owned(),
        None => key,
    }
}

impl fmt::Display for PrefixStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} below '{}'", self.inner, self.prefix)
    }
}

impl ObjectStore for PrefixStore {
    fn is_local(&self) -> bool {
        self.inner.is_local()
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
        self.inner.get(&self.full(key)?, range)
    }

    fn start_get(&self, key: &str, range: ByteRange, done: Done) -> Result<Option<Started>> {
        self.inner.start_get(&self.full(key)?, range, done)
    }

    fn get_into(&self, key: &str, start: u64, target: &mut [u8]) -> Result<Option<usize>> {
        self.inner.get_into(&self.full(key)?, start, target)
    }

    fn get_versioned(&self, key: &str, known: Option<&Version>) -> Result<Option<Versioned>> {
        let found = self.inner.get_versioned(&self.full(key)?, known)?;
        Ok(found.map(|(data, meta)| (data, self.relative(meta))))
    }

    fn get_conditional(&self, key: &str, range: ByteRange, condition: &ReadCondition) -> Result<Option<Bytes>> {
        self.inner.get_conditional(&self.full(key)?, range, condition)
    }

    fn get_many(&self, requests: &[ReadRequest], concurrency: usize) -> Result<Vec<Option<Bytes>>> {
        let requests: Vec<_> =
            requests.iter().map(|(key, range)| Ok((self.full(key)?, *range))).collect::<Result<_>>()?;
        self.inner.get_many(&requests, concurrency)
    }

    fn head(&self, key: &str) -> Result<Option<ObjectMeta>> {
        Ok(self.inner.head(&self.full(key)?)?.map(|meta| self.relative(meta)))
    }

    fn head_many(&self, keys: &[&str]) -> Result<Vec<Option<ObjectMeta>>> {
        let full: Vec<String> = keys.iter().map(|key| self.full(key)).collect::<Result<_>>()?;
        let found = self.inner.head_many(&full.iter().map(String::as_str).collect::<Vec<_>>())?;
        Ok(found.into_iter().map(|meta| meta.map(|meta| self.relative(meta))).collect())
    }

    fn put(&self, key: &str, data: Bytes, mode: &PutMode, options: &PutOptions) -> Result<Version> {
        self.inner.put(&self.full(key)?, data, mode, options)
    }

    fn put_parts(&self, key: &str, parts: &[&[u8]], options: &PutOptions) -> Result<()> {
        self.inner.put_parts(&self.full(key)?, parts, options)
    }

    fn put_many(&self, objects: &[(String, Bytes)], options: &PutOptions, concurrency: usize) -> Result<()> {
        let objects: Vec<_> =
            objects.iter().map(|(key, data)| Ok((self.full(key)?, data.clone()))).collect::<Result<_>>()?;
        self.inner.put_many(&objects, options, concurrency)
    }

    fn sync(&self) -> Result<()> {
        self.inner.sync()
    }

    fn ensure_stored(&self, keys: &[String]) -> Result<()> {
        let full: Vec<_> = keys.iter().map(|key| self.full(key)).collect::<Result<_>>()?;
        self.inner.ensure_stored(&full)
    }

    fn keeps_time(&self) -> bool {
        self.inner.keeps_time()
    }

    fn time_lag(&self) -> i64 {
        self.inner.time_lag()
    }

    fn copy(&self, source: &str, target: &str, version: Option<&Version>) -> Result<()> {
        self.inner.copy(&self.full(source)?, &self.full(target)?, version)
    }

    fn list(&self, prefix: &str) -> Result<Listing> {
        let inner = self.inner.list(&key::join(&self.prefix, key::prefix(prefix)?))?;
        let own = self.prefix.clone();
        Ok(Box::new(inner.map(move |meta| {
            let meta = meta?;
            Ok(ObjectMeta { key: relative(&own, meta.key), ..meta })
        })))
    }

    fn delete_many(&self, keys: &[String]) -> Result<Vec<(String, String)>> {
        let full: Vec<_> = keys.iter().map(|key| self.full(key)).collect::<Result<_>>()?;
        let failed = self.inner.delete_many(&full)?;
        Ok(failed.into_iter().map(|(key, reason)| (relative(&self.prefix, key), reason)).collect())
    }

    fn with_prefix(self: Arc<Self>, prefix: &str) -> Result<Arc<dyn ObjectStore>> {
        let deeper = key::join(&self.prefix, key::prefix(prefix)?);
        Ok(Arc::new(Self { inner: Arc::clone(&self.inner), prefix: deeper }))
    }
}
