//! Coordinates in, bytes out, for one array as one session sees it.

mod columns;
mod existing;
mod manifest_index;
mod range;

use std::sync::Arc;

use bytes::Bytes;

use crate::assets::{Assets, ChunkRange};
use crate::chunk_ref::ChunkRef;
use crate::chunk_table::{Change, ChunkTable};
use crate::error::{Error, ErrorKind, Result};
use crate::format::Manifest;
use crate::object_id::{NodeId, ObjectId12};
use crate::region::{self, Extent};
use crate::sync::Mutex;
pub(crate) use manifest_index::ManifestIndex;

pub use columns::Columns;
pub use range::ReadRange;

/// A manifest of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestEntry {
    /// Its id.
    pub id: ObjectId12,
    /// Size of its file; 0 if the snapshot does not list it.
    pub size: u64,
    /// Box around the coordinates it holds.
    pub extents: Vec<Extent>,
}

/// What a chunk is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chunk {
    /// Never written, deleted, outside the grid, or of another rank.
    Missing,
    /// Its bytes, or the part of them that was asked for.
    Bytes(Bytes),
    /// A reference to somebody else's object, cut to the part that was asked for.
    Virtual(ChunkRef),
}

/// The outcome of a look-up that reads nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CachedLookup {
    /// The reference, if there is one.
    Known(Option<ChunkRef>),
    /// A manifest has to be read first.
    Unread,
}

/// What is known of a chunk without waiting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peek {
    /// Everything.
    Ready(Chunk),
    /// The part `[from, to)` of an object has to be read.
    Stored {
        /// What the reference names.
        whole: ChunkRange,
        /// First byte, within the whole.
        from: u64,
        /// One past the last byte.
        to: u64,
    },
    /// A manifest has to be read first.
    Unknown,
}

impl Peek {
    /// Whether one read of at most `limit` bytes is left to do.
    #[must_use]
    pub fn is_short(&self, limit: u64) -> bool {
        matches!(self, Self::Stored { from, to, .. } if to - from <= limit)
    }
}

/// A chunk whose reference is known.
enum Located {
    Done(Chunk),
    Stored { whole: ChunkRange, from: u64, to: u64 },
}

/// Where a coordinate is recorded.
enum Place<'a> {
    Nowhere,
    Changed(ChunkRef),
    In(&'a ManifestEntry),
}

/// Reads the chunks of one array; safe to share between threads.
#[derive(Debug)]
pub struct ChunkReader {
    assets: Arc<Assets>,
    node_id: NodeId,
    num_chunks: Vec<u64>,
    manifests: Vec<ManifestEntry>,
    index: ManifestIndex,
    changes: Option<Arc<ChunkTable>>,
    rows: Mutex<Option<existing::Rows>>,
}

impl ChunkReader {
    /// A reader of the array `node_id` with `num_chunks` chunks in each dimension.
    ///
    /// `manifests` are those of the base, in the order of the node; `changes` are looked up before them.
    #[must_use]
    pub fn new(
        assets: Arc<Assets>,
        node_id: NodeId,
        num_chunks: Vec<u64>,
        manifests: Vec<ManifestEntry>,
        changes: Option<Arc<ChunkTable>>,
    ) -> Self {
        let regions = manifests.iter().map(|manifest| manifest.extents.clone()).collect();
        let index = ManifestIndex::new(regions, num_chunks.len());
        Self { assets, node_id, num_chunks, manifests, index, changes, rows: Mutex::new(None) }
    }

    /// The assets it reads.
    #[must_use]
    pub fn assets(&self) -> &Arc<Assets> {
        &self.assets
    }

    /// Number of dimensions.
    #[must_use]
    pub fn ndim(&self) -> usize {
        self.num_chunks.len()
    }

    fn in_grid(&self, coords: &[u32]) -> bool {
        coords.len() == self.num_chunks.len() && coords.iter().zip(&self.num_chunks).all(|(&c, &n)| u64::from(c) < n)
    }

    fn place(&self, coords: &[u32]) -> Place<'_> {
        if !self.in_grid(coords) {
            return Place::Nowhere;
        }
        match self.changes.as_ref().and_then(|changes| changes.get(coords)) {
            Some(Change::Set(reference)) => Place::Changed(reference),
            Some(Change::Deleted) => Place::Nowhere,
            None => self.index.find(coords).and_then(|n| self.manifests.get(n)).map_or(Place::Nowhere, Place::In),
        }
    }

    fn manifest(&self, entry: &ManifestEntry) -> Result<Manifest> {
        check_listed(entry)?;
        self.assets.manifest(entry.id, entry.size)
    }

    /// The reference of a chunk; none if it was never written, is outside the grid or has another rank.
    pub fn lookup(&self, coords: &[u32]) -> Result<Option<ChunkRef>> {
        match self.place(coords) {
            Place::Nowhere => Ok(None),
            Place::Changed(reference) => Ok(Some(reference)),
            Place::In(entry) => self.in_manifest(entry, &self.manifest(entry)?, coords),
        }
    }

    /// As `lookup`, without any input or output.
    pub fn lookup_cached(&self, coords: &[u32]) -> Result<CachedLookup> {
        Ok(CachedLookup::Known(match self.place(coords) {
            Place::Nowhere => None,
            Place::Changed(reference) => Some(reference),
            Place::In(entry) => match self.assets.cached_manifest(entry.id) {
                Some(manifest) => self.in_manifest(entry, &manifest, coords)?,
                None => return Ok(CachedLookup::Unread),
            },
        }))
    }

    /// Stored bytes of a chunk without any input or output; none if a manifest has to be read first.
    pub fn length_cached(&self, coords: &[u32]) -> Result<Option<u64>> {
        let found = match self.place(coords) {
            Place::Nowhere => None,
            Place::Changed(reference) => Some(reference.length()),
            Place::In(entry) => match self.assets.cached_manifest(entry.id) {
                Some(manifest) => {
                    manifest.length_near(&self.node_id, coords, region::place_in(&entry.extents, coords))?
                }
                None => return Ok(None),
            },
        };
        Ok(Some(found.unwrap_or(0)))
    }

    /// Manifests of dense arrays have their references where they belong: no search is needed.
    fn in_manifest(&self, entry: &ManifestEntry, manifest: &Manifest, coords: &[u32]) -> Result<Option<ChunkRef>> {
        manifest.get_near(&self.node_id, coords, region::place_in(&entry.extents, coords))
    }

    /// What is known of a chunk, or of the part of it in `range`, without any input or output.
    pub fn peek(&self, coords: &[u32], range: ReadRange) -> Result<Peek> {
        let CachedLookup::Known(reference) = self.lookup_cached(coords)? else { return Ok(Peek::Unknown) };
        Ok(match self.resolve(reference, range)? {
            Located::Done(chunk) => Peek::Ready(chunk),
            Located::Stored { whole, from, to } => Peek::Stored { whole, from, to },
        })
    }

    fn resolve(&self, reference: Option<ChunkRef>, range: ReadRange) -> Result<Located> {
        let Some(reference) = reference else { return Ok(Located::Done(Chunk::Missing)) };
        let (from, to) = range.inside(reference.length())?;
        Ok(match reference {
            ChunkRef::Inline(data) => Located::Done(Chunk::Bytes(data.slice(narrow(from, &data)..narrow(to, &data)))),
            ChunkRef::Native { id, offset, length } => {
                let whole = ChunkRange { id, offset, length };
                match self.assets.cached_chunk(&whole) {
                    Some(data) => Located::Done(Chunk::Bytes(data.slice(narrow(from, &data)..narrow(to, &data)))),
                    None => Located::Stored { whole, from, to },
                }
            }
            ChunkRef::Virtual { location, offset, checksum, .. } => {
                let offset = offset
                    .checked_add(from)
                    .ok_or_else(|| Error::format(format!("the reference to {location} starts beyond any object")))?;
                Located::Done(Chunk::Virtual(ChunkRef::Virtual { location, offset, length: to - from, checksum }))
            }
        })
    }

    /// The bytes of a chunk in `range`, or the reference to them if it is virtual.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidByteRange`] for a range outside the chunk, [`ErrorKind::ObjectNotFound`] if the chunk's
    /// object is missing.
    pub fn read(&self, coords: &[u32], range: ReadRange) -> Result<Chunk> {
        self.finish(self.peek(coords, range)?, coords, range)
    }

    /// Go on from what `peek` told of the same chunk.
    pub fn finish(&self, known: Peek, coords: &[u32], range: ReadRange) -> Result<Chunk> {
        match self.located(known, coords, range)? {
            Located::Done(chunk) => Ok(chunk),
            Located::Stored { whole, from, to } => self.assets.chunk_part(whole, from, to).map(Chunk::Bytes),
        }
    }

    /// Read the manifest if that is what is missing.
    fn located(&self, known: Peek, coords: &[u32], range: ReadRange) -> Result<Located> {
        Ok(match known {
            Peek::Ready(chunk) => Located::Done(chunk),
            Peek::Stored { whole, from, to } => Located::Stored { whole, from, to },
            Peek::Unknown => self.resolve(self.lookup(coords)?, range)?,
        })
    }

    /// Several whole chunks; the manifests they need are fetched together, and so are ranges that touch in one object.
    pub fn read_many(&self, coords: &[impl AsRef<[u32]>]) -> Result<Vec<Chunk>> {
        self.fetch_manifests(coords)?;
        let mut chunks = Vec::with_capacity(coords.len());
        let mut stored = Vec::new();
        for coords in coords {
            let coords = coords.as_ref();
            match self.located(self.peek(coords, ReadRange::ALL)?, coords, ReadRange::ALL)? {
                Located::Done(chunk) => chunks.push(chunk),
                Located::Stored { whole, .. } => {
                    stored.push((chunks.len(), whole));
                    chunks.push(Chunk::Missing);
                }
            }
        }
        let ranges: Vec<ChunkRange> = stored.iter().map(|(_, range)| *range).collect();
        for ((position, _), data) in stored.iter().zip(self.assets.chunk_batch(&ranges, 0)?) {
            if let Some(slot) = chunks.get_mut(*position) {
                *slot = Chunk::Bytes(data);
            }
        }
        Ok(chunks)
    }

    /// Bring the manifests of many coordinates into the cache, with as many requests at once as are allowed.
    pub(crate) fn fetch_manifests(&self, coords: &[impl AsRef<[u32]>]) -> Result<()> {
        let mut wanted: Vec<(ObjectId12, u64)> = Vec::new();
        for coords in coords {
            if let Place::In(entry) = self.place(coords.as_ref())
                && wanted.last().is_none_or(|(last, _)| *last != entry.id)
                && self.assets.cached_manifest(entry.id).is_none()
            {
                check_listed(entry)?;
                wanted.push((entry.id, entry.size));
            }
        }
        wanted.sort_unstable();
        wanted.dedup();
        if wanted.len() > 1 {
            self.assets.manifests(&wanted, 0)?;
        }
        Ok(())
    }
}

/// A position inside `data`, which it was checked against.
fn narrow(position: u64, data: &Bytes) -> usize {
    usize::try_from(position).unwrap_or(data.len()).min(data.len())
}

fn check_listed(entry: &ManifestEntry) -> Result<()> {
    if entry.size > 0 {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::ManifestInfoNotFound,
        format!("the snapshot does not list manifest {}, which an array refers to", entry.id),
    ))
}
