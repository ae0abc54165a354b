//! Collects the references of one new manifest and encodes it (format sections 3.4, 5.4 and 7.2).

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;

use zstd::zstd_safe::{CCtx, CDict};

use super::envelope::{FileType, SpecVersion};
use super::file_builder::{FileBuilder, Written};
use super::manifest::{Manifest, StoredChecksum, StoredLocation, StoredRef};
use super::schema::{array_manifest, chunk_ref as slot, manifest as schema};
use crate::chunk_rows::{ChunkRows, RowView};
use crate::region::{self, BoundingBox, Extent};
use crate::{Checksum, ChunkTable, Error, ErrorKind, NodeId, ObjectId12, Result};

/// The official reader refuses longer locations if they are compressed (format section 5.4).
const MAX_COMPRESSED_LOCATION: usize = 1024;

// Locations shorter than this are not worth a dictionary (format section 5.4).
const SHORT_LOCATION: usize = 8;

/// When and how locations are compressed.
#[derive(Debug, Clone, Copy)]
pub struct LocationCompression {
    /// From this many virtual references on.
    pub min_virtual_refs: usize,
    /// Locations to train the dictionary with.
    pub dictionary_samples: usize,
    /// Largest dictionary.
    pub dictionary_bytes: usize,
    /// zstd level of a location.
    pub level: i32,
}

/// Where a reference comes from: which source, and which row in it.
type Origin = (u32, u32);

enum Source {
    Manifest(Manifest, NodeId),
    Table(Arc<ChunkRows>),
}

#[derive(Default)]
struct ArrayPlan {
    ndim: usize,
    coords: Vec<u32>,
    origins: Vec<Origin>,
}

impl ArrayPlan {
    fn coords(&self, row: usize) -> &[u32] {
        self.coords.get(row * self.ndim..(row + 1) * self.ndim).unwrap_or_default()
    }

    fn push(&mut self, coords: &[u32], origin: Origin) {
        self.coords.extend_from_slice(coords);
        self.origins.push(origin);
    }

    /// In coordinate order, each coordinate once; of equal ones the first counts.
    fn sorted(self) -> Self {
        let count = self.origins.len();
        if (1..count).all(|row| self.coords(row - 1) < self.coords(row)) {
            return self;
        }
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by(|&a, &b| self.coords(a).cmp(self.coords(b)));
        let mut sorted = Self { ndim: self.ndim, ..Self::default() };
        for row in order {
            let last = sorted.origins.len().checked_sub(1);
            if last.is_none_or(|last| sorted.coords(last) != self.coords(row))
                && let Some(&origin) = self.origins.get(row)
            {
                sorted.push(self.coords(row), origin);
            }
        }
        sorted
    }
}

/// The references of one new manifest file.
#[derive(Default)]
pub struct ManifestBuilder {
    sources: Vec<Source>,
    arrays: BTreeMap<NodeId, ArrayPlan>,
}

fn as_u32(number: usize) -> Result<u32> {
    u32::try_from(number).map_err(|_| Error::new(ErrorKind::InvalidInput, "a manifest cannot hold so many references"))
}

impl ManifestBuilder {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Add (the references of `old` in `region`, less those changed) and what `changes` sets in `region`.
    ///
    /// Gives the number of references and their bounding box; None, and adds nothing, if there are none.  Of a coordinate
    /// that several manifests have, the first counts, as in a look-up.
    pub fn add_array(
        &mut self,
        node_id: NodeId,
        region: &[Extent],
        old: &[Manifest],
        changes: Option<&ChunkTable>,
    ) -> Result<Option<(usize, Vec<Extent>)>> {
        if self.arrays.contains_key(&node_id) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("the array {node_id} is in this manifest already"),
            ));
        }
        let mut kept = ArrayPlan { ndim: region.len(), ..ArrayPlan::default() };
        for manifest in old {
            let Some(refs) = manifest.refs(&node_id) else { continue };
            let source = as_u32(self.sources.len())?;
            region::scan(&refs, region, |row, coords| {
                kept.push(coords, (source, as_u32(row)?));
                Ok(())
            })?;
            self.sources.push(Source::Manifest(manifest.clone(), node_id));
        }
        let mut plan = kept.sorted();
        if let Some(changes) = changes {
            let rows = changes.rows();
            plan = overlay(&plan, &rows, region, as_u32(self.sources.len())?)?;
            self.sources.push(Source::Table(rows));
        }
        if plan.origins.is_empty() {
            return Ok(None);
        }
        let mut bounds = BoundingBox::default();
        for row in 0..plan.origins.len() {
            bounds.add(plan.coords(row));
        }
        let count = plan.origins.len();
        self.arrays.insert(node_id, plan);
        Ok(Some((count, bounds.into_extents())))
    }

    fn origins(&self) -> impl Iterator<Item = Origin> {
        self.arrays.values().flat_map(|plan| plan.origins.iter().copied())
    }

    /// The manifest file.
    pub fn finish(
        &self,
        id: ObjectId12,
        spec_version: SpecVersion,
        writer: &str,
        level: i32,
        compression: LocationCompression,
    ) -> Result<Vec<u8>> {
        let compressor = if spec_version == SpecVersion::V1 { None } else { self.compressor(compression)? };
        let mut file = FileBuilder::with_capacity(self.expected_size());
        let mut encoder =
            RefEncoder { sources: &self.sources, locations: Locations::new(compressor.as_ref()), etags: Recent::new() };
        let mut arrays = Vec::with_capacity(self.arrays.len());
        for (node_id, plan) in &self.arrays {
            let mut refs = Vec::with_capacity(plan.origins.len());
            for (row, &origin) in plan.origins.iter().enumerate() {
                refs.push(encoder.write(&mut file, plan.coords(row), origin)?);
            }
            let refs = file.offsets(&refs)?;
            arrays.push(file.table(|fields| {
                fields.offset(array_manifest::REFS, refs);
                fields.id(array_manifest::NODE_ID, node_id.as_bytes());
            })?);
        }
        let arrays = file.offsets(&arrays)?;
        let dictionary = compressor.as_ref().map(|compressor| file.bytes(&compressor.dictionary)).transpose()?;
        let algorithm = if compressor.is_some() { schema::ALGORITHM_ZSTD } else { schema::ALGORITHM_NONE };
        let root = file.table(|fields| {
            fields.offset(schema::ARRAYS, arrays);
            fields.maybe(schema::LOCATION_DICTIONARY, dictionary);
            fields.id(schema::ID, id.as_bytes());
            fields.u8(schema::COMPRESSION_ALGORITHM, algorithm, schema::ALGORITHM_ZSTD);
        })?;
        file.into_file(root, FileType::Manifest, spec_version, writer, level)
    }

    fn expected_size(&self) -> usize {
        self.arrays.values().map(|plan| plan.origins.len() * (64 + 4 * plan.ndim)).sum::<usize>() + 4096
    }

    fn is_virtual(&self, (source, row): Origin) -> Result<bool> {
        Ok(match self.sources.get(source as usize) {
            Some(Source::Table(rows)) => matches!(rows.view(row as usize), RowView::Virtual { .. }),
            Some(Source::Manifest(manifest, node_id)) => match manifest.refs(node_id) {
                Some(refs) => matches!(refs.stored(row as usize)?, StoredRef::Virtual { .. }),
                None => false,
            },
            None => false,
        })
    }

    fn location(&self, (source, row): Origin) -> Result<String> {
        match self.sources.get(source as usize) {
            Some(Source::Table(rows)) => {
                if let RowView::Virtual { source, .. } = rows.view(row as usize) {
                    return Ok(rows.location(source));
                }
            }
            Some(Source::Manifest(manifest, node_id)) => {
                if let Some(refs) = manifest.refs(node_id)
                    && let StoredRef::Virtual { location, .. } = refs.stored(row as usize)?
                {
                    return manifest.location(location);
                }
            }
            None => {}
        }
        Ok(String::new())
    }

    /// How locations are compressed, None if they are stored plain (format section 5.4).
    fn compressor(&self, settings: LocationCompression) -> Result<Option<Compressor>> {
        let mut virtual_refs = Vec::new();
        for origin in self.origins() {
            if self.is_virtual(origin)? {
                virtual_refs.push(origin);
            }
        }
        if virtual_refs.len() < settings.min_virtual_refs.max(1) {
            return Ok(None);
        }
        // Evenly spaced samples stand for the official random ones: a build is then the same every time.
        let wanted = settings.dictionary_samples.min(virtual_refs.len());
        let mut samples = Vec::with_capacity(wanted);
        for number in 0..wanted {
            if let Some(&origin) = virtual_refs.get(number * virtual_refs.len() / wanted) {
                samples.push(self.location(origin)?);
            }
        }
        Compressor::train(&samples, settings)
    }
}

/// The rows of `plan` and of `rows` in `region`; of equal coordinates that of `rows`, deletions removed.
fn overlay(plan: &ArrayPlan, rows: &ChunkRows, region: &[Extent], source: u32) -> Result<ArrayPlan> {
    let mut merged = ArrayPlan { ndim: plan.ndim, ..ArrayPlan::default() };
    let mut old = 0;
    let mut take_old = |merged: &mut ArrayPlan, before: Option<&[u32]>| {
        while let Some(&origin) = plan.origins.get(old) {
            match before.map_or(Ordering::Less, |before| plan.coords(old).cmp(before)) {
                Ordering::Less => merged.push(plan.coords(old), origin),
                Ordering::Equal => {}
                Ordering::Greater => break,
            }
            old += 1;
        }
    };
    region::scan(rows, region, |row, coords| {
        take_old(&mut merged, Some(coords));
        if !matches!(rows.view(row), RowView::Deleted) {
            merged.push(coords, (source, as_u32(row)?));
        }
        Ok(())
    })?;
    take_old(&mut merged, None);
    Ok(merged)
}

/// A trained dictionary and what uses it.
struct Compressor {
    dictionary: Vec<u8>,
    prepared: CDict<'static>,
}

impl Compressor {
    /// None if the samples do not make a dictionary.
    fn train(samples: &[String], settings: LocationCompression) -> Result<Option<Self>> {
        let short = samples.iter().filter(|sample| sample.len() < SHORT_LOCATION).count();
        if samples.is_empty() || 2 * short >= samples.len() {
            return Ok(None);
        }
        let total: usize = samples.iter().map(String::len).sum();
        // Training needs some multiple of the dictionary's size.
        let repeats = if total < settings.dictionary_bytes { 1 + settings.dictionary_bytes / total + 1 } else { 1 };
        let repeated: Vec<&str> = (0..repeats).flat_map(|_| samples.iter().map(String::as_str)).collect();
        // zstd refuses samples that do not make a dictionary: then locations stay plain.
        let Ok(dictionary) = zstd::dict::from_samples(&repeated, settings.dictionary_bytes) else { return Ok(None) };
        match CDict::try_create(&dictionary, settings.level) {
            Some(prepared) => Ok(Some(Self { dictionary, prepared })),
            None => Ok(None),
        }
    }
}

const RECENT: usize = 4096;

/// What was written lately, so that it can be pointed to again.
struct Recent<K> {
    entries: Vec<Option<(K, Written)>>,
}

impl<K> Recent<K> {
    fn new() -> Self {
        Self { entries: (0..RECENT).map(|_| None).collect() }
    }
}

impl Recent<Box<[u8]>> {
    /// Where `key` is written; `write` writes it if it is not known to be.
    fn get(&mut self, key: &[u8], write: impl FnOnce() -> Result<Written>) -> Result<Written> {
        let mut hasher = DefaultHasher::new();
        hasher.write(key);
        let place = (hasher.finish() % RECENT as u64) as usize;
        match self.entries.get_mut(place) {
            Some(Some((known, written))) if known.as_ref() == key => Ok(*written),
            Some(entry) => {
                let written = write()?;
                *entry = Some((key.into(), written));
                Ok(written)
            }
            None => write(),
        }
    }
}

/// A location in the new manifest.
#[derive(Clone, Copy)]
enum WrittenLocation {
    Plain(Written),
    Compressed(Written),
}

/// Writes locations, each one once if it comes back soon.
struct Locations<'c> {
    compressor: Option<&'c Compressor>,
    context: Option<CCtx<'static>>,
    recent: Recent<Box<[u8]>>,
    frame: Vec<u8>,
}

impl<'c> Locations<'c> {
    fn new(compressor: Option<&'c Compressor>) -> Self {
        Self { compressor, context: None, recent: Recent::new(), frame: Vec::new() }
    }

    fn write(&mut self, file: &mut FileBuilder, location: &str) -> Result<WrittenLocation> {
        let Some(compressor) = self.compressor.filter(|_| location.len() <= MAX_COMPRESSED_LOCATION) else {
            return self.recent.get(location.as_bytes(), || file.string(location)).map(WrittenLocation::Plain);
        };
        let (context, frame) = (&mut self.context, &mut self.frame);
        self.recent
            .get(location.as_bytes(), || {
                compress(context, compressor, location, frame)?;
                file.bytes(frame)
            })
            .map(WrittenLocation::Compressed)
    }
}

fn compress(
    kept: &mut Option<CCtx<'static>>,
    compressor: &Compressor,
    location: &str,
    frame: &mut Vec<u8>,
) -> Result<()> {
    let failed = |code| {
        let reason = zstd::zstd_safe::get_error_name(code);
        Error::new(ErrorKind::Serialization, format!("a location cannot be compressed: {reason}"))
    };
    let context = kept.get_or_insert_default();
    frame.clear();
    frame.reserve(zstd::zstd_safe::compress_bound(location.len()));
    context.compress_using_cdict(frame, location.as_bytes(), &compressor.prepared).map_err(failed)?;
    Ok(())
}

/// Writes references.
struct RefEncoder<'b> {
    sources: &'b [Source],
    locations: Locations<'b>,
    etags: Recent<Box<[u8]>>,
}

impl RefEncoder<'_> {
    fn write(&mut self, file: &mut FileBuilder, coords: &[u32], (source, row): Origin) -> Result<Written> {
        let missing = || Error::new(ErrorKind::Internal, "a reference of the new manifest has lost its source");
        match self.sources.get(source as usize).ok_or_else(missing)? {
            Source::Table(rows) => match rows.view(row as usize) {
                RowView::Deleted => Err(missing()),
                RowView::Inline(data) => write_inline(file, coords, data),
                RowView::Native { id, offset, length } => write_native(file, coords, id, offset, length),
                RowView::Virtual { source, offset, length } => {
                    let checksum = rows.checksum(source).map(|checksum| match checksum {
                        Checksum::Etag(etag) => StoredChecksum::Etag(etag),
                        Checksum::LastModified(seconds) => StoredChecksum::LastModified(*seconds),
                    });
                    self.write_virtual(file, coords, &rows.location(source), offset, length, checksum)
                }
            },
            Source::Manifest(manifest, node_id) => {
                let refs = manifest.refs(node_id).ok_or_else(missing)?;
                match refs.stored(row as usize)? {
                    StoredRef::Inline(data) => write_inline(file, coords, data),
                    StoredRef::Native { id, offset, length } => write_native(file, coords, &id, offset, length),
                    StoredRef::Virtual { location: StoredLocation::Plain(text), offset, length, checksum } => {
                        self.write_virtual(file, coords, text, offset, length, checksum)
                    }
                    StoredRef::Virtual { location, offset, length, checksum } => {
                        self.write_virtual(file, coords, &manifest.location(location)?, offset, length, checksum)
                    }
                }
            }
        }
    }

    fn write_virtual(
        &mut self,
        file: &mut FileBuilder,
        coords: &[u32],
        location: &str,
        offset: u64,
        length: u64,
        checksum: Option<StoredChecksum<'_>>,
    ) -> Result<Written> {
        let location = self.locations.write(file, location)?;
        let etag = match checksum {
            Some(StoredChecksum::Etag(etag)) => Some(self.etags.get(etag.as_bytes(), || file.string(etag))?),
            _ => None,
        };
        let index = file.u32s(coords)?;
        file.table(|fields| {
            fields.u64(slot::OFFSET, offset);
            fields.u64(slot::LENGTH, length);
            fields.offset(slot::INDEX, index);
            match location {
                WrittenLocation::Plain(text) => fields.offset(slot::LOCATION, text),
                WrittenLocation::Compressed(frame) => fields.offset(slot::COMPRESSED_LOCATION, frame),
            }
            fields.maybe(slot::CHECKSUM_ETAG, etag);
            if let Some(StoredChecksum::LastModified(seconds)) = checksum {
                fields.u32(slot::CHECKSUM_LAST_MODIFIED, seconds);
            }
        })
    }
}

fn write_inline(file: &mut FileBuilder, coords: &[u32], data: &[u8]) -> Result<Written> {
    let data = file.bytes(data)?;
    let index = file.u32s(coords)?;
    file.table(|fields| {
        fields.offset(slot::INDEX, index);
        fields.offset(slot::INLINE, data);
    })
}

fn write_native(file: &mut FileBuilder, coords: &[u32], id: &[u8; 12], offset: u64, length: u64) -> Result<Written> {
    let index = file.u32s(coords)?;
    file.table(|fields| {
        fields.u64(slot::OFFSET, offset);
        fields.u64(slot::LENGTH, length);
        fields.offset(slot::INDEX, index);
        fields.id(slot::CHUNK_ID, id);
    })
}
