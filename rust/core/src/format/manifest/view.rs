//! A frozen view of a manifest file (format sections 3.4 and 5).

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use bytes::Bytes;

use super::dictionary::Dictionary;
use super::refs::{ArrayRefs, StoredLocation, StoredRef};
use crate::coord_set::{CoordSet, CoordSetBuilder};
use crate::format::envelope::{self, FileType, Header};
use crate::format::flatbuffer::{Offsets, Table};
use crate::format::identity;
use crate::format::metadata::Budget;
use crate::format::schema::{array_manifest, manifest as schema};
use crate::region::{self, SortedRows};
use crate::{ChunkRef, Error, NodeId, ObjectId, ObjectId12, Result};

/// Chunk references by array and coordinate; cloning shares the buffer.
#[derive(Clone)]
pub struct Manifest {
    inner: Arc<Inner>,
}

struct Inner {
    header: Header,
    body: Bytes,
    id: ObjectId12,
    arrays: Vec<ArrayEntry>,
    dictionary: Option<Dictionary>,
}

/// Where the references of one array are.
struct ArrayEntry {
    node_id: NodeId,
    refs: usize,
    length: usize,
}

/// How many references of each kind an array has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KindCounts {
    /// Bytes in the manifest.
    pub inline: usize,
    /// Objects of the repository.
    pub native: usize,
    /// Other objects.
    pub virtual_: usize,
}

/// Where the chunks of a manifest are stored, in columns.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChunkStorage {
    /// A hash of object, offset and length of each native reference.
    pub chunks: Vec<u64>,
    /// Bytes of each native reference.
    pub lengths: Vec<u64>,
    /// A hash of location, offset and length of each virtual reference.
    pub ranges: Vec<u64>,
    /// Bytes of each virtual reference.
    pub range_lengths: Vec<u64>,
    /// Bytes of all inline chunks.
    pub inline_bytes: u64,
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

impl Manifest {
    /// The manifest in the file `data`, which is stored as that of `expected`.
    pub fn decode(data: &[u8], expected: ObjectId12) -> Result<Self> {
        let (header, body) = envelope::decode(data, FileType::Manifest)?;
        Self::of_body(header, body.into(), expected)
    }

    /// The manifest that a file with this header and decompressed body holds.
    pub(crate) fn of_body(header: Header, body: Bytes, expected: ObjectId12) -> Result<Self> {
        let root = Table::root(&body)?;
        let id = identity::check("manifest", expected, root.required_inline(schema::ID, "manifest id")?)?;
        let mut arrays = Vec::new();
        let mut budget = Budget::for_file(body.len());
        for table in root.required_offsets(schema::ARRAYS, "list of arrays")?.tables() {
            let table = table?;
            budget.spend(20)?;
            let refs = table.required_offsets(array_manifest::REFS, "list of references")?;
            arrays.push(ArrayEntry {
                node_id: ObjectId(table.required_inline(array_manifest::NODE_ID, "node id")?),
                refs: refs.position(),
                length: refs.len(),
            });
        }
        // A file that is not sorted is read all the same; ours and the official ones are.
        arrays.sort_by_key(|array| array.node_id);
        let algorithm = root.inline::<1>(schema::COMPRESSION_ALGORITHM)?.map_or(schema::ALGORITHM_ZSTD, |[byte]| byte);
        let dictionary = match root.bytes(schema::LOCATION_DICTIONARY)? {
            Some(bytes) if algorithm == schema::ALGORITHM_ZSTD && !bytes.is_empty() => {
                Some(Dictionary::new(body.slice_ref(bytes)))
            }
            _ => None,
        };
        Ok(Self { inner: Arc::new(Inner { header, id, arrays, dictionary, body: body.clone() }) })
    }

    /// The id that the file says it has, and is stored by.
    #[must_use]
    pub fn id(&self) -> ObjectId12 {
        self.inner.id
    }

    /// Writer and version of the file.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.inner.header
    }

    /// Decoded size in bytes.
    #[must_use]
    pub fn nbytes(&self) -> usize {
        self.inner.body.len()
    }

    /// References of all arrays.
    #[must_use]
    pub fn num_refs(&self) -> usize {
        self.inner.arrays.iter().map(|array| array.length).sum()
    }

    /// Node id and number of references of every array, sorted by id.
    pub fn arrays(&self) -> impl Iterator<Item = (NodeId, usize)> {
        self.inner.arrays.iter().map(|array| (array.node_id, array.length))
    }

    /// The dictionary of the compressed locations.
    #[must_use]
    pub fn dictionary(&self) -> Option<&Bytes> {
        self.inner.dictionary.as_ref().map(|dictionary| &dictionary.bytes)
    }

    /// The references of the array `node_id`, which names this manifest as one of its own.
    ///
    /// # Errors
    /// A format error if there are none: a snapshot names no manifest in vain (format section 6.4), so one of the two is
    /// not what it should be.
    pub fn refs_of(&self, node_id: &NodeId) -> Result<ArrayRefs<'_>> {
        self.refs(node_id).ok_or_else(|| {
            Error::format(format!(
                "the array with node id {node_id} names manifest {}, which has no references of it; the manifest or the \
                 snapshot is not the right one",
                self.id()
            ))
        })
    }

    /// The references of one array.
    #[must_use]
    pub fn refs(&self, node_id: &NodeId) -> Option<ArrayRefs<'_>> {
        let index = self.inner.arrays.binary_search_by_key(node_id, |array| array.node_id).ok()?;
        let entry = self.inner.arrays.get(index)?;
        let offsets = Offsets::at(&self.inner.body, entry.refs).ok()?;
        Some(ArrayRefs { manifest: self, offsets })
    }

    /// The reference of one chunk.
    pub fn get(&self, node_id: &NodeId, coords: &[u32]) -> Result<Option<ChunkRef>> {
        let Some(refs) = self.refs(node_id) else { return Ok(None) };
        region::find(&refs, coords)?.map(|row| refs.get(row)).transpose()
    }

    /// As `get` of an array that must be here, quick if it is its reference number `guess`.
    pub fn get_near(&self, node_id: &NodeId, coords: &[u32], guess: usize) -> Result<Option<ChunkRef>> {
        let refs = self.refs_of(node_id)?;
        region::find_near(&refs, coords, guess)?.map(|row| refs.get(row)).transpose()
    }

    /// The stored bytes of one chunk, found as by `get_near`.
    pub fn length_near(&self, node_id: &NodeId, coords: &[u32], guess: usize) -> Result<Option<u64>> {
        let refs = self.refs_of(node_id)?;
        region::find_near(&refs, coords, guess)?.map(|row| refs.stored(row).map(|stored| stored.length())).transpose()
    }

    /// The coordinates of one array.
    pub fn coords(&self, node_id: &NodeId) -> Result<CoordSet> {
        let mut builder = CoordSetBuilder::new();
        if let Some(refs) = self.refs(node_id) {
            // The same coordinates may be stored many times over in a hostile file.
            let mut left = self.nbytes();
            let mut coords = Vec::new();
            for row in 0..refs.len() {
                refs.read(row, &mut coords)?;
                left = left.checked_sub(4 * coords.len()).ok_or_else(repeats)?;
                builder.push(&coords);
            }
        }
        Ok(builder.finish())
    }

    /// A part of the body that lives as long as it is needed.
    pub(super) fn share(&self, part: &[u8]) -> Bytes {
        self.inner.body.slice_ref(part)
    }

    fn each(&self, mut visit: impl FnMut(NodeId, StoredRef<'_>) -> Result<()>) -> Result<()> {
        // In a hostile file many arrays may have the same references; else each takes these bytes in a list.
        let mut left = self.nbytes() / size_of::<u32>();
        for (node_id, count) in self.arrays() {
            let Some(refs) = self.refs(&node_id) else { continue };
            left = left.checked_sub(count).ok_or_else(repeats)?;
            for row in 0..refs.len() {
                visit(node_id, refs.stored(row)?)?;
            }
        }
        Ok(())
    }

    /// References of each kind, by array.
    pub fn statistics(&self) -> Result<Vec<(NodeId, KindCounts)>> {
        let mut counted: Vec<(NodeId, KindCounts)> = self.arrays().map(|(id, _)| (id, KindCounts::default())).collect();
        self.each(|node_id, stored| {
            if let Ok(index) = counted.binary_search_by_key(&node_id, |(id, _)| *id)
                && let Some((_, counts)) = counted.get_mut(index)
            {
                match stored {
                    StoredRef::Inline(_) => counts.inline += 1,
                    StoredRef::Native { .. } => counts.native += 1,
                    StoredRef::Virtual { .. } => counts.virtual_ += 1,
                }
            }
            Ok(())
        })?;
        Ok(counted)
    }

    /// Number of references whose location is compressed.
    pub fn compressed_refs(&self) -> Result<usize> {
        let mut count = 0;
        self.each(|_, stored| {
            count += usize::from(matches!(stored, StoredRef::Virtual { location: StoredLocation::Compressed(_), .. }));
            Ok(())
        })?;
        Ok(count)
    }

    /// Where the chunks are, one entry for each reference.
    pub fn storage(&self) -> Result<ChunkStorage> {
        let mut found = ChunkStorage::default();
        // Virtual references mostly have the location of the one before.
        let mut last: (Vec<u8>, u64) = (Vec::new(), hash(&""));
        self.each(|_, stored| {
            match stored {
                StoredRef::Inline(data) => found.inline_bytes = found.inline_bytes.saturating_add(data.len() as u64),
                StoredRef::Native { id, offset, length } => {
                    found.chunks.push(hash(&(id, offset, length)));
                    found.lengths.push(length);
                }
                StoredRef::Virtual { location, offset, length, .. } => {
                    let raw = match location {
                        StoredLocation::Plain(text) => text.as_bytes(),
                        StoredLocation::Compressed(frame) => frame,
                    };
                    if last.0 != raw {
                        last = (raw.to_vec(), hash(&self.location(location)?));
                    }
                    found.ranges.push(hash(&(last.1, offset, length)));
                    found.range_lengths.push(length);
                }
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// The ids of all native chunks, sorted, each once.
    pub fn chunk_ids(&self) -> Result<Vec<[u8; 12]>> {
        let mut ids = Vec::new();
        self.each(|_, stored| {
            if let StoredRef::Native { id, .. } = stored {
                ids.push(id);
            }
            Ok(())
        })?;
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    /// The location of every virtual reference, in order, each run of equal ones once.
    pub fn virtual_locations(&self) -> Result<Vec<String>> {
        let mut locations: Vec<String> = Vec::new();
        // Many references may share one long location.
        let mut left = self.nbytes().saturating_mul(16).saturating_add(1 << 20);
        self.each(|_, stored| {
            if let StoredRef::Virtual { location, .. } = stored {
                let location = self.location(location)?;
                if locations.last() != Some(&location) {
                    left = left.checked_sub(location.len()).ok_or_else(repeats)?;
                    locations.push(location);
                }
            }
            Ok(())
        })?;
        Ok(locations)
    }

    /// The text of a location of this manifest.
    pub fn location(&self, stored: StoredLocation<'_>) -> Result<String> {
        match (stored, &self.inner.dictionary) {
            (StoredLocation::Plain(text), _) => Ok(text.to_owned()),
            (StoredLocation::Compressed(frame), Some(dictionary)) => dictionary.decompress(frame),
            (StoredLocation::Compressed(_), None) => {
                Err(Error::format("the manifest has a compressed location but no dictionary for it"))
            }
        }
    }
}

fn repeats() -> Error {
    Error::format("the manifest repeats itself more often than its size allows")
}

impl std::fmt::Debug for Manifest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Manifest({}, {} references)", self.id(), self.num_refs())
    }
}
