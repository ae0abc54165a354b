//! A directory as an object store.
//!
//! Keys are paths below a root.  Objects whose names were just drawn are written in place, since nobody reads such a name
//! before it is published; every other object is replaced atomically.  Symbolic links are followed, and what they lead to
//! has to be a regular file (docs/design/0012).  Conditional writes are made under a lock, so that several
//! processes may commit to one directory.

mod conditional;
mod durability;
mod failure;
mod leftovers;
mod listing;
mod lock;
mod names;
mod read;
mod version;
mod write;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::{
    ByteRange, Deletion, Listing, ObjectMeta, ObjectStore, PutMode, PutOptions, ReadCondition, ReadRequest, Version,
    Versioned, changed, gone, key, not_found, parallel, unix_micros,
};
use crate::error::{Error, ErrorKind, Result};
use crate::interrupt;
use durability::Unsynced;
use failure::{failed, is_missing};
use lock::RootLock;
use read::Pace;

/// Threads of a batch of reads or writes: enough to keep a disk busy, few enough to start in no time.
const THREADS: usize = 4;

/// Names below this are moved by conditional writes (spec 1).
const REFS: &str = "refs/";

/// A batch below this many bytes is done by the caller alone: threads would cost more than they save.
const MIN_BYTES_FOR_THREADS: usize = 1 << 20;

/// Up to this many files are looked up by the caller alone.
const LOOKED_UP_ALONE: usize = 1000;

/// How a directory is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalOptions {
    /// Put files and directories on stable storage, see [`ObjectStore::sync`].
    pub durable: bool,
    /// Keys are file names as they stand, for reading files of other programs; else special characters are
    /// percent-encoded (format section 10.1).
    pub verbatim: bool,
}

impl Default for LocalOptions {
    fn default() -> Self {
        Self { durable: true, verbatim: false }
    }
}

/// The objects below a directory.
#[derive(Debug)]
pub struct LocalStore {
    root: PathBuf,
    options: LocalOptions,
    unsynced: Unsynced,
    pace: Pace,
}

impl LocalStore {
    /// The store at `root`, which need not exist: the first write makes it.
    ///
    /// # Errors
    /// The path is empty, or there is no current directory to complete it.
    pub fn new(root: impl AsRef<Path>, options: LocalOptions) -> Result<Self> {
        let root = root.as_ref();
        let absolute = std::path::absolute(root).map_err(|error| {
            Error::new(ErrorKind::StorageConfig, format!("'{}' is no usable directory path: {error}", root.display()))
        })?;
        Ok(Self { root: absolute, options, unsynced: Unsynced::default(), pace: Pace::default() })
    }

    /// The directory.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn path(&self, key: &str) -> Result<PathBuf> {
        key::validate(key)?;
        if key.split('/').any(names::is_hidden) {
            return Err(Error::new(ErrorKind::InvalidInput, format!("object key '{key}' is reserved")));
        }
        Ok(self.path_of_prefix(key))
    }

    fn path_of_prefix(&self, prefix: &str) -> PathBuf {
        let mut path = self.root.clone();
        match prefix {
            "" => {}
            verbatim if self.options.verbatim => path.push(verbatim),
            key => path.push(key::encode(key).as_ref()),
        }
        path
    }

    /// Delete files, those with a time only if they were last modified then.
    fn delete_each<'a>(&self, keys: impl Iterator<Item = (&'a String, Option<i64>)>) -> Result<Deletion> {
        let mut deletion = Deletion::default();
        for (step, (key, time)) in keys.enumerate() {
            if step % interrupt::STEPS == interrupt::STEPS - 1 {
                interrupt::check()?;
            }
            let path = self.path(key)?;
            if time.is_some_and(|time| modified(&path).is_some_and(|now| now != time)) {
                deletion.changed.push(key.clone());
                continue;
            }
            let known = self.unsynced.forget(&path);
            if let Err(error) = found(fs::remove_file(&path), "delete", &path) {
                self.unsynced.remember(&path, known);
                deletion.failed.push((key.clone(), error.message));
            }
        }
        Ok(deletion)
    }

    fn threads(total_bytes: usize, concurrency: usize) -> usize {
        if total_bytes < MIN_BYTES_FOR_THREADS {
            return 1;
        }
        if concurrency == 0 { THREADS } else { concurrency.min(THREADS) }
    }
}

/// When a file was last modified, in microseconds since 1970; `None` if it cannot be told.
fn modified(path: &Path) -> Option<i64> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok().map(unix_micros)
}

fn meta(key: &str, metadata: &Metadata, version: Version) -> ObjectMeta {
    ObjectMeta {
        key: key.to_owned(),
        size: metadata.len(),
        last_modified: metadata.modified().map_or(0, unix_micros),
        version,
        attributes: BTreeMap::new(),
    }
}

/// `None` for a file that is not there; directories are not objects.
fn found<T>(result: io::Result<T>, action: &str, path: &Path) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(failed(&error, action, path)),
    }
}

impl fmt::Display for LocalStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "directory {}", self.root.display())
    }
}

impl ObjectStore for LocalStore {
    fn is_local(&self) -> bool {
        !self.pace.is_slow()
    }

    fn always_compares(&self) -> bool {
        true
    }

    fn get(&self, key: &str, range: ByteRange) -> Result<Option<Bytes>> {
        let path = self.path(key)?;
        found(self.pace.watch(|| read::range(&path, range), Bytes::len), "read", &path)
    }

    fn get_into(&self, key: &str, start: u64, target: &mut [u8]) -> Result<Option<usize>> {
        let path = self.path(key)?;
        found(self.pace.watch(|| read::into(&path, start, target), |length| *length), "read", &path)
    }

    fn get_versioned(&self, key: &str, known: Option<&Version>) -> Result<Option<Versioned>> {
        let path = self.path(key)?;
        let Some((data, metadata)) = found(read::whole(&path), "read", &path)? else { return Ok(None) };
        let version = version::of_content(&data);
        let unchanged = known.is_some_and(|known| *known == version);
        Ok(Some(((!unchanged).then_some(data), meta(key, &metadata, version))))
    }

    fn get_conditional(&self, key: &str, range: ByteRange, condition: &ReadCondition) -> Result<Option<Bytes>> {
        let path = self.path(key)?;
        let read = || -> io::Result<Option<Bytes>> {
            let (file, metadata) = read::open(&path)?;
            if !version::holds(condition, &file, &metadata)? {
                return Ok(None);
            }
            read::range_of(&file, range).map(Some)
        };
        match found(read(), "read", &path)? {
            Some(Some(data)) => Ok(Some(data)),
            Some(None) => Err(changed(key)),
            None => Ok(None),
        }
    }

    fn get_many(&self, requests: &[ReadRequest], concurrency: usize) -> Result<Vec<Option<Bytes>>> {
        let expected = requests.iter().map(|(_, range)| match range.end {
            Some(end) => usize::try_from(end - range.start).unwrap_or(usize::MAX),
            None => MIN_BYTES_FOR_THREADS,
        });
        let total = expected.fold(0, usize::saturating_add);
        parallel::map(requests, Self::threads(total, concurrency), |(key, range)| self.get(key, *range))
    }

    fn head(&self, key: &str) -> Result<Option<ObjectMeta>> {
        let path = self.path(key)?;
        let metadata = found(fs::metadata(&path), "look up", &path)?.filter(Metadata::is_file);
        Ok(metadata.map(|metadata| meta(key, &metadata, version::of_file(&metadata))))
    }

    fn put(&self, key: &str, data: Bytes, mode: &PutMode, options: &PutOptions) -> Result<Version> {
        match mode {
            PutMode::Overwrite => self.write(key, &[&data], options),
            PutMode::Create => self.write_if(key, &data, None),
            PutMode::Update(version) => self.write_if(key, &data, Some(version)),
        }
    }

    fn put_parts(&self, key: &str, parts: &[&[u8]], options: &PutOptions) -> Result<()> {
        self.write(key, parts, options).map(drop)
    }

    fn put_many(&self, objects: &[(String, Bytes)], options: &PutOptions, concurrency: usize) -> Result<()> {
        let total = objects.iter().map(|(_, data)| data.len()).fold(0, usize::saturating_add);
        parallel::map(objects, Self::threads(total, concurrency), |(key, data)| self.write(key, &[data], options))
            .map(drop)
    }

    fn sync(&self) -> Result<()> {
        self.unsynced.sync()
    }

    fn ensure_stored(&self, keys: &[String]) -> Result<()> {
        let one = |key: &String| {
            let path = self.path(key)?;
            self.unsynced.ensure_sound(&path)?;
            let found = found(fs::metadata(&path), "look up", &path)?;
            if found.is_some_and(|metadata| metadata.is_file()) { Ok(()) } else { Err(gone(key)) }
        };
        parallel::map(keys, if keys.len() < LOOKED_UP_ALONE { 1 } else { THREADS }, one).map(drop)
    }

    fn keeps_time(&self) -> bool {
        true
    }

    fn time_lag(&self) -> i64 {
        version::clock_lag()
    }

    fn copy(&self, source: &str, target: &str, version: Option<&Version>) -> Result<()> {
        let path = self.path(source)?;
        key::validate(target)?;
        let Some((data, metadata)) = found(read::whole(&path), "read", &path)? else {
            return Err(if version.is_some() { changed(source) } else { not_found(source) });
        };
        if version.is_some_and(|version| !version::is_at(version, &data, &metadata)) {
            return Err(changed(source));
        }
        self.write(target, &[&data], &PutOptions::default()).map(drop)
    }

    fn list(&self, prefix: &str) -> Result<Listing> {
        let prefix = key::prefix(prefix)?;
        let start = self.path_of_prefix(prefix);
        Ok(Box::new(listing::Walk::new(&self.root, start, self.options.verbatim)?))
    }

    fn delete_many(&self, keys: &[String]) -> Result<Vec<(String, String)>> {
        // A conditional write that has made its comparison would bring a ref back.
        let is_ref = keys.iter().any(|key| key.starts_with(REFS));
        let _lock = if is_ref && self.root.is_dir() { Some(RootLock::acquire(&self.root)?) } else { None };
        self.delete_each(keys.iter().map(|key| (key, None))).map(|deletion| deletion.failed)
    }

    fn delete_unchanged(&self, seen: &[(String, i64)]) -> Result<Deletion> {
        self.delete_each(seen.iter().map(|(key, time)| (key, Some(*time))))
    }

    fn remove_leftovers(&self, older_than: i64) -> Result<u64> {
        self.remove_temporaries(older_than)
    }

    /// The directory of the prefix as a store of its own, so that it has the lock of one opened there directly.
    fn with_prefix(self: Arc<Self>, prefix: &str) -> Result<Arc<dyn ObjectStore>> {
        let root = self.path_of_prefix(key::prefix(prefix)?);
        Ok(Arc::new(Self { root, options: self.options, unsynced: Unsynced::default(), pace: Pace::default() }))
    }
}
