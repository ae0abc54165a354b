//! Collects the references of one new manifest and encodes it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::dictionary::{Dictionary, LocationCompression, SharedDictionary};
use super::locations::Locations;
use super::merged::{MergedRefs, OpenSource};
use super::refs::RefWriter;
use crate::format::envelope;
use crate::format::file_builder::FileBuilder;
use crate::format::schema::{array_manifest, manifest as schema};
use crate::format::{FileType, Header, Manifest, SpecVersion};
use crate::region::Extent;
use crate::{ChunkTable, Error, ErrorKind, NodeId, ObjectId12, Result};

/// Consecutive references of one array.
struct Part {
    refs: Arc<MergedRefs>,
    rows: Range<usize>,
}

/// The references of one new manifest file.
#[derive(Default)]
pub struct ManifestBuilder {
    arrays: BTreeMap<NodeId, Part>,
    dictionary: SharedDictionary,
}

impl ManifestBuilder {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Nothing yet; the dictionary for locations is that of `other` where it serves, so that it is trained only once.
    #[must_use]
    pub fn like(other: &Self) -> Self {
        Self { dictionary: other.dictionary.clone(), ..Self::default() }
    }

    /// Add the references `rows` of an array that is not in this manifest yet.
    pub fn add(&mut self, refs: Arc<MergedRefs>, rows: Range<usize>) -> Result<()> {
        let node_id = refs.node_id();
        if self.arrays.contains_key(&node_id) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("the array {node_id} is in this manifest already"),
            ));
        }
        if rows.start >= rows.end || rows.end > refs.len() {
            return Err(Error::new(ErrorKind::InvalidInput, "these are no references of the array"));
        }
        self.arrays.insert(node_id, Part { refs, rows });
        Ok(())
    }

    /// Add (the references of `old` in `region`, less those changed) and what `changes` sets in `region`.
    ///
    /// Gives the number of references and their bounding box; None, and adds nothing, if there are none.
    pub fn add_array(
        &mut self,
        node_id: NodeId,
        region: &[Extent],
        old: &[Manifest],
        changes: Option<&ChunkTable>,
    ) -> Result<Option<(usize, Vec<Extent>)>> {
        let refs = MergedRefs::new(node_id, region, old, changes)?;
        if refs.is_empty() {
            return Ok(None);
        }
        let whole = refs.whole();
        let count = whole.rows.len();
        self.add(Arc::new(refs), whole.rows)?;
        Ok(Some((count, whole.extents)))
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
        let body = self.body(id, spec_version, compression)?;
        envelope::encode(&body, FileType::Manifest, spec_version, writer, level)
    }

    /// The manifest file, and what reading it would give.
    pub fn finish_open(
        &self,
        id: ObjectId12,
        spec_version: SpecVersion,
        writer: &str,
        level: i32,
        compression: LocationCompression,
    ) -> Result<(Vec<u8>, Manifest)> {
        let body = self.body(id, spec_version, compression)?;
        let file = envelope::encode(&body, FileType::Manifest, spec_version, writer, level)?;
        let manifest = Manifest::of_body(Header::read(&file)?, body, id)?;
        Ok((file, manifest))
    }

    fn body(&self, id: ObjectId12, spec_version: SpecVersion, compression: LocationCompression) -> Result<Bytes> {
        let dictionary = if spec_version == SpecVersion::V1 { None } else { self.dictionary(compression)? };
        let mut file = FileBuilder::with_capacity(self.expected_size());
        let mut writer_of_refs = RefWriter::new(Locations::new(dictionary.clone()));
        let mut arrays = Vec::with_capacity(self.arrays.len());
        for (node_id, part) in &self.arrays {
            writer_of_refs.turn_to(&part.refs)?;
            let mut refs = Vec::with_capacity(part.rows.len());
            for (coords, origin) in part.refs.plan().iter(part.rows.clone()) {
                refs.push(writer_of_refs.write(&mut file, coords, origin)?);
            }
            let refs = file.offsets(&refs)?;
            arrays.push(file.table(|fields| {
                fields.offset(array_manifest::REFS, refs);
                fields.id(array_manifest::NODE_ID, node_id.as_bytes());
            })?);
        }
        let arrays = file.offsets(&arrays)?;
        let algorithm = if dictionary.is_some() { schema::ALGORITHM_ZSTD } else { schema::ALGORITHM_NONE };
        let dictionary = dictionary.map(|dictionary| file.bytes(&dictionary.bytes)).transpose()?;
        let root = file.table(|fields| {
            fields.offset(schema::ARRAYS, arrays);
            fields.maybe(schema::LOCATION_DICTIONARY, dictionary);
            fields.id(schema::ID, id.as_bytes());
            fields.u8(schema::COMPRESSION_ALGORITHM, algorithm, schema::ALGORITHM_ZSTD);
        })?;
        let (buffer, start) = file.into_body(root)?;
        // The buffer has up to twice the size, and the manifest may be kept for long.
        Ok(Bytes::copy_from_slice(buffer.get(start..).unwrap_or_default()))
    }

    fn expected_size(&self) -> usize {
        let sizes = self.arrays.values().map(|part| part.rows.len() * (56 + 4 * part.refs.plan().ndim()));
        sizes.sum::<usize>() + 4096
    }

    /// What locations are compressed with, None if they are stored plain (format section 5.4).
    fn dictionary(&self, settings: LocationCompression) -> Result<Option<Arc<Dictionary>>> {
        let mut total = 0;
        let mut main: (usize, Option<OpenSource<'_>>) = (0, None);
        for part in self.arrays.values() {
            let sources = part.refs.sources();
            let mut counts = vec![0_usize; part.refs.num_sources()];
            for &(source, row) in part.refs.plan().origins(part.rows.clone()) {
                if let Some(open) = sources.get(source as usize)
                    && open.is_virtual(row as usize)?
                    && let Some(count) = counts.get_mut(source as usize)
                {
                    *count += 1;
                }
            }
            total += counts.iter().sum::<usize>();
            for (count, source) in counts.into_iter().zip(sources) {
                if count > main.0 {
                    main = (count, Some(source));
                }
            }
        }
        if total < settings.min_virtual_refs.max(1) {
            return Ok(None);
        }
        // That of the old manifest that the most of them come from, if it has one.
        let old = match main.1 {
            Some(OpenSource::Manifest(manifest, _)) => manifest.dictionary(),
            _ => None,
        };
        self.dictionary.choose(&self.samples(total, settings.dictionary_samples)?, old, settings)
    }

    /// Some of the `total` locations.
    ///
    /// Evenly spaced ones stand for the official random ones: a build is then the same every time.
    fn samples(&self, total: usize, wanted: usize) -> Result<Vec<String>> {
        let wanted = wanted.min(total);
        let mut samples = Vec::with_capacity(wanted);
        let mut number = 0;
        for part in self.arrays.values() {
            let sources = part.refs.sources();
            for &(source, row) in part.refs.plan().origins(part.rows.clone()) {
                if samples.len() == wanted {
                    return Ok(samples);
                }
                let Some(open) = sources.get(source as usize) else { continue };
                if !open.is_virtual(row as usize)? {
                    continue;
                }
                if number == samples.len() * total / wanted {
                    samples.push(open.location(row as usize)?);
                }
                number += 1;
            }
        }
        Ok(samples)
    }
}
