//! Collects the references of one new manifest and encodes it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::dictionary::{Dictionary, LocationCompression, SharedDictionary};
use super::locations::Locations;
use super::plan::{ArrayPlan, Origin, Source, as_u32};
use super::refs::RefWriter;
use crate::chunk_table::RowView;
use crate::format::file_builder::FileBuilder;
use crate::format::manifest::StoredRef;
use crate::format::schema::{array_manifest, manifest as schema};
use crate::format::{FileType, Manifest, SpecVersion};
use crate::region::Extent;
use crate::{ChunkTable, Error, ErrorKind, NodeId, ObjectId12, Result};

/// The references of one new manifest file.
#[derive(Default)]
pub struct ManifestBuilder {
    sources: Vec<Source>,
    arrays: BTreeMap<NodeId, ArrayPlan>,
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
        let mut plan = ArrayPlan::new(region.len());
        for manifest in old {
            plan.add(manifest, &node_id, region, as_u32(self.sources.len())?)?;
            self.sources.push(Source::Manifest(manifest.clone(), node_id));
        }
        plan = plan.sorted();
        if let Some(changes) = changes {
            let rows = changes.rows();
            plan = plan.overlaid(&rows, region, as_u32(self.sources.len())?)?;
            self.sources.push(Source::Table(rows));
        }
        if plan.len() == 0 {
            return Ok(None);
        }
        let added = (plan.len(), plan.bounding_box());
        self.arrays.insert(node_id, plan);
        Ok(Some(added))
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
        let dictionary = if spec_version == SpecVersion::V1 { None } else { self.dictionary(compression)? };
        let mut file = FileBuilder::with_capacity(self.expected_size());
        let mut writer_of_refs = RefWriter::new(&self.sources, Locations::new(dictionary.clone()));
        let mut arrays = Vec::with_capacity(self.arrays.len());
        for (node_id, plan) in &self.arrays {
            let mut refs = Vec::with_capacity(plan.len());
            for (coords, origin) in plan.iter() {
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
        file.into_file(root, FileType::Manifest, spec_version, writer, level)
    }

    fn expected_size(&self) -> usize {
        self.arrays.values().map(|plan| plan.len() * (56 + 4 * plan.ndim())).sum::<usize>() + 4096
    }

    /// What locations are compressed with, None if they are stored plain (format section 5.4).
    fn dictionary(&self, settings: LocationCompression) -> Result<Option<Arc<Dictionary>>> {
        let mut virtual_refs = Vec::new();
        for &origin in self.arrays.values().flat_map(ArrayPlan::origins) {
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
        self.dictionary.choose(&samples, self.main_dictionary(&virtual_refs), settings)
    }

    /// The dictionary of the old manifest that the most of `virtual_refs` come from, if it has one.
    fn main_dictionary(&self, virtual_refs: &[Origin]) -> Option<&Bytes> {
        let mut counts = vec![0_usize; self.sources.len()];
        for (source, _) in virtual_refs {
            if let Some(count) = counts.get_mut(*source as usize) {
                *count += 1;
            }
        }
        let (_, main) = counts.into_iter().zip(&self.sources).max_by_key(|(count, _)| *count)?;
        match main {
            Source::Manifest(manifest, _) => manifest.dictionary(),
            Source::Table(_) => None,
        }
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
}
