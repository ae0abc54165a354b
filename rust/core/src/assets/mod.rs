//! Cached, typed reads of the immutable files of one repository.

mod chunk_range;
mod chunks;

use std::sync::Arc;

use bytes::Bytes;

use crate::cache::{Claim, Weigh, WeightedCache};
use crate::error::{Error, ErrorKind, Result, Within};
use crate::format::{Manifest, Snapshot, TransactionLog};
use crate::object_id::ObjectId12;
use crate::storage::{ByteRange, ObjectStore, ReadRequest, parallel};

pub use chunk_range::ChunkRange;

/// Threads that decode a batch of files.
const DECODERS: usize = 4;

/// How much of each kind of file is kept; 0 keeps none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AssetLimits {
    /// Nodes of snapshots.
    pub snapshot_nodes: u64,
    /// References of manifests.
    pub chunk_refs: u64,
    /// Entries of transaction logs.
    pub transaction_changes: u64,
    /// Bytes of chunks.
    pub chunk_bytes: u64,
    /// Requests in flight of one batch.
    pub max_requests: usize,
}

/// Bytes of a snapshot that weigh as much as a node; only long metadata takes more.
const BYTES_OF_A_NODE: usize = 4096;
/// Bytes of a manifest that weigh as much as a reference; only chunks in the manifest take more.
const BYTES_OF_A_REF: usize = 256;

/// What `count` things in `nbytes` weigh, so that a bound on weight is one on memory too.
fn bounded(count: usize, nbytes: usize, bytes_each: usize) -> u64 {
    count.max(nbytes / bytes_each) as u64
}

impl Weigh for Snapshot {
    fn weight(&self) -> u64 {
        bounded(self.num_nodes(), self.nbytes(), BYTES_OF_A_NODE)
    }
}

impl Weigh for Manifest {
    fn weight(&self) -> u64 {
        bounded(self.num_refs(), self.nbytes(), BYTES_OF_A_REF)
    }
}

impl Weigh for Arc<TransactionLog> {
    fn weight(&self) -> u64 {
        self.num_changes() as u64
    }
}

/// Cached reads of one repository; safe to share between threads.
pub struct Assets {
    store: Arc<dyn ObjectStore>,
    snapshots: WeightedCache<ObjectId12, Snapshot>,
    manifests: WeightedCache<ObjectId12, Manifest>,
    logs: WeightedCache<ObjectId12, Arc<TransactionLog>>,
    chunks: WeightedCache<ChunkRange, Bytes>,
    caches_chunks: bool,
    max_requests: usize,
}

impl Assets {
    /// Reads of `store` that keep as much as `limits` say.
    #[must_use]
    pub fn new(store: Arc<dyn ObjectStore>, limits: AssetLimits) -> Self {
        Self {
            store,
            snapshots: WeightedCache::new(limits.snapshot_nodes, 64),
            manifests: WeightedCache::new(limits.chunk_refs, 1024),
            logs: WeightedCache::new(limits.transaction_changes, 64),
            chunks: WeightedCache::new(limits.chunk_bytes, 4096),
            caches_chunks: limits.chunk_bytes > 0,
            max_requests: limits.max_requests,
        }
    }

    /// The store below.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    /// Requests of one batch that may be in flight at once.
    #[must_use]
    pub fn max_requests(&self) -> usize {
        self.max_requests.max(1)
    }

    fn requests(&self, wanted: usize) -> usize {
        match (wanted, self.max_requests) {
            (0, limit) | (limit, 0) => limit,
            (wanted, limit) => wanted.min(limit),
        }
    }

    fn read(&self, key: &str, range: ByteRange) -> Result<Bytes> {
        self.store.get(key, range)?.ok_or_else(|| missing(key))
    }

    /// A snapshot.
    ///
    /// # Errors
    /// [`ErrorKind::ObjectNotFound`] if it is missing, here and in the others that return no option.
    pub fn snapshot(&self, id: ObjectId12) -> Result<Snapshot> {
        let fetch = || Snapshot::decode(&self.read(&format!("snapshots/{id}"), ByteRange::ALL)?, id);
        self.snapshots.get_or_fetch(&id, fetch).within(|| format!("fetch_snapshot id={id}"))
    }

    /// A manifest whose file has `size` bytes.
    pub fn manifest(&self, id: ObjectId12, size: u64) -> Result<Manifest> {
        let (key, range) = manifest_request(id, size);
        let fetch = || decode_manifest(self.store.as_ref(), &self.read(&key, range)?, id, size);
        self.manifests.get_or_fetch(&id, fetch).within(|| format!("fetch_manifest id={id}"))
    }

    /// A manifest, if it is cached.
    #[must_use]
    pub fn cached_manifest(&self, id: ObjectId12) -> Option<Manifest> {
        self.manifests.get(&id)
    }

    /// Several manifests, fetched together; at most `concurrency` requests at once, 0 for the usual number.
    pub fn manifests(&self, files: &[(ObjectId12, u64)], concurrency: usize) -> Result<Vec<Manifest>> {
        let mut known: Vec<Option<Manifest>> = Vec::with_capacity(files.len());
        let mut ours = Vec::new();
        for (index, (id, size)) in files.iter().enumerate() {
            known.push(match self.manifests.claim(id) {
                Claim::Cached(manifest) => Some(manifest),
                Claim::Ours(flight) => {
                    ours.push((index, *id, *size, flight));
                    None
                }
                Claim::InFlight => None,
            });
        }
        let requests: Vec<ReadRequest> = ours.iter().map(|(_, id, size, _)| manifest_request(*id, *size)).collect();
        let fetched = self.store.get_many(&requests, self.requests(concurrency)).within(|| "fetch_manifests")?;
        let files_read: Vec<_> = ours.iter().map(|(_, id, size, _)| (*id, *size)).zip(fetched).collect();
        let decoded = parallel::map(&files_read, DECODERS, |((id, size), data)| {
            let data = data.as_ref().ok_or_else(|| missing(&format!("manifests/{id}")));
            data.and_then(|data| decode_manifest(self.store.as_ref(), data, *id, *size))
                .within(|| format!("fetch_manifest id={id}"))
        })?;
        for ((index, _, _, flight), manifest) in ours.into_iter().zip(decoded) {
            flight.land(manifest.clone());
            if let Some(slot) = known.get_mut(index) {
                *slot = Some(manifest);
            }
        }
        // Ours have landed, so whoever waits for us while we wait for him goes on.
        known
            .into_iter()
            .zip(files)
            .map(|(manifest, (id, size))| manifest.map_or_else(|| self.manifest(*id, *size), Ok))
            .collect()
    }

    /// A transaction log; the initial snapshot of spec 1 has none (format section 1.1).
    pub fn transaction_log(&self, id: ObjectId12) -> Result<Option<Arc<TransactionLog>>> {
        let fetch =
            || TransactionLog::decode(&self.read(&format!("transactions/{id}"), ByteRange::ALL)?, id).map(Arc::new);
        match self.logs.get_or_fetch(&id, fetch) {
            Err(error) if error.kind == ErrorKind::ObjectNotFound => Ok(None),
            result => result.map(Some).within(|| format!("fetch_transaction_log id={id}")),
        }
    }

    /// Keep a snapshot that was just written; false if it is too large for the cache.
    pub fn put_snapshot(&self, snapshot: Snapshot) -> bool {
        self.snapshots.insert(snapshot.id(), snapshot)
    }

    /// Keep a manifest that was just written; false if it is too large for the cache.
    pub fn put_manifest(&self, manifest: Manifest) -> bool {
        self.manifests.insert(manifest.id(), manifest)
    }

    /// Forget everything.
    pub fn clear(&self) {
        self.snapshots.clear();
        self.manifests.clear();
        self.logs.clear();
        self.chunks.clear();
    }
}

fn manifest_request(id: ObjectId12, size: u64) -> ReadRequest {
    (format!("manifests/{id}"), ByteRange { start: 0, end: Some(size) })
}

/// The manifest in `data`, the first `size` bytes of its file in `store`.
///
/// Of another manifest's file that is longer, `data` is only the beginning, which does not tell whose it is; so the file
/// is read whole before an error is given.
fn decode_manifest(store: &dyn ObjectStore, data: &[u8], id: ObjectId12, size: u64) -> Result<Manifest> {
    Manifest::decode(data, id).or_else(|failure| match store.get(&manifest_request(id, size).0, ByteRange::ALL) {
        Ok(Some(whole)) if whole.len() as u64 > size => Manifest::decode(&whole, id).and(Err(failure)),
        _ => Err(failure),
    })
}

fn missing(key: &str) -> Error {
    Error::new(ErrorKind::ObjectNotFound, format!("object not found: {key}"))
}

impl std::fmt::Debug for Assets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Assets({})", self.store)
    }
}
