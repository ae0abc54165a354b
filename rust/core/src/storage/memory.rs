//! A store in memory: for tests and scratch repositories.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::{Arc, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;

use super::{
    ByteRange, Listing, ObjectMeta, ObjectStore, PrefixStore, PutMode, PutOptions, ReadCondition, ReadRequest, Version,
    Versioned, already_exists, bare_etag, changed, gone, key, not_found, unix_micros,
};
use crate::error::Result;
use crate::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

#[derive(Debug, Clone)]
struct Entry {
    data: Bytes,
    /// Counts the writes of the whole store, so that no two writes share an etag.
    number: u64,
    last_modified: i64,
    attributes: BTreeMap<String, String>,
}

impl Entry {
    fn version(&self) -> Version {
        Version::of_etag(self.number.to_string())
    }

    fn meta(&self, key: &str) -> ObjectMeta {
        ObjectMeta {
            key: key.to_owned(),
            size: self.data.len() as u64,
            last_modified: self.last_modified,
            version: self.version(),
            attributes: self.attributes.clone(),
        }
    }

    fn range(&self, range: ByteRange) -> Bytes {
        let (start, length) = range.within(self.data.len() as u64);
        // both fit: they lie inside a buffer
        let start = usize::try_from(start).unwrap_or(self.data.len());
        let length = usize::try_from(length).unwrap_or(0);
        self.data.slice(start..start + length)
    }
}

#[derive(Debug, Default)]
struct Objects {
    entries: BTreeMap<String, Entry>,
    writes: u64,
}

/// Objects in the memory of this process.
#[derive(Debug, Default)]
pub struct MemoryStore {
    objects: RwLock<Objects>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    // A writer that panicked cannot leave half an entry behind, so a poisoned lock is as good as any.
    fn read(&self) -> RwLockReadGuard<'_, Objects> {
        self.objects.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Objects> {
        self.objects.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn insert(objects: &mut Objects, key: &str, data: Bytes, attributes: BTreeMap<String, String>) -> Version {
    objects.writes += 1;
    let entry = Entry { data, number: objects.writes, last_modified: unix_micros(SystemTime::now()), attributes };
    let version = entry.version();
    objects.entries.insert(key.to_owned(), entry);
    version
}

fn is_at(entry: Option<&Entry>, version: &Version) -> bool {
    entry.is_some_and(|entry| Some(entry.number.to_string().as_str()) == version.etag.as_deref().map(bare_etag))
}

impl fmt::Display for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("memory")
    }
}

impl ObjectStore for MemoryStore {
    fn is_local(&self) -> bool {
        true
    }

    fn always_compares(&self) -> bool {
        true
    }

    fn get(&self, key: &str, range: ByteRange) -> Result<Option<Bytes>> {
        key::validate(key)?;
        Ok(self.read().entries.get(key).map(|entry| entry.range(range)))
    }

    fn get_versioned(&self, key: &str, known: Option<&Version>) -> Result<Option<Versioned>> {
        key::validate(key)?;
        Ok(self.read().entries.get(key).map(|entry| {
            let unchanged = known.is_some_and(|version| is_at(Some(entry), version));
            ((!unchanged).then(|| entry.data.clone()), entry.meta(key))
        }))
    }

    fn get_conditional(&self, key: &str, range: ByteRange, condition: &ReadCondition) -> Result<Option<Bytes>> {
        key::validate(key)?;
        let objects = self.read();
        let Some(entry) = objects.entries.get(key) else { return Ok(None) };
        let holds = match (&condition.etag, condition.unmodified_since) {
            (Some(etag), _) => is_at(Some(entry), &Version::of_etag(etag)),
            (None, Some(seconds)) => !super::is_later(entry.last_modified, seconds),
            (None, None) => true,
        };
        if holds { Ok(Some(entry.range(range))) } else { Err(changed(key)) }
    }

    fn get_many(&self, requests: &[ReadRequest], _concurrency: usize) -> Result<Vec<Option<Bytes>>> {
        requests.iter().map(|(key, range)| self.get(key, *range)).collect()
    }

    fn head(&self, key: &str) -> Result<Option<ObjectMeta>> {
        key::validate(key)?;
        Ok(self.read().entries.get(key).map(|entry| entry.meta(key)))
    }

    fn put(&self, key: &str, data: Bytes, mode: &PutMode, options: &PutOptions) -> Result<Version> {
        key::validate(key)?;
        let mut objects = self.write();
        let current = objects.entries.get(key);
        match mode {
            PutMode::Create if current.is_some() => return Err(already_exists(key)),
            PutMode::Update(version) if !is_at(current, version) => return Err(changed(key)),
            _ => {}
        }
        Ok(insert(&mut objects, key, data, options.attributes.clone()))
    }

    fn put_many(&self, objects: &[(String, Bytes)], options: &PutOptions, _concurrency: usize) -> Result<()> {
        objects.iter().try_for_each(|(key, data)| self.put(key, data.clone(), &PutMode::Overwrite, options).map(drop))
    }

    fn ensure_stored(&self, keys: &[String]) -> Result<()> {
        let objects = self.read();
        keys.iter().find(|key| !objects.entries.contains_key(*key)).map_or(Ok(()), |key| Err(gone(key)))
    }

    fn copy(&self, source: &str, target: &str, version: Option<&Version>) -> Result<()> {
        key::validate(source)?;
        key::validate(target)?;
        let mut objects = self.write();
        let entry = objects.entries.get(source).cloned();
        if version.is_some_and(|version| !is_at(entry.as_ref(), version)) {
            return Err(changed(source));
        }
        let Some(entry) = entry else { return Err(not_found(source)) };
        insert(&mut objects, target, entry.data, entry.attributes);
        Ok(())
    }

    fn list(&self, prefix: &str) -> Result<Listing> {
        let prefix = key::prefix(prefix)?;
        let start = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        let found: Vec<_> = self
            .read()
            .entries
            .range::<str, _>((Bound::Included(start.as_str()), Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(&start))
            .map(|(key, entry)| Ok(ObjectMeta { attributes: BTreeMap::new(), ..entry.meta(key) }))
            .collect();
        Ok(Box::new(found.into_iter()))
    }

    fn delete_many(&self, keys: &[String]) -> Result<Vec<(String, String)>> {
        keys.iter().try_for_each(|key| key::validate(key))?;
        let mut objects = self.write();
        for key in keys {
            objects.entries.remove(key);
        }
        Ok(Vec::new())
    }

    fn with_prefix(self: Arc<Self>, prefix: &str) -> Result<Arc<dyn ObjectStore>> {
        Ok(Arc::new(PrefixStore::new(self, prefix)?))
    }
}
