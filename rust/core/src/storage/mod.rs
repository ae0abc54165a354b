//! Keys to bytes: what every object store offers, and the stores themselves.

pub mod key;
pub mod latency;
pub mod local;
pub mod memory;
pub(crate) mod parallel;
pub mod prefix;
pub mod read_only;
pub mod remote;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::{Error, ErrorKind, Result};

pub use latency::{Latency, LatencyStore};
pub use local::{LocalOptions, LocalStore};
pub use memory::MemoryStore;
pub use prefix::PrefixStore;
pub use read_only::ReadOnlyStore;
pub use remote::RemoteStore;

/// What a conditional write compares: an etag, a generation, or both.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Version {
    /// The entity tag, as the store gave it.
    pub etag: Option<String>,
    /// The generation or version number, on stores that have one.
    pub generation: Option<String>,
}

impl Version {
    /// A version known by its etag alone.
    pub fn of_etag(etag: impl Into<String>) -> Self {
        Self { etag: Some(etag.into()), generation: None }
    }
}

/// When a put may happen.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PutMode {
    /// Always.
    Overwrite,
    /// Only if there is no such object.
    Create,
    /// Only while the object is at this version.
    Update(Version),
}

/// What a put says besides the bytes; stores without such a notion ignore it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PutOptions {
    /// User metadata.
    pub attributes: BTreeMap<String, String>,
    /// Content type.
    pub content_type: Option<String>,
    /// Storage class, in the store's own spelling.
    pub storage_class: Option<String>,
    /// The name was drawn at random for this write: nobody reads it yet, and nobody else writes it.
    pub fresh: bool,
}

/// An object without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectMeta {
    /// The key, below the root of the store.
    pub key: String,
    /// Size in bytes.
    pub size: u64,
    /// Microseconds since 1970-01-01 UTC.
    pub last_modified: i64,
    /// The version, to be compared by conditional writes.
    pub version: Version,
    /// User metadata; listings do not tell it.
    pub attributes: BTreeMap<String, String>,
}

/// The bytes `[start, end)` of an object; a missing end is the object's end.
///
/// Reads clamp: what lies past the end of the object is not returned, and is no error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ByteRange {
    /// First byte.
    pub start: u64,
    /// One past the last byte.
    pub end: Option<u64>,
}

impl ByteRange {
    /// All bytes.
    pub const ALL: Self = Self { start: 0, end: None };

    /// The range of two optional bounds.
    ///
    /// # Errors
    /// The end lies before the start.
    pub fn new(start: Option<u64>, end: Option<u64>) -> Result<Self> {
        let start = start.unwrap_or(0);
        match end {
            Some(end) if end < start => Err(Error::new(
                ErrorKind::InvalidInput,
                format!("byte range ends at {end}, before it starts at {start}"),
            )),
            _ => Ok(Self { start, end }),
        }
    }

    /// First byte and number of bytes inside an object of `size` bytes.
    #[must_use]
    pub fn within(self, size: u64) -> (u64, u64) {
        let start = self.start.min(size);
        let end = self.end.map_or(size, |end| end.min(size));
        (start, end.saturating_sub(start))
    }

    /// Whether this is the whole object.
    #[must_use]
    pub fn is_all(self) -> bool {
        self == Self::ALL
    }
}

/// The condition of a read: the etag decides if there is one, else the time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReadCondition {
    /// Compared without surrounding quotes.
    pub etag: Option<String>,
    /// Seconds since 1970.
    pub unmodified_since: Option<i64>,
}

/// An object with its version; the bytes are left out if the caller knows that version already.
pub type Versioned = (Option<Bytes>, ObjectMeta);

/// The objects of a listing, as they come.
pub type Listing = Box<dyn Iterator<Item = Result<ObjectMeta>> + Send>;

/// A range of an object to be read.
pub type ReadRequest = (String, ByteRange);

/// What a conditional deletion did not delete.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Deletion {
    /// Key and reason of every failure.
    pub failed: Vec<(String, String)>,
    /// The objects that were written anew meanwhile.
    pub changed: Vec<String>,
}

/// Told what came of a read that was started.
pub type Done = Box<dyn FnOnce(Result<Option<Bytes>>) + Send>;

/// A read that is under way.
#[derive(Debug)]
pub struct Started {
    task: tokio::task::AbortHandle,
}

impl Started {
    /// Nobody waits for it any more: it ends as soon as it can, and tells nobody.
    pub fn give_up(&self) {
        self.task.abort();
    }
}

/// Keys to bytes under one root, blocking; safe to share between threads.
///
/// A missing object is `None`; a condition that does not hold is [`ErrorKind::Conflict`].  Displayed as the place where
/// the objects are, without secrets.
pub trait ObjectStore: fmt::Display + Send + Sync {
    /// Reads take microseconds, so that they need not be handed to another thread.
    fn is_local(&self) -> bool {
        false
    }

    /// Nothing can be written: every write is refused with [`ErrorKind::ReadOnlyStorage`] before anything happens.
    fn is_read_only(&self) -> bool {
        false
    }

    /// Conditional writes are safe here however fast the store is, so that no setting has to allow them.
    fn always_compares(&self) -> bool {
        false
    }

    /// How far the clock of the store is ahead of this machine's, in microseconds, as its last answer to a write has told.
    ///
    /// None where nothing is known of it yet, and where it is the same clock.
    fn clock_ahead(&self) -> Option<i64> {
        None
    }

    /// Objects are dated by a clock that may be another than this program's, and can be asked for their times at no cost.
    fn keeps_time(&self) -> bool {
        false
    }

    /// A range of an object.
    fn get(&self, key: &str, range: ByteRange) -> Result<Option<Bytes>>;

    /// Start reading a range of an object; `done` is told once, by a thread of the store, unless the read is given up.
    ///
    /// None, and `done` is dropped, if this store only reads while its caller waits.
    fn start_get(&self, _key: &str, _range: ByteRange, _done: Done) -> Result<Option<Started>> {
        Ok(None)
    }

    /// The bytes of an object from `start` on into `target`; how many there were, if the object exists.
    fn get_into(&self, key: &str, start: u64, target: &mut [u8]) -> Result<Option<usize>> {
        let range = ByteRange { start, end: Some(start.saturating_add(target.len() as u64)) };
        let Some(data) = self.get(key, range)? else { return Ok(None) };
        let length = data.len().min(target.len());
        if let (Some(target), Some(data)) = (target.get_mut(..length), data.get(..length)) {
            target.copy_from_slice(data);
        }
        Ok(Some(length))
    }

    /// The whole object and its version; no bytes if it still is at version `known`.
    fn get_versioned(&self, key: &str, known: Option<&Version>) -> Result<Option<Versioned>>;

    /// A range of an object, if `condition` holds.
    fn get_conditional(&self, key: &str, range: ByteRange, condition: &ReadCondition) -> Result<Option<Bytes>>;

    /// Several ranges, at most `concurrency` at once; 0 is the store's own limit.
    fn get_many(&self, requests: &[ReadRequest], concurrency: usize) -> Result<Vec<Option<Bytes>>>;

    /// The object without its bytes.
    fn head(&self, key: &str) -> Result<Option<ObjectMeta>>;

    /// Several objects without their bytes.
    fn head_many(&self, keys: &[&str]) -> Result<Vec<Option<ObjectMeta>>> {
        keys.iter().map(|key| self.head(key)).collect()
    }

    /// Write an object.
    fn put(&self, key: &str, data: Bytes, mode: &PutMode, options: &PutOptions) -> Result<Version>;

    /// Overwrite an object with parts that lie in it one after the other.
    fn put_parts(&self, key: &str, parts: &[&[u8]], options: &PutOptions) -> Result<()> {
        self.put(key, Bytes::from(parts.concat()), &PutMode::Overwrite, options).map(drop)
    }

    /// Overwrite several objects, at most `concurrency` at once; 0 is the store's own limit.
    fn put_many(&self, objects: &[(String, Bytes)], options: &PutOptions, concurrency: usize) -> Result<()>;

    /// Return when everything put so far is on stable storage.
    fn sync(&self) -> Result<()> {
        Ok(())
    }

    /// Fail unless all of these objects, which were written before, are there and can be relied on.
    ///
    /// Over a network nobody asks: it would cost a request each.
    fn ensure_stored(&self, _keys: &[String]) -> Result<()> {
        Ok(())
    }

    /// How long after its time of modification an object may have been written, in microseconds.
    fn time_lag(&self) -> i64 {
        0
    }

    /// Copy an object, only while it is at `version` if one is given.  A missing source is a conflict then, and an
    /// error otherwise.
    fn copy(&self, source: &str, target: &str, version: Option<&Version>) -> Result<()>;

    /// Every object below `prefix`, taken as whole path components, in no order.
    fn list(&self, prefix: &str) -> Result<Listing>;

    /// Delete objects; missing ones are no error.  Returns (key, reason) of those that failed.
    fn delete_many(&self, keys: &[String]) -> Result<Vec<(String, String)>>;

    /// Delete objects, each only if it was last modified at the time given, which is looked up right before.
    ///
    /// Not atomic: a write may still slip in between the two.
    fn delete_unchanged(&self, seen: &[(String, i64)]) -> Result<Deletion> {
        let keys: Vec<&str> = seen.iter().map(|(key, _)| key.as_str()).collect();
        let (mut deletion, mut unchanged) = (Deletion::default(), Vec::with_capacity(seen.len()));
        for ((key, time), now) in seen.iter().zip(self.head_many(&keys)?) {
            if now.is_none_or(|now| is_same_time(now.last_modified, *time)) {
                unchanged.push(key.clone());
            } else {
                deletion.changed.push(key.clone());
            }
        }
        deletion.failed = self.delete_many(&unchanged)?;
        Ok(deletion)
    }

    /// Remove what killed writers left that is no object and older than `older_than` (microseconds since 1970); returns
    /// how many.  Stores that publish objects in one step have nothing of the kind.
    fn remove_leftovers(&self, _older_than: i64) -> Result<u64> {
        Ok(0)
    }

    /// The part of this store below `prefix`.
    fn with_prefix(self: Arc<Self>, prefix: &str) -> Result<Arc<dyn ObjectStore>>;
}

/// Whether two times of one object (microseconds) are the same, of which one may have been cut to the second: the headers
/// of HTTP are, and listings need not be.
fn is_same_time(one: i64, other: i64) -> bool {
    const SECOND: i64 = 1_000_000;
    let cut = one % SECOND == 0 || other % SECOND == 0;
    one == other || (cut && one.div_euclid(SECOND) == other.div_euclid(SECOND))
}

/// The conflict of a create that found an object.
fn already_exists(key: &str) -> Error {
    Error::new(ErrorKind::Conflict, format!("object {key} exists already"))
}

/// The conflict of an update or copy whose object is at another version.
fn changed(key: &str) -> Error {
    Error::new(
        ErrorKind::Conflict,
        format!("object {key} is not at the expected version: it was changed or removed meanwhile"),
    )
}

/// The error of an operation that needs an object that is not there.
fn not_found(key: &str) -> Error {
    Error::new(ErrorKind::ObjectNotFound, format!("object not found: {key}"))
}

/// The error of a change that refers to an object which is not there any more.
fn gone(key: &str) -> Error {
    Error::new(
        ErrorKind::ObjectNotFound,
        format!(
            "object {key} was written and is gone: it was removed, or collected as older than a time that is not before the \
             start of this session; write its data again"
        ),
    )
}

/// An etag without the quotes and the weak mark that HTTP puts around it.
fn bare_etag(etag: &str) -> &str {
    let etag = etag.strip_prefix("W/").unwrap_or(etag);
    etag.strip_prefix('"').and_then(|e| e.strip_suffix('"')).unwrap_or(etag)
}

/// Whether a time in microseconds is after one in seconds, where it is known that precisely: a change within the second
/// of the reference must not pass.
fn is_later(micros: i64, seconds: i64) -> bool {
    micros > seconds.saturating_mul(1_000_000)
}

/// Time since 1970 in microseconds; times before are negative.
fn unix_micros(time: std::time::SystemTime) -> i64 {
    match time.duration_since(std::time::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_micros()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros),
    }
}
